//! A store and a backend that fail at the n-th call, and a process that dies of it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use async_trait::async_trait;
use mp_core::{
    amount::Money,
    store::{
        Batch, Changes, Delivery, DueQuery, Key, Limits, Partition, Query, Settle, Store,
        StoreError, StoreErrorKind, Version, View,
    },
};
use mp_pay::{
    backend::{
        BackendError, BackendErrorKind, Capabilities, CaptureRequest, ChargeRequest, Charged,
        IncreaseRequest, Lookup, LookupRequest, Outcome, PaymentBackend,
    },
    operation::OperationKey,
};

use super::webhooks::Webhooks;

/// What goes wrong at the chosen call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    /// The process dies before the call takes effect.
    DiesBefore,
    /// The process dies after the call took effect.
    DiesAfter,
    /// The call takes no effect and its answer is lost.
    LostBefore,
    /// The call takes effect and its answer is lost.
    LostAfter,
    /// The call takes effect and never comes back; a store loses the answer instead.
    HangsAfter,
}

pub(crate) const FAULTS: [Fault; 4] = [
    Fault::DiesBefore,
    Fault::DiesAfter,
    Fault::LostBefore,
    Fault::LostAfter,
];

/// Counts one kind of call, strikes at the n-th, and remembers whether the process is dead.
#[derive(Clone, Debug)]
pub(crate) struct Doom {
    strikes_at: u32,
    fault: Fault,
    calls: Arc<AtomicU32>,
    dead: Arc<AtomicBool>,
}

impl Doom {
    /// Strikes at the call of this number, from 1; never at 0.
    pub(crate) fn at(strikes_at: u32, fault: Fault, dead: &Arc<AtomicBool>) -> Self {
        Self {
            strikes_at,
            fault,
            calls: Arc::default(),
            dead: dead.clone(),
        }
    }

    pub(crate) fn calls(&self) -> u32 {
        self.calls.load(Ordering::SeqCst)
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    /// Counts a call, and returns what goes wrong with it.
    pub(crate) fn strike(&self) -> Option<Fault> {
        let number = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let fault = (number == self.strikes_at).then_some(self.fault)?;
        if matches!(fault, Fault::DiesBefore | Fault::DiesAfter) {
            self.dead.store(true, Ordering::SeqCst);
        }
        Some(fault)
    }
}

/// A store whose writes can fail; a dead process reaches nothing any more.
#[derive(Debug)]
pub(crate) struct FaultyStore {
    inner: Arc<dyn Store>,
    pub(crate) doom: Doom,
}

impl FaultyStore {
    pub(crate) fn new(inner: Arc<dyn Store>, doom: Doom) -> Self {
        Self { inner, doom }
    }

    fn alive(&self, op: &'static str) -> Result<(), StoreError> {
        if self.doom.is_dead() {
            return Err(dead(op));
        }
        Ok(())
    }
}

fn dead(op: &'static str) -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, op, "the process is dead")
}

fn lost(op: &'static str) -> StoreError {
    StoreError::new(StoreErrorKind::Unknown, op, "the answer was lost")
}

#[async_trait]
impl Store for FaultyStore {
    fn limits(&self) -> Limits {
        self.inner.limits()
    }

    async fn read(&self, partition: &Partition, query: &Query) -> Result<View, StoreError> {
        self.alive("read")?;
        self.inner.read(partition, query).await
    }

    async fn commit(&self, partition: &Partition, batch: Batch) -> Result<Version, StoreError> {
        self.alive("commit")?;
        match self.doom.strike() {
            None => self.inner.commit(partition, batch).await,
            Some(Fault::DiesBefore) => Err(dead("commit")),
            Some(Fault::LostBefore) => Err(lost("commit")),
            Some(Fault::DiesAfter) => {
                self.inner.commit(partition, batch).await?;
                Err(dead("commit"))
            }
            Some(Fault::LostAfter | Fault::HangsAfter) => {
                self.inner.commit(partition, batch).await?;
                Err(lost("commit"))
            }
        }
    }

    async fn commit_many(
        &self,
        batches: Vec<(Partition, Batch)>,
    ) -> Vec<Result<Version, StoreError>> {
        let mut answers = Vec::new();
        for (partition, batch) in batches {
            answers.push(self.commit(&partition, batch).await);
        }
        answers
    }

    async fn due(&self, query: &DueQuery) -> Result<Vec<Delivery>, StoreError> {
        self.alive("due")?;
        self.inner.due(query).await
    }

