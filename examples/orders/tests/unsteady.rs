//! A settlement that loses answers, and a store that fails for some partitions.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use mp_core::{
    Error, ErrorKind,
    amount::Money,
    conformance::{Call, HookedStore, Phase},
    id::AppId,
    port::{SecureRequest, Secured, Settled, Settlement, SettlementKey, SettlementStatus},
    store::{MemoryStore, Partition, Store, StoreErrorKind},
};
use serde_json::json;

use crate::orders::CashDesk;

/// Which call's answer is lost; the call itself has its effect.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Answer {
    Secure,
    Settle,
    GiveBack,
}

#[derive(Debug)]
pub(super) struct UnsteadyDesk {
    inner: CashDesk,
    /// The call whose next answer is lost, and whether by an error or by not knowing.
    lost: Mutex<Option<(Answer, bool)>>,
    asks_the_payer: AtomicBool,
    refuses: AtomicBool,
    refused: Mutex<BTreeSet<SettlementKey>>,
}

impl UnsteadyDesk {
    pub(super) fn new(inner: CashDesk) -> Self {
        Self {
            inner,
            lost: Mutex::new(None),
            asks_the_payer: AtomicBool::new(false),
            refuses: AtomicBool::new(false),
            refused: Mutex::default(),
        }
    }

    pub(super) const fn inner(&self) -> &CashDesk {
        &self.inner
    }

    pub(super) fn lose(&self, answer: Answer, fails: bool) {
        *self.lost.lock().unwrap_or_else(PoisonError::into_inner) = Some((answer, fails));
    }

    /// Lets the next `secure` ask the payer to do something first.
    pub(super) fn ask_the_payer(&self) {
        self.asks_the_payer.store(true, Ordering::SeqCst);
    }

    /// Declines the next part that is to be given back, and goes on declining that one.
    pub(super) fn refuse(&self) {
        self.refuses.store(true, Ordering::SeqCst);
    }

    fn is_refused(&self, part: &SettlementKey) -> bool {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if self.refuses.swap(false, Ordering::SeqCst) {
            refused.insert(part.clone());
        }
        refused.contains(part)
    }

    fn answer<T>(&self, call: Answer, answer: T, unknown: T) -> Result<T, Error> {
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        match lost.take_if(|(lost, _)| *lost == call) {
            None => Ok(answer),
            Some((_, false)) => Ok(unknown),
            Some((_, true)) => Err(Error::new(
                ErrorKind::Unavailable,
                "unreachable",
                "the connection was lost",
            )),
        }
    }
}

#[async_trait]
impl Settlement for UnsteadyDesk {
    async fn secure(&self, request: &SecureRequest) -> Result<Secured, Error> {
        if self.asks_the_payer.swap(false, Ordering::SeqCst) {
            return Ok(Secured::NeedsAction(
                json!({"redirect": "https://bank.example"}),
            ));
        }
        let secured = self.inner.secure(request).await?;
        self.answer(Answer::Secure, secured, Secured::Unknown)
    }

    async fn settle(&self, app: &AppId, key: &SettlementKey) -> Result<Settled, Error> {
        let settled = self.inner.settle(app, key).await?;
        self.answer(Answer::Settle, settled, Settled::Unknown)
    }

    async fn release(&self, app: &AppId, key: &SettlementKey) -> Result<(), Error> {
        self.inner.release(app, key).await
    }

    async fn give_back(
        &self,
        app: &AppId,
        key: &SettlementKey,
        part: &SettlementKey,
        amount: Money,
    ) -> Result<(), Error> {
        if self.is_refused(part) {
            let message = "take another part name";
            return Err(Error::new(ErrorKind::Refused, "refund_declined", message));
        }
        self.inner.give_back(app, key, part, amount).await?;
        self.answer(Answer::GiveBack, (), ())
    }

    async fn status(&self, app: &AppId, key: &SettlementKey) -> Result<SettlementStatus, Error> {
        self.inner.status(app, key).await
    }
}

/// Lets a memory store fail to commit to partitions of one kind while it is told to.
#[derive(Debug)]
pub(super) struct Unsteady {
    inner: Arc<MemoryStore>,
    kind: &'static str,
    fails: AtomicBool,
    written: Mutex<BTreeSet<String>>,
}

impl Unsteady {
    pub(super) fn new(kind: &'static str) -> Arc<Self> {
        Arc::new(Self {
            inner: Arc::new(MemoryStore::new()),
            kind,
            fails: AtomicBool::new(false),
            written: Mutex::default(),
        })
    }

    pub(super) fn store(self: &Arc<Self>) -> Arc<dyn Store> {
        let unsteady = self.clone();
        let hook = move |call, phase, partition: Option<&Partition>| {
            let verdict = match (call, partition) {
                (Call::Commit, Some(partition)) => unsteady.commit(phase, partition),
                _ => Ok(()),
            };
            async move { verdict }
        };
        Arc::new(HookedStore::new(self.inner.clone(), hook))
    }

    pub(super) fn fail(&self, fails: bool) {
        self.fails.store(fails, Ordering::SeqCst);
    }

    /// Returns how many partitions of a kind were ever written.
    pub(super) fn partitions(&self, kind: &str) -> usize {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.iter().filter(|id| id.contains(kind)).count()
    }

    fn commit(&self, phase: Phase, partition: &Partition) -> Result<(), StoreErrorKind> {
        let fails = self.fails.load(Ordering::SeqCst) && partition.id().contains(self.kind);
        match phase {
            Phase::Before if fails => Err(StoreErrorKind::Unavailable),
            Phase::Before => Ok(()),
            Phase::After => {
                let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
                written.insert(partition.id().to_owned());
                Ok(())
            }
        }
    }
}
