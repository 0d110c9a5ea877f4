use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;

use super::Bug;
use crate::store::{
    Batch, Held, Hold, Partition, Query, Store, StoreError, StoreErrorKind, Version,
};

/// Reads, and commits later, without keeping anybody from anything: which a hold may do.
async fn held(
    store: &Arc<dyn Store>,
    partition: &Partition,
    query: &Query,
    checks: bool,
) -> Result<Held, StoreError> {
    let view = store.read(partition, query).await?;
    let hold = Box::new(Loose {
        store: store.clone(),
        partition: partition.clone(),
        checks,
    });
    Ok(Held { view, hold })
}

#[derive(Debug)]
struct Loose {
    store: Arc<dyn Store>,
    partition: Partition,
    checks: bool,
}

#[async_trait]
impl Hold for Loose {
    async fn commit(self: Box<Self>, mut batch: Batch) -> Result<Version, StoreError> {
        if !self.checks {
            let query = Query::default();
            batch.expect = self.store.read(&self.partition, &query).await?.head;
        }
        self.store.commit(&self.partition, batch).await
    }

    async fn release(self: Box<Self>) {}
}

/// Takes it that nobody can have moved the head of what is held.
#[derive(Debug, Default)]
pub struct TrustsTheHold;

#[async_trait]
impl Bug for TrustsTheHold {
    async fn hold(
        &self,
        store: &Arc<dyn Store>,
        partition: &Partition,
        query: &Query,
    ) -> Result<Option<Held>, StoreError> {
        held(store, partition, query, false).await.map(Some)
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
        held(store, partition, &Query::default(), true)
            .await
            .map(Some)
    }
}

/// Keeps others away for good.
#[derive(Debug, Default)]
pub struct NeverLetsGo(Mutex<HashSet<Partition>>);

impl NeverLetsGo {
    fn keep(&self, partition: &Partition) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(partition.clone());
    }

    fn keeps(&self, partition: &Partition) -> bool {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.contains(partition)
    }
}

#[async_trait]
impl Bug for NeverLetsGo {
    async fn hold(
        &self,
        store: &Arc<dyn Store>,
        partition: &Partition,
        query: &Query,
    ) -> Result<Option<Held>, StoreError> {
        self.keep(partition);
        held(store, partition, query, true).await.map(Some)
    }

    async fn commit(
        &self,
        store: &dyn Store,
        partition: &Partition,
        batch: Batch,
    ) -> Result<Version, StoreError> {
        if self.keeps(partition) {
            let problem = "somebody holds it";
            return Err(StoreError::new(
                StoreErrorKind::Unavailable,
                "commit",
                problem,
            ));
        }
        store.commit(partition, batch).await
    }
}
