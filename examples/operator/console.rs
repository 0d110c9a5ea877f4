use std::{error::Error, path::Path, sync::Arc};

use mp_core::{
    Caller, Engine, Scope,
    clock::{Clock, SystemClock},
    entropy::SystemEntropy,
    id::AppId,
    store::{Delivery, Listing, SqliteOptions, SqliteStore},
    work::DeadLetters,
};
use mp_pay::{
    IntentId, PayError, PaymentIntent, Payments, SandboxBackend,
    backend::Capabilities,
    journal::JournalEntry,
    ledger::{BookId, Ledger, LedgerError, TrialBalance, Verified},
    payments::{UNRESOLVED_MAX, Unresolved},
};

/// How many dead letters are shown at a time.
const PAGE: u32 = 100;

/// What an operator sees of one app, and can do about it: everything by the suite's public services.
///
/// It calls no provider: what it makes due again, a worker of the host takes up.
#[derive(Debug)]
pub(crate) struct Console {
    pub(crate) store: Arc<dyn Listing>,
    pub(crate) engine: Engine,
    pub(crate) operator: Caller,
    pub(crate) payments: Payments,
    pub(crate) ledger: Ledger,
}

/// An intent, with everything that happened to it.
#[derive(Debug)]
pub(crate) struct History {
    pub(crate) intent: PaymentIntent,
    pub(crate) journal: Vec<JournalEntry>,
}

impl Console {
    pub(crate) fn on_file(file: &Path, app: AppId) -> Result<Self, Box<dyn Error>> {
        if !file.exists() {
            return Err(format!("there is no {}", file.display()).into());
        }
        Self::open(file, app, Arc::new(SystemClock))
    }

    pub(crate) fn open(
        file: &Path,
        app: AppId,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Box<dyn Error>> {
        let store = Arc::new(SqliteStore::open(file, SqliteOptions::default())?);
        let engine = Engine::new(store.clone(), clock, Arc::new(SystemEntropy::new()));
        let nobody = SandboxBackend::new().with_capabilities(Capabilities::neither());
        Ok(Self {
            payments: Payments::new(&engine, Arc::new(nobody)),
            ledger: Ledger::new(&engine),
            operator: Caller::app(app).with_scope(Scope::STAFF),
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

    pub(crate) async fn dead(&self) -> Result<Vec<Delivery>, mp_core::Error> {
        DeadLetters::of(&self.engine).list(None, PAGE).await
    }

    pub(crate) async fn redrive(&self, kind: Option<&str>) -> Result<u64, mp_core::Error> {
        DeadLetters::of(&self.engine).redrive_all(kind).await
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
            let found = self.ledger.verify(&self.operator, &book).await?;
            verified.push((book, found));
        }
        Ok(verified)
    }
}
