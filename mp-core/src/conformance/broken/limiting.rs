use async_trait::async_trait;

use super::Bug;
use crate::store::{
    Changes, Delivery, DueQuery, Key, Limits, Listing, Partition, Query, Store, StoreError,
    Version, View,
};

/// Takes fewer writes in a batch than capabilities send, as an engine with small transactions would.
#[derive(Debug, Default)]
pub struct TakesSmallBatches;

impl Bug for TakesSmallBatches {
    fn limits(&self, store: &dyn Store) -> Limits {
        let mut limits = store.limits();
        limits.writes_max = 100;
        limits
    }
}

/// Answers as much as the limits allow when it is asked for more.
#[derive(Debug, Default)]
pub struct AcceptsAnyLimit;

#[async_trait]
impl Bug for AcceptsAnyLimit {
    async fn read(
        &self,
        store: &dyn Store,
        partition: &Partition,
        query: &Query,
    ) -> Result<View, StoreError> {
        let limit = query.limit.min(store.limits().read_max);
        store
            .read(
                partition,
                &Query {
                    limit,
                    ..query.clone()
                },
            )
            .await
    }

    async fn due(&self, store: &dyn Store, query: &DueQuery) -> Result<Vec<Delivery>, StoreError> {
        let limit = query.limit.min(store.limits().due_max);
        store
            .due(&DueQuery {
                limit,
                ..query.clone()
            })
            .await
    }

    async fn dead(
        &self,
        store: &dyn Store,
        after: Option<(&Partition, &Key)>,
        limit: u32,
    ) -> Result<Vec<Delivery>, StoreError> {
        store.dead(after, limit.min(store.limits().due_max)).await
    }

    async fn changes(
        &self,
        store: &dyn Store,
        partition: &Partition,
        since: Version,
        limit: u32,
    ) -> Result<Changes, StoreError> {
        store
            .changes(partition, since, limit.min(store.limits().read_max))
            .await
    }

    async fn partitions(
        &self,
        store: &dyn Listing,
        after: Option<&Partition>,
        limit: u32,
    ) -> Result<Vec<Partition>, StoreError> {
        store
            .partitions(after, limit.min(store.limits().read_max))
            .await
    }
}
