use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;

use super::Bug;
use crate::store::{
    Batch, CommitId, Delivery, DueQuery, Key, Outcome, Partition, Query, Settle, Store, StoreError,
    Version, Write,
};

/// Settles as the store does, but with another outcome.
macro_rules! spoils_the_outcome {
    ($(#[$doc:meta])* $name:ident, $before:pat => $after:expr) => {
        $(#[$doc])*
        #[derive(Debug, Default)]
        pub struct $name;

        #[async_trait]
        impl Bug for $name {
            async fn settle(
                &self,
                store: &dyn Store,
                mut settles: Vec<Settle>,
            ) -> Result<Vec<bool>, StoreError> {
                for settle in &mut settles {
                    if let (Some(lease), $before) = (settle.lease, &settle.outcome) {
                        settle.outcome = ($after)(lease);
                    }
                }
                store.settle(settles).await
            }
        }
    };
}

spoils_the_outcome! {
    /// Removes what is to be due again later.
    DropsWhatIsPutOff, Outcome::Again { .. } => |_| Outcome::Done
}

spoils_the_outcome! {
    /// Has what is done due again.
    KeepsWhatIsDone, Outcome::Done => |at| Outcome::Again { at, error: None }
}

spoils_the_outcome! {
    /// Has what is dead due again.
    LeasesTheDead, Outcome::Dead { .. } => |at| Outcome::Again { at, error: None }
}

/// Removes what is done although the fence does not hold.
#[derive(Debug, Default)]
pub struct ForgetsTheFence;

#[async_trait]
impl Bug for ForgetsTheFence {
    async fn settle(
        &self,
        store: &dyn Store,
        settles: Vec<Settle>,
    ) -> Result<Vec<bool>, StoreError> {
        let mut held = store.settle(settles.clone()).await?;
        for (held, settle) in held.iter_mut().zip(settles) {
            if !*held && settle.outcome == Outcome::Done {
                commit(
                    store,
                    &settle.partition,
                    vec![Write::Delete { key: settle.key }],
                )
                .await?;
                *held = true;
            }
        }
        Ok(held)
    }
}

/// Commits on whatever head there is.
pub(super) async fn commit(
    store: &dyn Store,
    partition: &Partition,
    writes: Vec<Write>,
) -> Result<(), StoreError> {
    let view = store.read(partition, &Query::default()).await?;
    let batch = Batch {
        expect: view.head,
        commit_id: CommitId::random(),
        at: view.at,
        writes,
    };
    store.commit(partition, batch).await.map(drop)
}

/// Judges all settlements of a call before it carries out any: of two of one delivery the last counts.
#[derive(Debug, Default)]
pub struct JudgesBeforeItSettles;

#[async_trait]
impl Bug for JudgesBeforeItSettles {
    async fn settle(
        &self,
        store: &dyn Store,
        settles: Vec<Settle>,
    ) -> Result<Vec<bool>, StoreError> {
        let fence = |settle: &Settle| (settle.partition.clone(), settle.key.clone(), settle.lease);
        let lasts: HashMap<_, _> = settles
            .iter()
            .map(|one| (fence(one), one.clone()))
            .collect();
        let (fences, lasts): (Vec<_>, Vec<_>) = lasts.into_iter().unzip();
        let held = store.settle(lasts).await?;
        let held: HashMap<_, _> = fences.into_iter().zip(held).collect();
        Ok(settles.iter().map(|one| held[&fence(one)]).collect())
    }
}

/// Says of every settlement that it applied.
#[derive(Debug, Default)]
pub struct SaysItSettled;

#[async_trait]
impl Bug for SaysItSettled {
    async fn settle(
        &self,
        store: &dyn Store,
        settles: Vec<Settle>,
    ) -> Result<Vec<bool>, StoreError> {
        let held = store.settle(settles).await?;
        Ok(vec![true; held.len()])
    }
}

/// Moves the head of each partition it settles in.
#[derive(Debug, Default)]
pub struct MovesTheHeadWhenSettling;

#[async_trait]
impl Bug for MovesTheHeadWhenSettling {
    async fn settle(
        &self,
        store: &dyn Store,
        settles: Vec<Settle>,
    ) -> Result<Vec<bool>, StoreError> {
        let partitions: Vec<_> = settles
            .iter()
            .map(|settle| settle.partition.clone())
            .collect();
        let held = store.settle(settles).await?;
        for partition in partitions {
            commit(store, &partition, Vec::new()).await?;
        }
        Ok(held)
    }
}

/// Does not let the dead be settled.
#[derive(Debug, Default)]
pub struct HoldsTheDead;

#[async_trait]
impl Bug for HoldsTheDead {
    async fn settle(
        &self,
        store: &dyn Store,
        settles: Vec<Settle>,
    ) -> Result<Vec<bool>, StoreError> {
        if settles.iter().all(|settle| settle.lease.is_none()) {
            return Ok(vec![false; settles.len()]);
        }
        store.settle(settles).await
    }
}

/// Leaves the dead as they are when they are written again.
#[derive(Debug, Default)]
pub struct LetsTheDeadLie;

#[async_trait]
impl Bug for LetsTheDeadLie {
    async fn commit(
        &self,
        store: &dyn Store,
        partition: &Partition,
        mut batch: Batch,
    ) -> Result<Version, StoreError> {
        let dead = store.dead(None, store.limits().due_max).await?;
        let lies = |key: &Key| {
            dead.iter()
                .any(|it| it.partition == *partition && it.key == *key)
        };
        let is_lost = |write: &Write| matches!(write, Write::Deliver { key, .. } if lies(key));
        batch.writes.retain(|write| !is_lost(write));
        store.commit(partition, batch).await
    }
}

/// Lists nothing as dead.
#[derive(Debug, Default)]
pub struct BuriesTheDead;

#[async_trait]
impl Bug for BuriesTheDead {
    async fn dead(
        &self,
        _: &dyn Store,
        _: Option<(&Partition, &Key)>,
        _: u32,
    ) -> Result<Vec<Delivery>, StoreError> {
        Ok(Vec::new())
    }
}

/// Answers the first page of the dead to every question.
#[derive(Debug, Default)]
pub struct ListsTheDeadFromTheStart;

#[async_trait]
impl Bug for ListsTheDeadFromTheStart {
    async fn dead(
        &self,
        store: &dyn Store,
        _: Option<(&Partition, &Key)>,
        limit: u32,
    ) -> Result<Vec<Delivery>, StoreError> {
        store.dead(None, limit).await
    }
}

/// Counts all leases that a key ever had.
#[derive(Debug, Default)]
pub struct CountsOn(Mutex<HashMap<(Partition, Key), u32>>);

#[async_trait]
impl Bug for CountsOn {
    async fn due(&self, store: &dyn Store, query: &DueQuery) -> Result<Vec<Delivery>, StoreError> {
        let mut leased = store.due(query).await?;
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for delivery in &mut leased {
            let place = (delivery.partition.clone(), delivery.key.clone());
            let count = counts.entry(place).or_default();
            *count += 1;
            delivery.attempts = *count;
        }
        Ok(leased)
    }
}
