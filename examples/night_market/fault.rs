use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use mp_core::{Engine, Error, amount::Money, id::{AppId, Name}};
use mp_pay::{
    PaymentBackend, SandboxBackend,
    backend::{
        BackendError, Capabilities, Charged, ChargeRequest, Lookup, Outcome, sandbox::Movement,
    },
    operation::OperationKey,
};

use super::options::Fault;

/// How many calls a fault spoils.
const SPOILED: u32 = 3;

/// The market's payment provider: a sandbox that keeps its books in the same store, so that a
/// killed run finds the same provider again; and, if asked for, one that does a thing twice.
#[derive(Debug)]
pub(crate) struct Acquirer {
    sound: SandboxBackend,
    /// The same books, without a memory for keys: called twice, it moves money twice.
    forgetful: SandboxBackend,
    fault: Option<Fault>,
    spoiled: AtomicU32,
}

impl Acquirer {
    pub(crate) fn new(engine: &Engine, fault: Option<Fault>) -> Result<Self, Error> {
        let account = Name::new("acquirer").map_err(|error| Error::invalid("account", error))?;
        let forgetful = SandboxBackend::on(engine, account.clone());
        Ok(Self {
            sound: SandboxBackend::on(engine, account),
            forgetful: forgetful.with_capabilities(Capabilities::neither()),
            fault,
            spoiled: AtomicU32::new(0),
        })
    }

    /// Returns every movement of the market's money in the provider's own books.
    pub(crate) async fn movements(&self, app: &AppId) -> Result<Vec<Movement>, Error> {
        self.sound.movements(app).await
    }

    fn spoils(&self, fault: Fault) -> bool {
        self.fault == Some(fault) && self.spoiled.fetch_add(1, Ordering::Relaxed) < SPOILED
    }
}

#[async_trait]
impl PaymentBackend for Acquirer {
    fn capabilities(&self) -> Capabilities {
        self.sound.capabilities()
    }

    async fn charge(&self, request: &ChargeRequest) -> Result<Outcome, BackendError> {
        if request.capture && self.spoils(Fault::Capture) {
            self.forgetful.charge(request).await?;
            return self.forgetful.charge(request).await;
        }
        self.sound.charge(request).await
    }

    async fn capture(
        &self,
        key: &OperationKey,
        charge: &Charged,
        amount: Money,
    ) -> Result<Outcome, BackendError> {
        if self.spoils(Fault::Capture) {
            self.forgetful.capture(key, charge, amount).await?;
            return self.forgetful.capture(key, charge, amount).await;
        }
        self.sound.capture(key, charge, amount).await
    }

    async fn void(&self, key: &OperationKey, charge: &Charged) -> Result<Outcome, BackendError> {
        self.sound.void(key, charge).await
    }

    async fn refund(
        &self,
        key: &OperationKey,
        charge: &Charged,
        amount: Money,
    ) -> Result<Outcome, BackendError> {
        if self.spoils(Fault::Refund) {
            self.forgetful.refund(key, charge, amount).await?;
            return self.forgetful.refund(key, charge, amount).await;
        }
        self.sound.refund(key, charge, amount).await
    }

    async fn lookup(&self, app: &AppId, key: &OperationKey) -> Result<Lookup, BackendError> {
        self.sound.lookup(app, key).await
    }
}
