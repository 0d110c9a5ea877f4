use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;

use crate::store::{
    Batch, Changes, Delivery, DueQuery, Key, Limits, Partition, Query, Settle, Store, StoreError,
    Version, View,
};

/// A store that counts the commits made through it, so that a test can tell that a call changed
/// nothing.
///
/// The host's own notes of which keys a caller has used are not counted: they are made before an
/// operation runs, whatever comes of it.
pub struct CountingStore {
    inner: Arc<dyn Store>,
    commits: AtomicU64,
}

impl CountingStore {
    /// Counts from now on.
    #[must_use]
    pub fn new(inner: Arc<dyn Store>) -> Self {
        Self {
            inner,
            commits: AtomicU64::new(0),
        }
    }

    /// Returns how many commits were applied.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::SeqCst)
    }

    fn count(&self, partition: &Partition, answer: &Result<Version, StoreError>) {
        let notes = format!("{}/{}/", partition.app(), crate::host::NOTES);
        if answer.is_ok() && !partition.id().starts_with(&notes) {
            self.commits.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl fmt::Debug for CountingStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CountingStore")
            .field("inner", &self.inner)
            .field("commits", &self.commits())
            .finish()
    }
}

#[async_trait]
impl Store for CountingStore {
    fn limits(&self) -> Limits {
        self.inner.limits()
    }

    async fn read(&self, partition: &Partition, query: &Query) -> Result<View, StoreError> {
        self.inner.read(partition, query).await
    }

    async fn commit(&self, partition: &Partition, batch: Batch) -> Result<Version, StoreError> {
        let answer = self.inner.commit(partition, batch).await;
        self.count(partition, &answer);
        answer
    }

    async fn commit_many(
        &self,
        batches: Vec<(Partition, Batch)>,
    ) -> Vec<Result<Version, StoreError>> {
        let partitions: Vec<Partition> = batches.iter().map(|(each, _)| each.clone()).collect();
        let answers = self.inner.commit_many(batches).await;
        for (partition, answer) in partitions.iter().zip(&answers) {
            self.count(partition, answer);
        }
        answers
    }

    async fn due(&self, query: &DueQuery) -> Result<Vec<Delivery>, StoreError> {
        self.inner.due(query).await
    }

    async fn settle(&self, settles: Vec<Settle>) -> Result<Vec<bool>, StoreError> {
        self.inner.settle(settles).await
    }

    async fn dead(
        &self,
        after: Option<(&Partition, &Key)>,
        limit: u32,
    ) -> Result<Vec<Delivery>, StoreError> {
        self.inner.dead(after, limit).await
    }

    async fn changes(
        &self,
        partition: &Partition,
        since: Version,
        limit: u32,
    ) -> Result<Changes, StoreError> {
        self.inner.changes(partition, since, limit).await
    }
}
