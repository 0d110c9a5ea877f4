use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;

use super::Bug;
use crate::store::{Batch, Partition, Query, Store, StoreError, StoreErrorKind, Version};

/// Checks the head and writes in two steps, so that others come in between.
#[derive(Debug, Default)]
pub struct ChecksBeforeItWrites;

#[async_trait]
impl Bug for ChecksBeforeItWrites {
    async fn commit(
        &self,
        store: &dyn Store,
        partition: &Partition,
        mut batch: Batch,
    ) -> Result<Version, StoreError> {
        let head = store.read(partition, &Query::default()).await?.head;
        if head != batch.expect {
            return Err(StoreError::conflict());
        }
        tokio::task::yield_now().await;
        loop {
            batch.expect = store.read(partition, &Query::default()).await?.head;
            match store.commit(partition, batch.clone()).await {
                Err(error) if error.kind() == StoreErrorKind::Conflict => {}
                answer => return answer,
            }
        }
    }
}

/// Takes every third answer for lost, and reports it as a conflict although the batch was applied.
#[derive(Debug, Default)]
pub struct ReportsUnknownAsConflict(AtomicUsize);

#[async_trait]
impl Bug for ReportsUnknownAsConflict {
    async fn commit(
        &self,
        store: &dyn Store,
        partition: &Partition,
        batch: Batch,
    ) -> Result<Version, StoreError> {
        let create = batch.expect == Version::ABSENT;
        let answer = store.commit(partition, batch).await;
        let lost = self.0.fetch_add(1, Ordering::Relaxed) % 3 == 2;
        if lost && !create {
            return Err(StoreError::conflict());
        }
        answer
    }
}
