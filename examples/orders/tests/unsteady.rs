//! A settlement that loses answers, and a store that fails for some partitions.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use mp_core::{
    Error, ErrorKind,
    amount::Money,
    id::AppId,
    port::{SecureRequest, Secured, Settled, Settlement, SettlementKey, SettlementStatus},
    store::{
        Batch, Changes, Delivery, DueQuery, Key, Limits, MemoryStore, Partition, Query, Settle,
        Store, StoreError, StoreErrorKind, Version, View,
    },
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
}

impl UnsteadyDesk {
    pub(super) const fn new(inner: CashDesk) -> Self {
        Self {
            inner,
            lost: Mutex::new(None),
            asks_the_payer: AtomicBool::new(false),
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
        self.inner.give_back(app, key, part, amount).await?;
        self.answer(Answer::GiveBack, (), ())
    }

    async fn status(&self, app: &AppId, key: &SettlementKey) -> Result<SettlementStatus, Error> {
        self.inner.status(app, key).await
    }
}

/// A store that cannot commit to partitions of one kind while it is told to fail.
#[derive(Debug)]
pub(super) struct UnsteadyStore {
    inner: MemoryStore,
    kind: &'static str,
    fails: AtomicBool,
    written: Mutex<BTreeSet<String>>,
}

impl UnsteadyStore {
    pub(super) fn new(kind: &'static str) -> Self {
        Self {
            inner: MemoryStore::new(),
            kind,
            fails: AtomicBool::new(false),
            written: Mutex::default(),
        }
    }

    pub(super) fn fail(&self, fails: bool) {
        self.fails.store(fails, Ordering::SeqCst);
    }

    /// Returns how many partitions of a kind were ever written.
    pub(super) fn partitions(&self, kind: &str) -> usize {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.iter().filter(|id| id.contains(kind)).count()
    }

    fn refuses(&self, partition: &Partition) -> bool {
        self.fails.load(Ordering::SeqCst) && partition.id().contains(self.kind)
    }
}

#[async_trait]
impl Store for UnsteadyStore {
    fn limits(&self) -> Limits {
        self.inner.limits()
    }

    async fn read(&self, partition: &Partition, query: &Query) -> Result<View, StoreError> {
        self.inner.read(partition, query).await
    }

    async fn commit(&self, partition: &Partition, batch: Batch) -> Result<Version, StoreError> {
        if self.refuses(partition) {
            return Err(StoreError::new(
                StoreErrorKind::Unavailable,
                "commit",
                "the disk is gone",
            ));
        }
        let version = self.inner.commit(partition, batch).await?;
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.insert(partition.id().to_owned());
        Ok(version)
    }

    async fn commit_many(
        &self,
        batches: Vec<(Partition, Batch)>,
    ) -> Vec<Result<Version, StoreError>> {
        let mut answers = Vec::with_capacity(batches.len());
        for (partition, batch) in batches {
            answers.push(self.commit(&partition, batch).await);
        }
        answers
    }

    async fn due(&self, query: &DueQuery) -> Result<Vec<Delivery>, StoreError> {
        self.inner.due(query).await
    }

    async fn settle(&self, settles: Vec<Settle>) -> Result<Vec<bool>, StoreError> {
        self.inner.settle(settles).await
    }

    async fn dead(
        &self,
        after: Option<(&Partition, &Key)>,
        limit: u32,
    ) -> Result<Vec<Delivery>, StoreError> {
        self.inner.dead(after, limit).await
    }

    async fn changes(
        &self,
        partition: &Partition,
        since: Version,
        limit: u32,
    ) -> Result<Changes, StoreError> {
        self.inner.changes(partition, since, limit).await
    }
}
