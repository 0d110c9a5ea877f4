use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use mp_core::store::{
    Batch, Changes, Delivery, DueQuery, Key, Limits, MemoryStore, Partition, Query, Settle, Store,
    StoreError, Version, View, Write,
};

use crate::lives::Lives;

/// A store that counts what is asked of it.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    store: MemoryStore,
    cost: Cost,
    batches: Mutex<Vec<Batch>>,
}

/// What was asked of a store.
#[derive(Debug, Default)]
struct Cost {
    reads: AtomicU64,
    commits: AtomicU64,
    put: AtomicU64,
    delivered: AtomicU64,
    deleted: AtomicU64,
    bytes: AtomicU64,
}

impl Counted {
    /// Lets one payment live, and returns what that cost and the commits that it came to.
    pub(crate) async fn life() -> (String, Arc<[Batch]>) {
        let counted = Arc::new(Self::default());
        Lives::on(counted.clone()).live().await;
        (
            counted.cost.to_string(),
            counted.batches().as_slice().into(),
        )
    }

    fn take_note(&self, batch: &Batch) {
        self.cost.count(batch);
        self.batches().push(batch.clone());
    }

    fn batches(&self) -> MutexGuard<'_, Vec<Batch>> {
        self.batches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cost {
    fn count(&self, batch: &Batch) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        for write in &batch.writes {
            let (counter, value) = match write {
                Write::Put { value, .. } => (&self.put, Some(value)),
                Write::Deliver { value, .. } => (&self.delivered, Some(value)),
                Write::Delete { .. } => (&self.deleted, None),
            };
            counter.fetch_add(1, Ordering::Relaxed);
            let bytes = value.map_or(0, |value| value.len()) as u64;
            self.bytes.fetch_add(bytes, Ordering::Relaxed);
        }
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        writeln!(f, "One life: create, confirm, capture")?;
        for (what, counter) in [
            ("commits", &self.commits),
            ("reads", &self.reads),
            ("records put", &self.put),
            ("deliveries written", &self.delivered),
            ("deliveries deleted", &self.deleted),
            ("bytes of values", &self.bytes),
        ] {
            writeln!(f, "  {what:<20} {:>6}", of(counter))?;
        }
        Ok(())
    }
}

#[async_trait]
impl Store for Counted {
    fn limits(&self) -> Limits {
        self.store.limits()
    }

    async fn read(&self, partition: &Partition, query: &Query) -> Result<View, StoreError> {
        self.cost.reads.fetch_add(1, Ordering::Relaxed);
        self.store.read(partition, query).await
    }

    async fn commit(&self, partition: &Partition, batch: Batch) -> Result<Version, StoreError> {
        self.take_note(&batch);
        self.store.commit(partition, batch).await
    }

    async fn commit_many(
        &self,
        batches: Vec<(Partition, Batch)>,
    ) -> Vec<Result<Version, StoreError>> {
        for (_, batch) in &batches {
            self.take_note(batch);
        }
        self.store.commit_many(batches).await
    }

    async fn due(&self, query: &DueQuery) -> Result<Vec<Delivery>, StoreError> {
        self.store.due(query).await
    }

    async fn settle(&self, settles: Vec<Settle>) -> Result<Vec<bool>, StoreError> {
        self.store.settle(settles).await
    }

    async fn dead(
        &self,
        after: Option<(&Partition, &Key)>,
        limit: u32,
    ) -> Result<Vec<Delivery>, StoreError> {
        self.store.dead(after, limit).await
    }

    async fn changes(
        &self,
        partition: &Partition,
        since: Version,
        limit: u32,
    ) -> Result<Changes, StoreError> {
        self.store.changes(partition, since, limit).await
    }
}
