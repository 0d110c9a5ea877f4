use std::{error::Error, path::Path, sync::Arc, time::Duration};

use mp_core::{
    Caller,
    amount::{Currency, Money},
    clock::{Clock, ManualClock},
    id::AppId,
    work::{ATTEMPTS_MAX, Worker, WorkerOptions},
};
use mp_pay::{
    IntentId, PaymentIntent, Payments, SandboxBackend,
    backend::Capabilities,
    intent::IntentStatus,
    ledger::{AccountId, NewTransfer, OpenAccount, Side, TransferId},
    method::PaymentMethodToken,
    payments::{ConfirmIntent, CreateIntent, RefundIntent},
    webhook::{
        Webhooks,
        stripe::{StripeSecret, StripeWebhooks},
    },
};

use super::{
    console::{Console, hearing},
    endpoint::Endpoint,
    options::SOURCE,
};

/// Who comes, what they pay with, and how much in cents. The tokens tell the sandbox how to behave.
const VISITORS: [(&str, &str, i64); 5] = [
    ("mei", "pm_ok", 12_50),
    ("bo", "pm_declined", 8_00),
    ("ana", "pm_timeout_after", 21_00),
    ("li", "pm_timeout_before", 9_00),
    ("kim", "pm_ok", 30_00),
];

/// What the provider can be asked.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Provider {
    /// Nothing: an answer that is lost stays lost.
    Silent,
    /// What became of an operation.
    Answers,
}

/// How the endpoint has answered the provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) accepted: u32,
    pub(crate) refused: u32,
}

/// A small world in a store file: a stall, its visitors, and a provider that loses answers.
#[derive(Debug)]
pub(crate) struct Evening {
    console: Console,
    pub(crate) clock: Arc<ManualClock>,
}

impl Evening {
    pub(crate) fn on_file(file: &Path) -> Result<Self, Box<dyn Error>> {
        let clock = Arc::new(ManualClock::at("2026-11-21T18:00:00Z".parse()?));
        let (app, source) = ("market".parse()?, SOURCE.parse()?);
        let console = Console::open(file, app, &source, clock.clone())?;
        Ok(Self { console, clock })
    }

    pub(crate) const fn console(&self) -> &Console {
        &self.console
    }

    /// Opens a console of another process, which knows the file alone.
    #[cfg(test)]
    pub(crate) fn another_console(
        &self,
        file: &Path,
        app: AppId,
        source: &mp_core::id::Name,
    ) -> Result<Console, Box<dyn Error>> {
        Console::on_file(file, app, source, self.clock.clone())
    }

    /// Lets everybody pay, and returns the intent of which the money was taken and nobody knows.
    pub(crate) async fn live(&self) -> Result<IntentId, Box<dyn Error>> {
        let payments = self.payments(Provider::Silent);
        let mut stuck = None;
        for (visitor, token, cents) in VISITORS {
            self.clock.advance(Duration::from_secs(600));
            let intent = pay(&payments, visitor, token, cents).await?;
            if token == "pm_timeout_after" {
                stuck = Some(intent.id);
            }
            if visitor == "kim" {
                let part = RefundIntent::of(intent.id).with_amount(eur(5_00));
                let operator = &self.console.operator;
                payments
                    .refund(operator, part, &"kim-cold".parse()?)
                    .await?;
            }
        }
        self.work(Provider::Silent).await?;
        self.open_books().await?;
        self.book_takings().await?;
        stuck.ok_or_else(|| "nobody's answer was lost".into())
    }

    /// Does what is due, as the host's worker would.
    pub(crate) async fn work(&self, provider: Provider) -> Result<(), Box<dyn Error>> {
        self.clock.advance(Duration::from_secs(61));
        let worker = Worker::new(&self.console.engine, WorkerOptions::default())
            .with(self.payments(provider).handlers())
            .with(self.console.ledger.handlers());
        worker.drain().await?;
        Ok(())
    }

