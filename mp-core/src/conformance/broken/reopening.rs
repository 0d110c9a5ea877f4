use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

use super::Bug;
use crate::{
    clock::Timestamp,
    store::{DueQuery, MemoryStore, Outcome, SlotSet, Store},
};

/// Starts empty after a restart.
#[derive(Debug, Default)]
pub struct ForgetsEverything;

#[async_trait]
impl Bug for ForgetsEverything {
    async fn reopen(&self, _: Arc<dyn Store>) -> Arc<dyn Store> {
        Arc::new(MemoryStore::new())
    }
}

/// Has every mail due again after a restart, and none dead.
#[derive(Debug, Default)]
pub struct ForgetsLeases;

#[async_trait]
impl Bug for ForgetsLeases {
    async fn reopen(&self, store: Arc<dyn Store>) -> Arc<dyn Store> {
        let every = DueQuery {
            slots: SlotSet::ALL,
            kind: "mail".to_owned(),
            now: Timestamp::MAX,
            lease: Duration::ZERO,
            limit: 100,
        };
        let waiting = store.due(&every).await.unwrap_or_default();
        let dead = store.dead(None, 100).await.unwrap_or_default();
        let anew = Outcome::Redrive { at: Timestamp::MIN };
        let deliveries = waiting.iter().chain(&dead);
        drop(
            store
                .settle(deliveries.map(|one| one.settle(anew.clone())).collect())
                .await,
        );
        store
    }
}
