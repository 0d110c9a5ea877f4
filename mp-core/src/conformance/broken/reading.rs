use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use super::Bug;
use crate::store::{
    Batch, CommitId, Partition, Query, Record, Selection, Store, StoreError, Version, View, Write,
};

/// Reads as the store does, then spoils the view.
macro_rules! spoils_the_view {
    ($(#[$doc:meta])* $name:ident, |$view:ident, $query:ident| $spoil:block) => {
        $(#[$doc])*
        #[derive(Debug, Default)]
        pub struct $name;

        #[async_trait]
        impl Bug for $name {
            async fn read(
                &self,
                store: &dyn Store,
                partition: &Partition,
                $query: &Query,
            ) -> Result<View, StoreError> {
                let mut $view = store.read(partition, $query).await?;
                $spoil;
                Ok($view)
            }
        }
    };
}

spoils_the_view! {
    /// Answers the records behind the root backwards.
    SortsBackwards, |view, _query| {
        if let Some(records) = view.records.get_mut(1..) {
            records.reverse();
        }
    }
}

spoils_the_view! {
    /// Answers the first record behind the root twice.
    RepeatsRecords, |view, _query| {
        if let Some(record) = view.records.get(1).cloned() {
            view.records.insert(1, record);
        }
    }
}

spoils_the_view! {
    /// Does not say that the limit cut the answer short.
    HidesTheCut, |view, _query| {
        view.more = false;
    }
}

spoils_the_view! {
    /// Answers the root only if it was asked for.
    LeavesOutTheRoot, |view, query| {
        let root = |record: &Record| record.key.is_root();
        let asked = |record: &Record| query.select.iter().any(|one| one.contains(&record.key));
        view.records.retain(|record| !root(record) || asked(record));
    }
}

spoils_the_view! {
    /// Answers the head's version as that of every record.
    StampsEveryRecord, |view, _query| {
        for record in &mut view.records {
            record.version = view.head;
        }
    }
}

spoils_the_view! {
    /// Does not tell which commit made the head.
    ForgetsTheCommitId, |view, _query| {
        view.commit_id = CommitId::default();
    }
}

/// Answers one record more than the limit.
#[derive(Debug, Default)]
pub struct ExceedsTheLimit;

#[async_trait]
impl Bug for ExceedsTheLimit {
    async fn read(
        &self,
        store: &dyn Store,
        partition: &Partition,
        query: &Query,
    ) -> Result<View, StoreError> {
        let limit = query
            .limit
            .saturating_add(1)
            .min(store.limits().read_max.max(query.limit));
        store
            .read(
                partition,
                &Query {
                    limit,
                    ..query.clone()
                },
            )
            .await
    }
}

/// Takes the end of a range for a part of it.
#[derive(Debug, Default)]
pub struct IncludesTheEnd;

#[async_trait]
impl Bug for IncludesTheEnd {
    async fn read(
        &self,
        store: &dyn Store,
        partition: &Partition,
        query: &Query,
    ) -> Result<View, StoreError> {
        let mut query = query.clone();
        let ends = query.select.iter().filter_map(|selection| match selection {
            Selection::Range { from, to } if from < to => Some(Selection::Key(to.clone())),
            _ => None,
        });
        let ends: Vec<_> = ends.collect();
        query.select.extend(ends);
        store.read(partition, &query).await
    }
}

/// Takes it for an error that a partition does not exist.
#[derive(Debug, Default)]
pub struct FailsOnAbsence;

#[async_trait]
impl Bug for FailsOnAbsence {
    async fn read(
        &self,
        store: &dyn Store,
        partition: &Partition,
        query: &Query,
    ) -> Result<View, StoreError> {
        let view = store.read(partition, query).await?;
        if view.head == Version::ABSENT {
            return Err(StoreError::invalid("read", "there is no such partition"));
        }
        Ok(view)
    }
}

/// Reads the head first and the records in a second look.
#[derive(Debug, Default)]
pub struct ReadsInTwoSnapshots;

#[async_trait]
impl Bug for ReadsInTwoSnapshots {
    async fn read(
        &self,
        store: &dyn Store,
        partition: &Partition,
        query: &Query,
    ) -> Result<View, StoreError> {
        let first = store.read(partition, &Query::default()).await?;
        tokio::task::yield_now().await;
        let second = store.read(partition, query).await?;
        let root = first.records.into_iter().take(1);
        let records = root.chain(second.records.into_iter().skip(1)).collect();
        Ok(View {
            head: first.head,
            commit_id: first.commit_id,
            at: first.at,
            records,
            more: second.more,
        })
    }
}

/// Answers deliveries among the records.
#[derive(Debug, Default)]
pub struct ShowsDeliveries(Mutex<Vec<Record>>);

#[async_trait]
impl Bug for ShowsDeliveries {
    async fn commit(
        &self,
        store: &dyn Store,
        partition: &Partition,
        batch: Batch,
    ) -> Result<Version, StoreError> {
        let writes = batch.writes.clone();
        let version = store.commit(partition, batch).await?;
        let delivered = writes.into_iter().filter_map(|write| match write {
            Write::Deliver { key, value, .. } => Some(Record {
                key,
                version,
                value,
            }),
            _ => None,
        });
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(delivered);
        Ok(version)
    }

    async fn read(
        &self,
        store: &dyn Store,
        partition: &Partition,
        query: &Query,
    ) -> Result<View, StoreError> {
        let mut view = store.read(partition, query).await?;
        let delivered = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        view.records.extend(delivered);
        Ok(view)
    }
}
