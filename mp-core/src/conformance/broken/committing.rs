use async_trait::async_trait;

use super::Bug;
use crate::{
    clock::Timestamp,
    store::{
        Batch, CommitId, Key, Partition, Query, Selection, Store, StoreError, StoreErrorKind,
        Version, View, Write,
    },
};

/// Reads the head alone.
async fn head(store: &dyn Store, partition: &Partition) -> Result<View, StoreError> {
    store.read(partition, &Query::default()).await
}

/// Commits whatever head was expected.
#[derive(Debug, Default)]
pub struct IgnoresTheHead;

#[async_trait]
impl Bug for IgnoresTheHead {
    async fn commit(
        &self,
        store: &dyn Store,
        partition: &Partition,
        mut batch: Batch,
    ) -> Result<Version, StoreError> {
        batch.expect = head(store, partition).await?.head;
        store.commit(partition, batch).await
    }
}

/// Leaves out the last write of a batch.
#[derive(Debug, Default)]
pub struct TearsTheBatch;

#[async_trait]
impl Bug for TearsTheBatch {
    async fn commit(
        &self,
        store: &dyn Store,
        partition: &Partition,
        mut batch: Batch,
    ) -> Result<Version, StoreError> {
        if batch.writes.len() > 2 && batch.expect != Version::ABSENT {
            batch.writes.pop();
        }
        store.commit(partition, batch).await
    }
}

/// Answers `Conflict`, but keeps the records of the batch.
#[derive(Debug, Default)]
pub struct KeepsWhatItRefused;

#[async_trait]
impl Bug for KeepsWhatItRefused {
    async fn commit(
        &self,
        store: &dyn Store,
        partition: &Partition,
        mut batch: Batch,
    ) -> Result<Version, StoreError> {
        let answer = store.commit(partition, batch.clone()).await;
        if answer.is_err() {
            batch.expect = head(store, partition).await?.head;
            batch.writes.retain(|write| !write.key().is_root());
            drop(store.commit(partition, batch).await);
        }
        answer
    }
}

/// Lets a second creation replace the first.
#[derive(Debug, Default)]
pub struct OverwritesOnCreate;

#[async_trait]
impl Bug for OverwritesOnCreate {
    async fn commit(
        &self,
        store: &dyn Store,
        partition: &Partition,
        mut batch: Batch,
    ) -> Result<Version, StoreError> {
        if batch.expect == Version::ABSENT {
            batch.expect = head(store, partition).await?.head;
        }
        store.commit(partition, batch).await
    }
}

/// Creates a partition although a head was expected.
#[derive(Debug, Default)]
pub struct CreatesForAnyExpectation;

#[async_trait]
impl Bug for CreatesForAnyExpectation {
    async fn commit(
        &self,
        store: &dyn Store,
        partition: &Partition,
        mut batch: Batch,
    ) -> Result<Version, StoreError> {
        if head(store, partition).await?.head == Version::ABSENT {
            batch.expect = Version::ABSENT;
        }
        store.commit(partition, batch).await
    }
}

/// Checks the versions of the written records in place of the head's.
#[derive(Debug, Default)]
pub struct ChecksOnlyWrittenKeys;

#[async_trait]
impl Bug for ChecksOnlyWrittenKeys {
    async fn commit(
        &self,
        store: &dyn Store,
        partition: &Partition,
        mut batch: Batch,
    ) -> Result<Version, StoreError> {
        let written = |write: &Write| Selection::Key(write.key().clone());
        let query = Query {
            select: batch.writes.iter().map(written).collect(),
            limit: 1_000,
        };
        let view = store.read(partition, &query).await?;
        let root_is_written = batch.writes.iter().any(|write| write.key().is_root());
        let unchanged = view
            .records
            .iter()
            .filter(|record| root_is_written || !record.key.is_root())
            .all(|record| record.version <= batch.expect);
        if unchanged {
            batch.expect = view.head;
        }
        store.commit(partition, batch).await
    }
}

/// Answers the version that was expected, not the one that was made.
#[derive(Debug, Default)]
pub struct AnswersTheOldVersion;

#[async_trait]
impl Bug for AnswersTheOldVersion {
    async fn commit(
        &self,
        store: &dyn Store,
        partition: &Partition,
        batch: Batch,
    ) -> Result<Version, StoreError> {
        let expect = batch.expect;
        let version = store.commit(partition, batch).await?;
        Ok(if expect == Version::ABSENT {
            version
        } else {
            expect
        })
    }
}

