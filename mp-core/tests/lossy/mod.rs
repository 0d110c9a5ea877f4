use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use async_trait::async_trait;
use mp_core::store::{
    Batch, Changes, CommitId, Delivery, DueQuery, Key, Limits, MemoryStore, Partition, Query,
    Settle, Store, StoreError, StoreErrorKind, Version, View,
};

/// When the answer of a commit gets lost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Lose {
    /// Before it was applied.
    Before,
    /// After it was applied.
    After,
    /// After it was applied and somebody else's commit has followed.
    AfterAndMove,
}

/// A memory store that loses one answer when told to.
#[derive(Debug)]
pub(crate) struct LossyStore {
    inner: MemoryStore,
    lose: Lose,
    armed: AtomicBool,
    lost: AtomicU32,
}

impl LossyStore {
    pub(crate) fn new(lose: Lose) -> Self {
        Self {
            inner: MemoryStore::new(),
            lose,
            armed: AtomicBool::new(false),
            lost: AtomicU32::new(0),
        }
    }

    pub(crate) fn lose_next(&self) {
        self.armed.store(true, Ordering::SeqCst);
    }

    pub(crate) fn lost(&self) -> u32 {
        self.lost.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Store for LossyStore {
    fn limits(&self) -> Limits {
        self.inner.limits()
    }

    async fn read(&self, partition: &Partition, query: &Query) -> Result<View, StoreError> {
        self.inner.read(partition, query).await
    }

    async fn commit(&self, partition: &Partition, batch: Batch) -> Result<Version, StoreError> {
        if !self.armed.swap(false, Ordering::SeqCst) {
            return self.inner.commit(partition, batch).await;
        }
        self.lost.fetch_add(1, Ordering::SeqCst);
        if self.lose != Lose::Before {
            let at = batch.at;
            let expect = self.inner.commit(partition, batch).await?;
            if self.lose == Lose::AfterAndMove {
                let commit_id = CommitId::random();
                let other = Batch {
                    expect,
                    commit_id,
                    at,
                    writes: Vec::new(),
                };
                self.inner.commit(partition, other).await?;
            }
        }
        Err(StoreError::new(
            StoreErrorKind::Unknown,
            "commit",
            "the connection was lost",
        ))
    }

    async fn commit_many(
        &self,
        batches: Vec<(Partition, Batch)>,
    ) -> Vec<Result<Version, StoreError>> {
        self.inner.commit_many(batches).await
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
