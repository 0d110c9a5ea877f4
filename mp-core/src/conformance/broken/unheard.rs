use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use tokio::task::yield_now;

use super::Bug;
use crate::store::{Batch, CommitId, Partition, Query, Store, StoreError, Version};

/// Writes the root first and the other records after it: whoever gives up between the two leaves half
/// of a batch.
#[derive(Debug, Default)]
pub struct WritesInTwoGoes;

#[async_trait]
impl Bug for WritesInTwoGoes {
    async fn commit(
        &self,
        store: &dyn Store,
        partition: &Partition,
        mut batch: Batch,
    ) -> Result<Version, StoreError> {
        let (root, others) = batch
            .writes
            .into_iter()
            .partition(|write| write.key().is_root());
        batch.writes = root;
        let mut rest = batch.clone();
        rest.writes = others;
        rest.expect = store.commit(partition, batch).await?;
        if rest.writes.is_empty() {
            return Ok(rest.expect);
        }
        yield_now().await;
        store.commit(partition, rest).await
    }
}

/// Carries out what a caller gave up on after the next commit of the partition, on whatever head.
#[derive(Debug, Default)]
pub struct CarriesOutLate(Mutex<Vec<(Partition, Batch)>>);

impl CarriesOutLate {
    fn take(&self, is_meant: impl Fn(&(Partition, Batch)) -> bool) -> Vec<Batch> {
        let mut accepted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = accepted.extract_if(.., |one| is_meant(one));
        taken.map(|(_, batch)| batch).collect()
    }

    fn accept(&self, partition: &Partition, batch: &Batch) -> CommitId {
        let mut accepted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        accepted.push((partition.clone(), batch.clone()));
        batch.commit_id
    }
}

#[async_trait]
impl Bug for CarriesOutLate {
    async fn commit(
        &self,
        store: &dyn Store,
        partition: &Partition,
        batch: Batch,
    ) -> Result<Version, StoreError> {
        let id = self.accept(partition, &batch);
        yield_now().await;
        self.take(|(_, one)| one.commit_id == id);
        let answer = store.commit(partition, batch).await;
        for mut late in self.take(|(of, _)| of == partition) {
            late.expect = store.read(partition, &Query::default()).await?.head;
            store.commit(partition, late).await?;
        }
        answer
    }
}
