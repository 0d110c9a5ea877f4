use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;

use super::Bug;
use crate::{
    clock::{Clock, SystemClock, Timestamp},
    store::{
        Batch, Change, Changes, DELETION_MEMORY, Delivery, DueQuery, Key, Partition, Query, Store,
        StoreError, Version, View, Write,
    },
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

/// Dates deletions by the caller's clock, and forgets them by the head's.
#[derive(Debug, Default)]
pub struct DatesDeletionsByTheCaller(Mutex<HashMap<(Partition, Key), Timestamp>>);

#[async_trait]
impl Bug for DatesDeletionsByTheCaller {
    async fn commit(
        &self,
        store: &dyn Store,
        partition: &Partition,
        batch: Batch,
    ) -> Result<Version, StoreError> {
        let (at, writes) = (batch.at, batch.writes.clone());
        let version = store.commit(partition, batch).await?;
        let mut dates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for write in writes {
            if let Write::Delete { key } = write {
                dates.insert((partition.clone(), key), at);
            }
        }
        Ok(version)
    }

    async fn changes(
        &self,
        store: &dyn Store,
        partition: &Partition,
        since: Version,
        limit: u32,
    ) -> Result<Changes, StoreError> {
        let head = store.read(partition, &Query::default()).await?.at;
        let mut changes = store.changes(partition, since, limit).await?;
        let dates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_kept = |item: &Change| {
            let date = dates.get(&(partition.clone(), item.key.clone()));
            item.value.is_some() || date.is_none_or(|date| date.plus(DELETION_MEMORY) >= head)
        };
        let told = changes.items.len();
        changes.items.retain(is_kept);
        changes.lapsed |= changes.items.len() < told;
        Ok(changes)
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
