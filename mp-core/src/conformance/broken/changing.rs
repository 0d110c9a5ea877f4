use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use super::Bug;
use crate::store::{Batch, Change, Changes, Partition, Store, StoreError, Version, Write};

/// Tells changes as the store does, then spoils the answer.
macro_rules! spoils_the_changes {
    ($(#[$doc:meta])* $name:ident, |$changes:ident| $spoil:block) => {
        $(#[$doc])*
        #[derive(Debug, Default)]
        pub struct $name;

        #[async_trait]
        impl Bug for $name {
            async fn changes(
                &self,
                store: &dyn Store,
                partition: &Partition,
                since: Version,
                limit: u32,
            ) -> Result<Changes, StoreError> {
                let mut $changes = store.changes(partition, since, limit).await?;
                $spoil;
                Ok($changes)
            }
        }
    };
}

spoils_the_changes! {
    /// Tells no deletion.
    ForgetsDeletions, |changes| {
        changes.items.retain(|item| item.value.is_some());
    }
}

spoils_the_changes! {
    /// Tells the last change twice.
    RepeatsChanges, |changes| {
        let last = changes.items.last().cloned();
        changes.items.extend(last);
    }
}

spoils_the_changes! {
    /// Does not say that deletions were forgotten.
    HidesTheLapse, |changes| {
        changes.lapsed = false;
    }
}

/// Tells every change whatever version is given.
#[derive(Debug, Default)]
pub struct StartsFromTheBeginning;

#[async_trait]
impl Bug for StartsFromTheBeginning {
    async fn changes(
        &self,
        store: &dyn Store,
        partition: &Partition,
        _: Version,
        limit: u32,
    ) -> Result<Changes, StoreError> {
        store.changes(partition, Version::ABSENT, limit).await
    }
}

/// Cuts at the limit, in the middle of a commit if need be, and goes on behind that commit.
#[derive(Debug, Default)]
pub struct CutsInsideACommit;

#[async_trait]
impl Bug for CutsInsideACommit {
    async fn changes(
        &self,
        store: &dyn Store,
        partition: &Partition,
        since: Version,
        limit: u32,
    ) -> Result<Changes, StoreError> {
        let mut changes = store
            .changes(partition, since, store.limits().read_max)
            .await?;
        let limit = usize::try_from(limit.max(1)).unwrap_or(usize::MAX);
        if changes.items.len() > limit {
            changes.items.truncate(limit);
            changes.more = true;
            changes.head = changes
                .items
                .last()
                .map_or(changes.head, |item| item.version);
        }
        Ok(changes)
    }
}

/// Tells deliveries among the changes.
#[derive(Debug, Default)]
pub struct FollowsDeliveries(Mutex<Vec<Change>>);

#[async_trait]
impl Bug for FollowsDeliveries {
    async fn commit(
        &self,
        store: &dyn Store,
        partition: &Partition,
        batch: Batch,
    ) -> Result<Version, StoreError> {
        let writes = batch.writes.clone();
        let version = store.commit(partition, batch).await?;
        let delivered = writes.into_iter().filter_map(|write| match write {
            Write::Deliver { key, value, .. } => Some(Change {
                key,
                version,
                value: Some(value),
            }),
            _ => None,
        });
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(delivered);
        Ok(version)
    }

    async fn changes(
        &self,
        store: &dyn Store,
        partition: &Partition,
        since: Version,
        limit: u32,
    ) -> Result<Changes, StoreError> {
        let mut changes = store.changes(partition, since, limit).await?;
        let delivered = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        changes
            .items
            .extend(delivered.into_iter().filter(|item| item.version > since));
        Ok(changes)
    }
}