    async fn settle(&self, settles: Vec<Settle>) -> Result<Vec<bool>, StoreError> {
        self.alive("settle")?;
        match self.doom.strike() {
            None => self.inner.settle(settles).await,
            Some(Fault::DiesBefore) => Err(dead("settle")),
            Some(Fault::LostBefore) => Err(lost("settle")),
            Some(Fault::DiesAfter) => {
                self.inner.settle(settles).await?;
                Err(dead("settle"))
            }
            Some(Fault::LostAfter | Fault::HangsAfter) => {
                self.inner.settle(settles).await?;
                Err(lost("settle"))
            }
        }
    }

    async fn dead(
        &self,
        after: Option<(&Partition, &Key)>,
        limit: u32,
    ) -> Result<Vec<Delivery>, StoreError> {
        self.alive("dead")?;
        self.inner.dead(after, limit).await
    }

    async fn changes(
        &self,
        partition: &Partition,
        since: Version,
        limit: u32,
    ) -> Result<Changes, StoreError> {
        self.alive("changes")?;
        self.inner.changes(partition, since, limit).await
    }
}

/// A backend whose calls can fail on the way.
#[derive(Debug)]
pub(crate) struct FaultyBackend {
    inner: Arc<dyn PaymentBackend>,
    declared: Capabilities,
    pub(crate) doom: Doom,
    pub(crate) webhooks: Webhooks,
}

impl FaultyBackend {
    pub(crate) fn new(inner: Arc<dyn PaymentBackend>, doom: Doom) -> Self {
        Self {
            declared: inner.capabilities(),
            inner,
            doom,
            webhooks: Webhooks::default(),
        }
    }

    /// Tells by webhooks what came of a call.
    pub(crate) fn telling(mut self, webhooks: Webhooks) -> Self {
        self.webhooks = webhooks;
        self
    }

    /// Says that it can do this, whatever is true.
    pub(crate) fn declaring(mut self, can: Capabilities) -> Self {
        self.declared = can;
        self
    }

    async fn pass(
        &self,
        key: &OperationKey,
        call: impl Future<Output = Result<Outcome, BackendError>> + Send,
    ) -> Result<Outcome, BackendError> {
        let lost = || BackendError::new(BackendErrorKind::Unknown, "call", "the answer was lost");
        if self.doom.is_dead() {
            return Err(lost());
        }
        let fault = self.doom.strike();
        if matches!(fault, Some(Fault::DiesBefore | Fault::LostBefore)) {
            return Err(lost());
        }
        let outcome = call.await?;
        self.webhooks.tell(*key, &outcome).await;
        match fault {
            Some(Fault::HangsAfter) => std::future::pending().await,
            Some(_) => Err(lost()),
            None => Ok(outcome),
        }
    }
}

#[async_trait]
impl PaymentBackend for FaultyBackend {
    fn capabilities(&self) -> Capabilities {
        self.declared
    }

    async fn charge(&self, request: &ChargeRequest) -> Result<Outcome, BackendError> {
        self.pass(&request.key, self.inner.charge(request)).await
    }

    async fn capture(&self, request: &CaptureRequest) -> Result<Outcome, BackendError> {
        self.pass(&request.key, self.inner.capture(request)).await
    }

    async fn increase(&self, request: &IncreaseRequest) -> Result<Outcome, BackendError> {
        self.pass(&request.key, self.inner.increase(request)).await
    }

    async fn void(&self, key: &OperationKey, charge: &Charged) -> Result<Outcome, BackendError> {
        self.pass(key, self.inner.void(key, charge)).await
    }

    async fn refund(
        &self,
        key: &OperationKey,
        charge: &Charged,
        amount: Money,
    ) -> Result<Outcome, BackendError> {
        self.pass(key, self.inner.refund(key, charge, amount)).await
    }

    async fn lookup(&self, request: &LookupRequest) -> Result<Lookup, BackendError> {
        let lost = || BackendError::new(BackendErrorKind::Unknown, "lookup", "it was lost");
        if self.doom.is_dead() {
            return Err(lost());
        }
        match self.doom.strike() {
            None => self.inner.lookup(request).await,
            Some(Fault::DiesBefore | Fault::LostBefore) => Err(lost()),
            Some(_) => {
                self.inner.lookup(request).await?;
                Err(lost())
            }
        }
    }
}
