use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use async_trait::async_trait;
use mp_core::store::{
    Batch, Changes, Delivery, DueQuery, Key, Limits, Listing, MemoryStore, Partition, Query,
    Selection, Settle, Store, StoreError, StoreErrorKind, Version, View, Write,
};
use serde_json::Value;

use super::faults::{Faults, Interrupted};

/// A memory store whose calls may go wrong, and that looks at every commit.
#[derive(Debug, Default)]
pub(crate) struct WatchedStore {
    inner: MemoryStore,
    faults: Arc<Faults>,
    overfull: AtomicU32,
    commits: AtomicU32,
    looks: AtomicU32,
}

impl WatchedStore {
    pub(crate) fn new(faults: Arc<Faults>) -> Self {
        Self {
            faults,
            ..Self::default()
        }
    }

    /// Returns how many commits left a group or an offer with more given out than there is.
    pub(crate) fn overfull(&self) -> u32 {
        self.overfull.load(Ordering::SeqCst)
    }

    /// Returns how many commits held a group's or an offer's root.
    pub(crate) fn commits(&self) -> u32 {
        self.commits.load(Ordering::SeqCst)
    }

    /// Returns how often somebody has looked through all members of a group.
    pub(crate) fn looks(&self) -> u32 {
        self.looks.load(Ordering::SeqCst)
    }

    fn watch(&self, batch: &Batch) {
        for write in &batch.writes {
            let Write::Put { key, value, .. } = write else {
                continue;
            };
            if !key.is_root() {
                continue;
            }
            let root: Value = serde_json::from_slice(value).expect("values are JSON");
            let quotas = [
                &root["seats"]["quotas"]["seats"],
                &root["stock"]["quotas"]["stock"],
            ];
            for quota in quotas.into_iter().filter(|quota| quota.is_object()) {
                let count = |name: &str| quota[name].as_u64().expect("a count");
                self.commits.fetch_add(1, Ordering::SeqCst);
                if count("reserved") + count("confirmed") > count("size") {
                    self.overfull.fetch_add(1, Ordering::SeqCst);
                }
            }
        }
    }
}

fn error(op: &'static str, interrupted: Interrupted) -> StoreError {
    let kind = match (op, interrupted) {
        ("commit" | "settle", Interrupted::Unknown) => StoreErrorKind::Unknown,
        _ => StoreErrorKind::Unavailable,
    };
    StoreError::new(kind, op, "the connection was lost")
}

#[async_trait]
impl Store for WatchedStore {
    fn limits(&self) -> Limits {
        self.inner.limits()
    }

    async fn read(&self, partition: &Partition, query: &Query) -> Result<View, StoreError> {
        let members = |it: &Selection| matches!(it, Selection::Prefix(key) if key.as_str() == "m/");
        if query.select.iter().any(members) {
            self.looks.fetch_add(1, Ordering::SeqCst);
        }
        let call = self.inner.read(partition, query);
        let answer = self.faults.around(call).await;
        answer.map_err(|interrupted| error("read", interrupted))?
    }

    async fn commit(&self, partition: &Partition, batch: Batch) -> Result<Version, StoreError> {
        self.watch(&batch);
        let call = self.inner.commit(partition, batch);
        let answer = self.faults.around(call).await;
        answer.map_err(|interrupted| error("commit", interrupted))?
    }

    async fn commit_many(
        &self,
        batches: Vec<(Partition, Batch)>,
    ) -> Vec<Result<Version, StoreError>> {
        let mut answers = Vec::new();
        for (partition, batch) in batches {
            answers.push(self.commit(&partition, batch).await);
        }
        answers
    }

    async fn due(&self, query: &DueQuery) -> Result<Vec<Delivery>, StoreError> {
        let answer = self.faults.around(self.inner.due(query)).await;
        answer.map_err(|interrupted| error("due", interrupted))?
    }

    async fn settle(&self, settles: Vec<Settle>) -> Result<Vec<bool>, StoreError> {
        let answer = self.faults.around(self.inner.settle(settles)).await;
        answer.map_err(|interrupted| error("settle", interrupted))?
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

#[async_trait]
impl Listing for WatchedStore {
    async fn partitions(
        &self,
        after: Option<&Partition>,
        limit: u32,
    ) -> Result<Vec<Partition>, StoreError> {
        self.inner.partitions(after, limit).await
    }
}
