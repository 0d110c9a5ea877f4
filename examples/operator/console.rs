use std::{error::Error, path::Path, sync::Arc};

use mp_core::{
    Caller, Engine, Scope,
    clock::Clock,
    entropy::SystemEntropy,
    host::Host,
    id::{AppId, Name},
    store::{Delivery, Listing, SqliteOptions, SqliteStore},
    work::DeadLetters,
};
use mp_pay::{
    IntentId, PayError, PaymentIntent, Payments,
    journal::JournalEntry,
    ledger::{BookId, Ledger, LedgerError, TrialBalance, Verified},
    payments::{PAY_MANAGE, UNRESOLVED_MAX, Unresolved},
    webhook::{Handled, Unhandled, WebhookId, Webhooks, stripe::StripeWebhooks},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::no_provider::NoProvider;

/// How many dead letters are read at a time.
const PAGE: u32 = 100;

/// What an operator sees of one app, and can do about it: everything by the suite's public services,
/// and what is about webhooks by a host's operations, as an office page in JSON would.
///
/// It calls no provider: what it makes due, or due again, a worker of the host takes up.
#[derive(Debug)]
pub(crate) struct Console {
    pub(crate) store: Arc<dyn Listing>,
    pub(crate) engine: Engine,
    pub(crate) operator: Caller,
    pub(crate) payments: Payments,
    pub(crate) ledger: Ledger,
    host: Host,
}

/// An intent, with everything that happened to it.
#[derive(Debug)]
pub(crate) struct History {
    pub(crate) intent: PaymentIntent,
    pub(crate) journal: Vec<JournalEntry>,
}

impl Console {
    /// Opens a file that is there, and whose host takes in the provider's webhooks under the name
    /// `source`. What is driven again is due by this clock: it has to be that of the file's worker.
    pub(crate) fn on_file(
        file: &Path,
        app: AppId,
        source: &Name,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Box<dyn Error>> {
        if !file.exists() {
            return Err(format!("there is no {}", file.display()).into());
        }
        Self::open(file, app, source, clock)
    }

    pub(crate) fn open(
        file: &Path,
        app: AppId,
        source: &Name,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Box<dyn Error>> {
        let store = Arc::new(SqliteStore::open(file, SqliteOptions::default())?);
        let engine = Engine::new(store.clone(), clock, Arc::new(SystemEntropy::new()));
        let payments = Payments::new(&engine, Arc::new(NoProvider));
        // What was accepted was verified then: to read it takes no secret.
        let webhooks = hearing(&engine, source, StripeWebhooks::new(), &payments);
        Ok(Self {
            host: Host::new(&engine).with(webhooks.operations())?,
            payments,
            ledger: Ledger::new(&engine),
            operator: Caller::app(app)
                .with_scope(Scope::STAFF)
                .with_scope(PAY_MANAGE),
            engine,
            store,
        })
    }

    pub(crate) async fn intent(&self, id: IntentId) -> Result<History, PayError> {
        Ok(History {
            intent: self.payments.intent(&self.operator, id).await?,
            journal: self.payments.journal(&self.operator, id).await?,
        })
    }

    pub(crate) async fn unresolved(&self) -> Result<Vec<Unresolved>, PayError> {
        let listed = self
            .payments
            .unresolved(&self.operator, None, UNRESOLVED_MAX);
        listed.await
    }

    /// Lists what lies dead of this app.
    pub(crate) async fn dead(&self) -> Result<Vec<Delivery>, mp_core::Error> {
        let letters = DeadLetters::of(&self.engine);
        let app = self.operator.app_id().as_str();
        let (mut dead, mut last) = (Vec::new(), None);
        loop {
            let page = letters.list(last.as_ref(), PAGE).await?;
            let Some(end) = page.last() else {
                return Ok(dead);
            };
            last = Some(end.clone());
            dead.extend(page.into_iter().filter(|each| each.partition.app() == app));
        }
    }

    /// Drives again what lies dead of this app, of one kind of work or of all.
    pub(crate) async fn redrive(&self, kind: Option<&str>) -> Result<u64, mp_core::Error> {
        let letters = DeadLetters::of(&self.engine);
        let mut driven = 0;
        for letter in self.dead().await? {
            if kind.is_some() && letter.key.delivery_kind() != kind {
                continue;
            }
            match letters.redrive(&letter).await {
                Ok(()) => driven += 1,
                // Somebody else has driven it meanwhile.
                Err(error) if error.code() == "not_dead" => {}
                Err(error) => return Err(error),
            }
        }
        Ok(driven)
    }

    /// Lists the webhooks that were accepted, and could not be handled.
    pub(crate) async fn webhooks(&self) -> Result<Vec<Unhandled>, mp_core::Error> {
        self.ask("pay.webhooks", json!({})).await
    }

    /// Does what a webhook asks for after all.
    pub(crate) async fn handle(&self, webhook: &WebhookId) -> Result<Handled, mp_core::Error> {
        self.ask("pay.handle_webhook", self.about(webhook)).await
    }

    /// Puts a webhook aside that cannot be handled.
    pub(crate) async fn dismiss(&self, webhook: &WebhookId) -> Result<Handled, mp_core::Error> {
        self.ask("pay.dismiss_webhook", self.about(webhook)).await
    }

    /// Names a webhook, under a key for what is done about it: each command that is typed is one of its
    /// own, for the same webhook may have been heard again since the last.
    fn about(&self, webhook: &WebhookId) -> Value {
        let key = format!("typed-{:032x}", u128::from_be_bytes(self.engine.random()));
        json!({"webhook": webhook, "idempotency_key": key})
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        name: &str,
        input: Value,
    ) -> Result<T, mp_core::Error> {
        let answer = self.host.call(&self.operator, name, input).await?;
        serde_json::from_value(answer)
            .map_err(|error| mp_core::Error::invalid("answer", "does not read").with_source(error))
    }

    pub(crate) async fn trial_balance(&self) -> Result<TrialBalance, LedgerError> {
        let all = self
            .ledger
            .trial_balance_of_all(&self.operator, &*self.store);
        all.await
    }

    pub(crate) async fn verify(&self) -> Result<Vec<(BookId, Verified)>, LedgerError> {
        let mut verified = Vec::new();
        for book in self.ledger.books(&self.operator, &*self.store).await? {
            match self.ledger.verify(&self.operator, &book).await {
                Ok(found) => verified.push((book, found)),
                // It was retired: the archive has it.
                Err(error) if error.code() == "archived" => {}
                Err(error) => return Err(error),
            }
        }
        Ok(verified)
    }
}

/// Joins the engine with what reads the provider's webhooks, and with the payments they are about.
pub(crate) fn hearing(
    engine: &Engine,
    source: &Name,
    provider: StripeWebhooks,
    payments: &Payments,
) -> Webhooks {
    Webhooks::new(engine).with_source(source.clone(), Arc::new(provider), payments)
}
