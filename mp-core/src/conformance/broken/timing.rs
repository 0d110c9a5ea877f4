use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;

use super::Bug;
use crate::{
    clock::{Clock, SystemClock, Timestamp},
    store::{Batch, Delivery, DueQuery, Partition, Query, Store, StoreError, Version, View},
};

/// Answers the time of the last commit, even if the head has seen a later one.
#[derive(Debug, Default)]
pub struct RunsTimeBack(Mutex<HashMap<Partition, Timestamp>>);

#[async_trait]
impl Bug for RunsTimeBack {
    async fn commit(
        &self,
        store: &dyn Store,
        partition: &Partition,
        batch: Batch,
    ) -> Result<Version, StoreError> {
        let at = batch.at;
        let version = store.commit(partition, batch).await?;
        let mut times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        times.insert(partition.clone(), at);
        Ok(version)
    }

    async fn read(
        &self,
        store: &dyn Store,
        partition: &Partition,
        query: &Query,
    ) -> Result<View, StoreError> {
        let mut view = store.read(partition, query).await?;
        let times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        view.at = times.get(partition).copied().unwrap_or(view.at);
        Ok(view)
    }
}

/// Leases by the clock of the machine it runs on.
#[derive(Debug, Default)]
pub struct UsesItsOwnClock;

#[async_trait]
impl Bug for UsesItsOwnClock {
    async fn due(&self, store: &dyn Store, query: &DueQuery) -> Result<Vec<Delivery>, StoreError> {
        let now = SystemClock.now();
        store
            .due(&DueQuery {
                now,
                ..query.clone()
            })
            .await
    }
}
