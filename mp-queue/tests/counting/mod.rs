use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use mp_core::store::{
    Batch, Changes, Delivery, DueQuery, Key, Limits, MemoryStore, Partition, Query, Settle, Store,
    StoreError, Version, View,
};

/// A memory store that takes its time to answer, and counts how often changes are asked for.
#[derive(Debug, Default)]
pub(crate) struct CountingStore {
    inner: MemoryStore,
    asked: AtomicU32,
}

impl CountingStore {
    pub(crate) fn asked(&self) -> u32 {
        self.asked.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Store for CountingStore {
    fn limits(&self) -> Limits {
        self.inner.limits()
    }

    async fn read(&self, partition: &Partition, query: &Query) -> Result<View, StoreError> {
        self.inner.read(partition, query).await
    }

    async fn commit(&self, partition: &Partition, batch: Batch) -> Result<Version, StoreError> {
        self.inner.commit(partition, batch).await
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
        self.asked.fetch_add(1, Ordering::SeqCst);
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        self.inner.changes(partition, since, limit).await
    }
}
