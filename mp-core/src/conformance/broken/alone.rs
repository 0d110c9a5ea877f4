//! Stores that are right for as long as one process has them.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;

use super::{Bug, ChecksBeforeItWrites, settling};
use crate::{
    clock::Timestamp,
    store::{
        Batch, Delivery, DueQuery, Key, Outcome, Partition, Settle, Store, StoreError, Version,
        Write,
    },
};

/// Checks the head and writes in two steps, behind a lock that each handle has for itself.
#[derive(Debug, Default)]
pub struct LocksForItself {
    lock: tokio::sync::Mutex<()>,
    unlocked: ChecksBeforeItWrites,
}

#[async_trait]
impl Bug for LocksForItself {
    async fn commit(
        &self,
        store: &dyn Store,
        partition: &Partition,
        batch: Batch,
    ) -> Result<Version, StoreError> {
        let _locked = self.lock.lock().await;
        self.unlocked.commit(store, partition, batch).await
    }
}

/// Keeps what it leased, and until when, in memory that each handle has for itself.
#[derive(Debug, Default)]
pub struct LeasesForItself(Mutex<HashMap<(Partition, Key), Timestamp>>);

impl LeasesForItself {
    fn leases(&self) -> MutexGuard<'_, HashMap<(Partition, Key), Timestamp>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leased_until(&self, settle: &Settle) -> Option<Timestamp> {
        let place = (settle.partition.clone(), settle.key.clone());
        self.leases().get(&place).copied()
    }
}

#[async_trait]
impl Bug for LeasesForItself {
    async fn due(&self, store: &dyn Store, query: &DueQuery) -> Result<Vec<Delivery>, StoreError> {
        let unleased = DueQuery {
            lease: Duration::ZERO,
            ..query.clone()
        };
        let mut found = store.due(&unleased).await?;
        let mut leases = self.leases();
        found.retain_mut(|one| {
            let place = (one.partition.clone(), one.key.clone());
            let free = leases.get(&place).is_none_or(|until| *until <= query.now);
            if free {
                let until = query.now.plus(query.lease);
                leases.insert(place, until);
                one.lease = Some(until);
            }
            free
        });
        Ok(found)
    }

    async fn settle(
        &self,
        store: &dyn Store,
        settles: Vec<Settle>,
    ) -> Result<Vec<bool>, StoreError> {
        let mut held = Vec::new();
        for settle in settles {
            let mine = settle.lease.is_some() && self.leased_until(&settle) == settle.lease;
            if mine && settle.outcome == Outcome::Done {
                let done = vec![Write::Delete { key: settle.key }];
                settling::commit(store, &settle.partition, done).await?;
            }
            held.push(mine);
        }
        Ok(held)
    }
}
