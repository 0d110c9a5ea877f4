use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;

use super::Bug;
use crate::store::{
    Batch, Held, Hold, Partition, Query, Store, StoreError, StoreErrorKind, Version,
};

/// The partitions that somebody holds.
type Holders = Arc<Mutex<HashSet<Partition>>>;

fn insert(holders: &Holders, partition: &Partition) -> bool {
    let mut all = holders.lock().unwrap_or_else(PoisonError::into_inner);
    all.insert(partition.clone())
}

/// A hold that nobody is waited for with; dropped, it ends.
#[derive(Debug)]
struct Loose(Option<(Holders, Partition)>);

impl Hold for Loose {}

impl Drop for Loose {
    fn drop(&mut self) {
        if let Some((holders, partition)) = &self.0 {
            let mut all = holders.lock().unwrap_or_else(PoisonError::into_inner);
            all.remove(partition);
        }
    }
}

async fn held(
    store: &Arc<dyn Store>,
    partition: &Partition,
    query: &Query,
    hold: Loose,
) -> Result<Option<Held>, StoreError> {
    let view = store.read(partition, query).await?;
    let hold = Box::new(hold);
    Ok(Some(Held { view, hold }))
}

/// Keeps others from committing as well, those who hold among them.
#[derive(Debug, Default)]
pub struct LocksTheHead(Holders);

#[async_trait]
impl Bug for LocksTheHead {
    async fn hold(
        &self,
        store: &Arc<dyn Store>,
        partition: &Partition,
        query: &Query,
    ) -> Result<Option<Held>, StoreError> {
        insert(&self.0, partition);
        let hold = Loose(Some((self.0.clone(), partition.clone())));
        held(store, partition, query, hold).await
    }

    async fn commit(
        &self,
        store: &dyn Store,
        partition: &Partition,
        batch: Batch,
    ) -> Result<Version, StoreError> {
        let holders = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if holders.contains(partition) {
            let unavailable = StoreErrorKind::Unavailable;
            return Err(StoreError::new(unavailable, "commit", "somebody holds it"));
        }
        store.commit(partition, batch).await
    }
}

/// Shows what is held without its records.
#[derive(Debug, Default)]
pub struct HoldsBlindly;

#[async_trait]
impl Bug for HoldsBlindly {
    async fn hold(
        &self,
        store: &Arc<dyn Store>,
        partition: &Partition,
        _: &Query,
    ) -> Result<Option<Held>, StoreError> {
        held(store, partition, &Query::default(), Loose(None)).await
    }
}

/// Lets nobody hold what was held once.
#[derive(Debug, Default)]
pub struct NeverLetsGo(Holders);

#[async_trait]
impl Bug for NeverLetsGo {
    async fn hold(
        &self,
        store: &Arc<dyn Store>,
        partition: &Partition,
        query: &Query,
    ) -> Result<Option<Held>, StoreError> {
        match insert(&self.0, partition) {
            true => held(store, partition, query, Loose(None)).await,
            false => Ok(None),
        }
    }
}
