use std::{path::Path, sync::Arc, time::Duration};

use mp_core::{
    Caller, Engine, Scope,
    amount::{Currency, Money},
    clock::{Clock, ManualClock},
    entropy::SystemEntropy,
    feed::{Feed, Feeds, Projector},
    id::AppId,
    store::{Durability, SqliteOptions, SqliteStore},
    work::{Worker, WorkerOptions},
};
use mp_pay::{
    IntentId, PaymentBackend, Payments, SandboxBackend,
    backend::{Lookup, LookupRequest, sandbox::Behaviour},
    method::PaymentMethodToken,
    operation::{OperationKey, Step},
    payments::{ConfirmIntent, CreateIntent, Notice, RefundIntent},
};

use super::{Outcome, sales::DailySales};

/// The stalls, each a mini program of its own: whoever is paid is the app.
pub(crate) const STALLS: [&str; 3] = ["dumplings", "noodles", "tea"];

/// When each day begins.
pub(crate) const DAYS: [&str; 2] = ["2026-11-21T17:00:00Z", "2026-11-22T17:00:00Z"];

/// How long the bank takes to find that an account is closed.
const FINDING: Duration = Duration::from_secs(12 * 60 * 60);

/// How many people come to a stall on a day.
pub(crate) const VISITORS: u32 = 30;

/// The joined services of one process.
pub(crate) struct Market {
    pub(crate) payments: Payments,
    bank: SandboxBackend,
    clock: Arc<ManualClock>,
    worker: Worker,
}

impl Market {
    /// Starts a process on the files in a folder.
    pub(crate) async fn open(
        folder: &Path,
        clock: &Arc<ManualClock>,
        sales: Arc<DailySales>,
    ) -> Outcome<Self> {
        let options = SqliteOptions::default().with_durability(Durability::Normal);
        let store = Arc::new(SqliteStore::open(folder.join("market.db"), options)?);
        let engine = Engine::new(store, clock.clone(), Arc::new(SystemEntropy::new()));
        let feed = Feed::new("sales".parse()?);
        let bank = SandboxBackend::on(&engine, &"bank".parse()?);
        let payments = Payments::new(&engine, Arc::new(bank.clone())).with_feed(feed.clone());
        let projector = Projector::new(&engine, &feed, sales);
        for stall in STALLS {
            projector.start(&stall.parse()?).await?;
        }
        let worker = Worker::new(&engine, WorkerOptions::default())
            .with(payments.handlers())
            .with(Feeds::new(&engine).handlers())
            .with([projector.handler()]);
        let clock = clock.clone();
        Ok(Self {
            payments,
            bank,
            clock,
            worker,
        })
    }

    /// Does what is due, now and a little later.
    pub(crate) async fn work(&self) -> Outcome<()> {
        for _ in 0..3 {
            self.worker.drain().await?;
            self.clock.advance(Duration::from_secs(2));
        }
        Ok(())
    }

    /// Sells for a day, and notes every payment; some dishes of the day before come back.
    pub(crate) async fn sell(&self, sold: &mut Vec<Sale>) -> Outcome<()> {
        let yesterday = sold.clone();
        for visitor in 0..VISITORS {
            self.clock.advance(Duration::from_secs(60));
            for stall in STALLS {
                sold.push(self.serve(stall.parse()?, visitor).await?);
            }
        }
        for sale in yesterday.iter().step_by(7) {
            self.give_half_back(sale).await?;
        }
        Ok(())
    }

    /// Serves one visitor: some cards are declined, and some dishes come back at once.
    async fn serve(&self, stall: AppId, visitor: u32) -> Outcome<Sale> {
        let guest = Caller::user(stall.clone(), format!("guest-{visitor}").parse()?);
        let key = self.clock.now().as_millis().to_string().parse()?;
        let declined = visitor % 11 == 3;
        let card = if declined { "pm_declined" } else { "pm_ok" };
        let order = CreateIntent::of(price(&stall, visitor))
            .with_payment_method(PaymentMethodToken::new(card)?);
        let intent = self.payments.create_intent(&guest, order, &key).await?.id;
        let confirm = ConfirmIntent::of(intent);
        self.payments.confirm(&guest, confirm, &key).await?;
        let sale = Sale { stall, intent };
        if visitor % 9 == 2 {
            self.give_half_back(&sale).await?;
        }
        Ok(sale)
    }

    /// Gives half of a price back to an account that is closed: the bank takes the money, and finds
    /// later that it has come back.
    pub(crate) async fn give_half_back_in_vain(&self, sale: &Sale) -> Outcome<()> {
        self.bank.script(Behaviour::FailLater(FINDING));
        self.give_half_back(sale).await?;
        self.hear(sale).await
    }

    /// Lets the bank tell by itself what became of a sale's refunds, everything twice.
    pub(crate) async fn hear(&self, sale: &Sale) -> Outcome<()> {
        let (keeper, intent) = (sale.keeper(), sale.intent);
        for refund in self.payments.refunds(&keeper, intent).await? {
            let step = Step::Refund(refund.id);
            let operation = OperationKey { intent, step };
            let request = LookupRequest::of(sale.stall.clone(), operation);
            let Lookup::Found(outcome) = self.bank.lookup(&request).await? else {
                continue;
            };
            for outcome in [outcome.clone(), outcome] {
                let notice = Notice { operation, outcome };
                self.payments.observe(&keeper, notice).await?;
            }
        }
        Ok(())
    }

    async fn give_half_back(&self, sale: &Sale) -> Outcome<()> {
        let keeper = sale.keeper();
        let paid = self.payments.intent(&keeper, sale.intent).await?;
        let half = Money::new(paid.amount_received.minor() / 2, paid.amount.currency());
        if half.is_zero() || !paid.amount_refunded.is_zero() {
            return Ok(());
        }
        let part = RefundIntent::of(sale.intent).with_amount(half);
        let key = format!("back-{}", sale.intent).parse()?;
        self.payments.refund(&keeper, part, &key).await?;
        Ok(())
    }
}

/// A payment to a stall.
#[derive(Clone, Debug)]
pub(crate) struct Sale {
    pub(crate) stall: AppId,
    pub(crate) intent: IntentId,
}

impl Sale {
    /// Returns who keeps the stall.
    pub(crate) fn keeper(&self) -> Caller {
        Caller::app(self.stall.clone()).with_scope(Scope::STAFF)
    }
}

fn price(stall: &AppId, visitor: u32) -> Money {
    let extra = i64::from(stall.as_str().starts_with('d')) * 400;
    Money::new(1_800 + 350 * i64::from(visitor % 9) + extra, Currency::HKD)
}