    /// Lets the provider tell by webhook what it knows, over HTTP: each event twice, one whose end is
    /// missing, and one of somebody who does not know the secret.
    pub(crate) async fn hear(&self) -> Result<Heard, Box<dyn Error>> {
        let (secret, forged) = (secret("whsec_of_the_stall")?, secret("whsec_of_somebody")?);
        let stripe = StripeWebhooks::new().with_secret(self.app().clone(), secret.clone())?;
        let Console {
            engine, payments, ..
        } = &self.console;
        let webhooks = hearing(engine, &SOURCE.parse()?, stripe, payments);
        let endpoint = Endpoint::open(&webhooks).await?;
        let mut posts = Vec::new();
        for event in self.provider(Provider::Silent).events(self.app()).await? {
            posts.extend([
                (secret.clone(), event.body.clone()),
                (secret.clone(), event.body),
            ]);
        }
        let cut_off = r#"{"id":"evt_cut","type":"payment_intent.succeeded""#;
        posts.push((secret, cut_off.to_owned()));
        posts.push((forged, r#"{"id":"evt_forged"}"#.to_owned()));
        let mut heard = Heard::default();
        for (secret, body) in posts {
            let signature = secret.sign(body.as_bytes(), self.clock.now());
            match endpoint.post(&signature, &body).await? {
                200 => heard.accepted += 1,
                _ => heard.refused += 1,
            }
        }
        Ok(heard)
    }

    /// Lets a worker do what is due whose host has forgotten to tell it of the provider's webhooks,
    /// until it has given all of them up.
    pub(crate) async fn neglect(&self) -> Result<(), Box<dyn Error>> {
        let webhooks = Webhooks::new(&self.console.engine);
        let worker = Worker::new(&self.console.engine, WorkerOptions::default());
        let worker = worker.with(webhooks.handlers());
        for _ in 0..=ATTEMPTS_MAX {
            self.clock.advance(Duration::from_secs(31 * 60));
            worker.drain().await?;
        }
        Ok(())
    }

    /// Writes what has come in, and went back, into the books: each intent once.
    pub(crate) async fn book_takings(&self) -> Result<(), Box<dyn Error>> {
        for (visitor, token, cents) in VISITORS {
            let intent = self.payment_of(visitor, token, cents).await?;
            if intent.status == IntentStatus::Succeeded {
                let sale = moving("house/bank", "stall/sales", intent.amount_received, visitor)?;
                self.book(&format!("sale-{}", intent.id), sale).await?;
            }
            if intent.amount_refunded.is_positive() {
                let back = moving("stall/sales", "house/bank", intent.amount_refunded, visitor)?;
                self.book(&format!("back-{}", intent.id), back).await?;
            }
        }
        Ok(())
    }

    async fn book(&self, name: &str, request: NewTransfer) -> Result<(), Box<dyn Error>> {
        let (id, operator) = (TransferId::derived(&[name]), &self.console.operator);
        self.console.ledger.transfer(operator, id, request).await?;
        Ok(())
    }

    async fn open_books(&self) -> Result<(), Box<dyn Error>> {
        let euro = || Currency::EUR.into();
        for account in [
            OpenAccount::own(account("house/bank")?, euro(), Side::Debit),
            OpenAccount::own(account("stall/sales")?, euro(), Side::Credit),
        ] {
            let operator = &self.console.operator;
            self.console.ledger.open(operator, account).await?;
        }
        Ok(())
    }

    /// Asks for a visitor's order once more, which leads to the same intent.
    async fn payment_of(
        &self,
        visitor: &str,
        token: &str,
        cents: i64,
    ) -> Result<PaymentIntent, Box<dyn Error>> {
        let (caller, order) = order_of(visitor, token, cents)?;
        let payments = &self.console.payments;
        let created = payments
            .create_intent(&caller, order, &visitor.parse()?)
            .await?;
        Ok(payments.intent(&caller, created.id).await?)
    }

    /// Joins the engine with the provider, whose books stand in the same file.
    pub(crate) fn payments(&self, provider: Provider) -> Payments {
        Payments::new(&self.console.engine, Arc::new(self.provider(provider)))
    }

    pub(crate) fn provider(&self, provider: Provider) -> SandboxBackend {
        let can = match provider {
            Provider::Silent => Capabilities::neither(),
            Provider::Answers => Capabilities::neither().with_queries(),
        };
        let name = "acme".parse().expect("a short name");
        SandboxBackend::on(&self.console.engine, &name).with_capabilities(can)
    }

    const fn app(&self) -> &AppId {
        self.console.operator.app_id()
    }
}

pub(crate) async fn pay(
    payments: &Payments,
    visitor: &str,
    token: &str,
    cents: i64,
) -> Result<PaymentIntent, Box<dyn Error>> {
    let (caller, order) = order_of(visitor, token, cents)?;
    let key = visitor.parse()?;
    let intent = payments.create_intent(&caller, order, &key).await?;
    let confirm = ConfirmIntent::of(intent.id);
    Ok(payments.confirm(&caller, confirm, &key).await?)
}

fn order_of(
    visitor: &str,
    token: &str,
    cents: i64,
) -> Result<(Caller, CreateIntent), Box<dyn Error>> {
    let caller = Caller::user("market".parse()?, visitor.parse()?);
    let order = CreateIntent::of(eur(cents)).with_payment_method(PaymentMethodToken::new(token)?);
    Ok((caller, order))
}

fn moving(from: &str, to: &str, amount: Money, memo: &str) -> Result<NewTransfer, Box<dyn Error>> {
    let transfer = NewTransfer::of(account(from)?, account(to)?, amount);
    Ok(transfer.with_memo(memo.parse()?))
}

fn secret(text: &str) -> Result<StripeSecret, Box<dyn Error>> {
    Ok(StripeSecret::new(text)?)
}

fn account(text: &str) -> Result<AccountId, Box<dyn Error>> {
    Ok(text.parse()?)
}

const fn eur(cents: i64) -> Money {
    Money::new(cents, Currency::EUR)
}
