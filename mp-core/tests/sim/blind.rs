//! A way to the store that is wrong on purpose: it does not pass on that nobody knows.

use std::sync::Arc;

use async_trait::async_trait;
use mp_core::store::{
    Batch, Changes, Delivery, DueQuery, Key, Limits, Partition, Query, Settle, Store, StoreError,
    StoreErrorKind, Version, View,
};

/// Takes an unknown outcome of a commit for another one.
#[derive(Debug)]
pub(crate) struct Blind {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) takes_it_for: StoreErrorKind,
}

impl Blind {
    fn guess(&self, answer: Result<Version, StoreError>) -> Result<Version, StoreError> {
        answer.map_err(|error| match error.kind() {
            StoreErrorKind::Unknown => StoreError::new(self.takes_it_for, "commit", error),
            _ => error,
        })
    }
}

#[async_trait]
impl Store for Blind {
    fn limits(&self) -> Limits {
        self.store.limits()
    }

    async fn read(&self, partition: &Partition, query: &Query) -> Result<View, StoreError> {
        self.store.read(partition, query).await
    }

    async fn commit(&self, partition: &Partition, batch: Batch) -> Result<Version, StoreError> {
        self.guess(self.store.commit(partition, batch).await)
    }

    async fn commit_many(
        &self,
        batches: Vec<(Partition, Batch)>,
    ) -> Vec<Result<Version, StoreError>> {
        let answers = self.store.commit_many(batches).await;
        answers
            .into_iter()
            .map(|answer| self.guess(answer))
            .collect()
    }

    async fn due(&self, query: &DueQuery) -> Result<Vec<Delivery>, StoreError> {
        self.store.due(query).await
    }

    async fn settle(&self, settles: Vec<Settle>) -> Result<Vec<bool>, StoreError> {
        self.store.settle(settles).await
    }

    async fn dead(
        &self,
        after: Option<(&Partition, &Key)>,
        limit: u32,
    ) -> Result<Vec<Delivery>, StoreError> {
        self.store.dead(after, limit).await
    }

    async fn changes(
        &self,
        partition: &Partition,
        since: Version,
        limit: u32,
    ) -> Result<Changes, StoreError> {
        self.store.changes(partition, since, limit).await
    }
}