/// Gives each new partition the version 1.
#[derive(Debug, Default)]
pub struct CountsFromOne;

#[async_trait]
impl Bug for CountsFromOne {
    async fn commit(
        &self,
        store: &dyn Store,
        partition: &Partition,
        mut batch: Batch,
    ) -> Result<Version, StoreError> {
        if batch.expect == Version::ABSENT {
            batch.at = Timestamp::MIN;
        }
        store.commit(partition, batch).await
    }
}

/// Applies a batch over again when it is sent again.
#[derive(Debug, Default)]
pub struct AppliesTwice;

#[async_trait]
impl Bug for AppliesTwice {
    async fn commit(
        &self,
        store: &dyn Store,
        partition: &Partition,
        mut batch: Batch,
    ) -> Result<Version, StoreError> {
        let view = head(store, partition).await?;
        if view.commit_id == batch.commit_id && batch.commit_id != CommitId::default() {
            batch.expect = view.head;
        }
        store.commit(partition, batch).await
    }
}

/// Answers that records were deleted, and keeps them.
#[derive(Debug, Default)]
pub struct KeepsDeletedRecords;

#[async_trait]
impl Bug for KeepsDeletedRecords {
    async fn commit(
        &self,
        store: &dyn Store,
        partition: &Partition,
        batch: Batch,
    ) -> Result<Version, StoreError> {
        store
            .commit(
                partition,
                without(batch, |key| !key.is_delivery() && !key.is_root()),
            )
            .await
    }
}

/// Answers that deliveries were deleted, and keeps them.
#[derive(Debug, Default)]
pub struct KeepsDeletedDeliveries;

#[async_trait]
impl Bug for KeepsDeletedDeliveries {
    async fn commit(
        &self,
        store: &dyn Store,
        partition: &Partition,
        batch: Batch,
    ) -> Result<Version, StoreError> {
        store
            .commit(partition, without(batch, Key::is_delivery))
            .await
    }
}

/// Leaves out the deletions of some keys.
fn without(mut batch: Batch, left_out: impl Fn(&Key) -> bool) -> Batch {
    batch
        .writes
        .retain(|write| !matches!(write, Write::Delete { key } if left_out(key)));
    batch
}

/// Takes away the white space around a value.
#[derive(Debug, Default)]
pub struct TrimsValues;

#[async_trait]
impl Bug for TrimsValues {
    async fn commit(
        &self,
        store: &dyn Store,
        partition: &Partition,
        mut batch: Batch,
    ) -> Result<Version, StoreError> {
        for write in &mut batch.writes {
            if let Write::Put { value, .. } = write {
                let trimmed = value.trim_ascii().to_vec();
                *value = trimmed.into();
            }
        }
        store.commit(partition, batch).await
    }
}

/// Leaves out what is called new where something is there.
#[derive(Debug, Default)]
pub struct BelievesWhatIsCalledNew;

#[async_trait]
impl Bug for BelievesWhatIsCalledNew {
    async fn commit(
        &self,
        store: &dyn Store,
        partition: &Partition,
        mut batch: Batch,
    ) -> Result<Version, StoreError> {
        let written = |write: &Write| Selection::Key(write.key().clone());
        let query = Query {
            select: batch.writes.iter().map(written).collect(),
            limit: 1_000,
        };
        let there = store.read(partition, &query).await?.records;
        batch.writes.retain(|write| {
            !write.is_new() || there.iter().all(|record| record.key != *write.key())
        });
        store.commit(partition, batch).await
    }
}

/// Takes a batch that breaks the contract, as far as it can be understood.
#[derive(Debug, Default)]
pub struct AcceptsAnyBatch;

#[async_trait]
impl Bug for AcceptsAnyBatch {
    async fn commit(
        &self,
        store: &dyn Store,
        partition: &Partition,
        mut batch: Batch,
    ) -> Result<Version, StoreError> {
        let answer = store.commit(partition, batch.clone()).await;
        if !matches!(&answer, Err(error) if error.kind() == StoreErrorKind::Invalid) {
            return answer;
        }
        let value = bytes::Bytes::from_static(b"{}");
        let key = Key::root();
        batch.writes = vec![Write::put(key, value)];
        store.commit(partition, batch).await
    }
}
