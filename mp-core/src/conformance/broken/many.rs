use async_trait::async_trait;

use super::Bug;
use crate::store::{Batch, Partition, Query, Store, StoreError, Version};

/// Fails all batches if one fails.
#[derive(Debug, Default)]
pub struct FailsTogether;

#[async_trait]
impl Bug for FailsTogether {
    async fn commit_many(
        &self,
        store: &dyn Store,
        batches: Vec<(Partition, Batch)>,
    ) -> Vec<Result<Version, StoreError>> {
        let answers = store.commit_many(batches).await;
        if answers.iter().all(Result::is_ok) {
            return answers;
        }
        answers
            .into_iter()
            .map(|_| Err(StoreError::conflict()))
            .collect()
    }
}

/// Checks of many batches only whether the partition is there, not which head it has.
#[derive(Debug, Default)]
pub struct ChecksNoHeadOfMany;

#[async_trait]
impl Bug for ChecksNoHeadOfMany {
    async fn commit_many(
        &self,
        store: &dyn Store,
        mut batches: Vec<(Partition, Batch)>,
    ) -> Vec<Result<Version, StoreError>> {
        for (partition, batch) in &mut batches {
            let view = store.read(partition, &Query::default()).await;
            let head = view.map_or(Version::ABSENT, |view| view.head);
            if head != Version::ABSENT && batch.expect != Version::ABSENT {
                batch.expect = head;
            }
        }
        store.commit_many(batches).await
    }
}

/// Answers the last batch first.
#[derive(Debug, Default)]
pub struct AnswersInAnotherOrder;

#[async_trait]
impl Bug for AnswersInAnotherOrder {
    async fn commit_many(
        &self,
        store: &dyn Store,
        batches: Vec<(Partition, Batch)>,
    ) -> Vec<Result<Version, StoreError>> {
        let mut answers = store.commit_many(batches).await;
        answers.reverse();
        answers
    }
}

/// Carries out two batches for one partition, one after the other.
#[derive(Debug, Default)]
pub struct TakesAPartitionTwice;

#[async_trait]
impl Bug for TakesAPartitionTwice {
    async fn commit_many(
        &self,
        store: &dyn Store,
        batches: Vec<(Partition, Batch)>,
    ) -> Vec<Result<Version, StoreError>> {
        let mut answers = Vec::new();
        for (partition, batch) in batches {
            answers.push(store.commit(&partition, batch).await);
        }
        answers
    }
}

/// Carries out the first hundred batches and answers for all.
#[derive(Debug, Default)]
pub struct DropsTheRest;

#[async_trait]
impl Bug for DropsTheRest {
    async fn commit_many(
        &self,
        store: &dyn Store,
        mut batches: Vec<(Partition, Batch)>,
    ) -> Vec<Result<Version, StoreError>> {
        let rest = batches.split_off(batches.len().min(100));
        let mut answers = store.commit_many(batches).await;
        answers.extend(
            rest.into_iter()
                .map(|(_, batch)| Ok(batch.expect.next(batch.at))),
        );
        answers
    }
}
