use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;

use super::Bug;
use crate::store::{
    Batch, InTurn, Partition, Query, Store, StoreError, StoreErrorKind, Turn, Version,
};

/// The partitions at which somebody has a turn.
type Owned = Arc<Mutex<HashSet<Partition>>>;

fn insert(owned: &Owned, partition: &Partition) -> bool {
    let mut all = owned.lock().unwrap_or_else(PoisonError::into_inner);
    all.insert(partition.clone())
}

/// A turn that nobody waits for; dropped, it ends.
#[derive(Debug)]
struct Loose(Option<(Owned, Partition)>);

impl Turn for Loose {}

impl Drop for Loose {
    fn drop(&mut self) {
        if let Some((owned, partition)) = &self.0 {
            let mut all = owned.lock().unwrap_or_else(PoisonError::into_inner);
            all.remove(partition);
        }
    }
}

async fn taken(
    store: &Arc<dyn Store>,
    partition: &Partition,
    query: &Query,
    turn: Loose,
) -> Result<Option<InTurn>, StoreError> {
    let view = store.read(partition, query).await?;
    let turn = Box::new(turn);
    Ok(Some(InTurn { view, turn }))
}

/// Keeps others from committing as well, those whose turn it is among them.
#[derive(Debug, Default)]
pub struct LocksTheHead(Owned);

#[async_trait]
impl Bug for LocksTheHead {
    async fn take_turn(
        &self,
        store: &Arc<dyn Store>,
        partition: &Partition,
        query: &Query,
    ) -> Result<Option<InTurn>, StoreError> {
        insert(&self.0, partition);
        let turn = Loose(Some((self.0.clone(), partition.clone())));
        taken(store, partition, query, turn).await
    }

    async fn commit(
        &self,
        store: &dyn Store,
        partition: &Partition,
        batch: Batch,
    ) -> Result<Version, StoreError> {
        let owned = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if owned.contains(partition) {
            let unavailable = StoreErrorKind::Unavailable;
            return Err(StoreError::new(
                unavailable,
                "commit",
                "somebody has a turn",
            ));
        }
        store.commit(partition, batch).await
    }
}

/// Shows a partition without its records.
#[derive(Debug, Default)]
pub struct TakesTurnsBlindly;

#[async_trait]
impl Bug for TakesTurnsBlindly {
    async fn take_turn(
        &self,
        store: &Arc<dyn Store>,
        partition: &Partition,
        _: &Query,
    ) -> Result<Option<InTurn>, StoreError> {
        taken(store, partition, &Query::default(), Loose(None)).await
    }
}

/// Gives one turn at a partition, and never another.
#[derive(Debug, Default)]
pub struct NeverEndsATurn(Owned);

#[async_trait]
impl Bug for NeverEndsATurn {
    async fn take_turn(
        &self,
        store: &Arc<dyn Store>,
        partition: &Partition,
        query: &Query,
    ) -> Result<Option<InTurn>, StoreError> {
        match insert(&self.0, partition) {
            true => taken(store, partition, query, Loose(None)).await,
            false => Ok(None),
        }
    }
}
