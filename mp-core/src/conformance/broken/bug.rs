use std::{
    fmt,
    marker::PhantomData,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;

use crate::{
    conformance::StoreFactory,
    store::{
        Batch, Changes, Delivery, DueQuery, InTurn, Key, Limits, Listing, MemoryStore, Partition,
        Query, Settle, Store, StoreError, Version, View,
    },
};

/// One mistake: what it does differs from what the store in its hands would do.
#[async_trait]
pub trait Bug: fmt::Debug + Default + Send + Sync + 'static {
    /// Gets [`Store::limits`] wrong, or passes it on.
    fn limits(&self, store: &dyn Store) -> Limits {
        store.limits()
    }

    /// Gets [`Store::read`] wrong, or passes it on.
    async fn read(
        &self,
        store: &dyn Store,
        partition: &Partition,
        query: &Query,
    ) -> Result<View, StoreError> {
        store.read(partition, query).await
    }

    /// Gets [`Store::commit`] wrong, or passes it on.
    async fn commit(
        &self,
        store: &dyn Store,
        partition: &Partition,
        batch: Batch,
    ) -> Result<Version, StoreError> {
        store.commit(partition, batch).await
    }

    /// Gets [`Store::take_turn`] wrong, or gives no turns.
    async fn take_turn(
        &self,
        _store: &Arc<dyn Store>,
        _partition: &Partition,
        _query: &Query,
    ) -> Result<Option<InTurn>, StoreError> {
        Ok(None)
    }

    /// Gets [`Store::commit_many`] wrong, or passes it on.
    async fn commit_many(
        &self,
        store: &dyn Store,
        batches: Vec<(Partition, Batch)>,
    ) -> Vec<Result<Version, StoreError>> {
        store.commit_many(batches).await
    }

    /// Gets [`Store::due`] wrong, or passes it on.
    async fn due(&self, store: &dyn Store, query: &DueQuery) -> Result<Vec<Delivery>, StoreError> {
        store.due(query).await
    }

    /// Gets [`Store::settle`] wrong, or passes it on.
    async fn settle(
        &self,
        store: &dyn Store,
        settles: Vec<Settle>,
    ) -> Result<Vec<bool>, StoreError> {
        store.settle(settles).await
    }

    /// Gets [`Store::dead`] wrong, or passes it on.
    async fn dead(
        &self,
        store: &dyn Store,
        after: Option<(&Partition, &Key)>,
        limit: u32,
    ) -> Result<Vec<Delivery>, StoreError> {
        store.dead(after, limit).await
    }

    /// Gets [`Store::changes`] wrong, or passes it on.
    async fn changes(
        &self,
        store: &dyn Store,
        partition: &Partition,
        since: Version,
        limit: u32,
    ) -> Result<Changes, StoreError> {
        store.changes(partition, since, limit).await
    }

    /// Gets [`Listing::partitions`] wrong, or passes it on.
    async fn partitions(
        &self,
        store: &dyn Listing,
        after: Option<&Partition>,
        limit: u32,
    ) -> Result<Vec<Partition>, StoreError> {
        store.partitions(after, limit).await
    }

    /// Gets a restart wrong, or lets the store survive it.
    async fn reopen(&self, store: Arc<dyn Store>) -> Arc<dyn Store> {
        store
    }
}

/// A store in the hands of a bug.
#[derive(Debug)]
pub struct Broken<B> {
    store: Arc<dyn Store>,
    /// The same store, if it lists.
    listing: Option<Arc<dyn Listing>>,
    bug: B,
}

impl<B: Bug> Broken<B> {
    /// Breaks a store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            listing: None,
            bug: B::default(),
        }
    }

    /// Breaks a store that lists, and lists then.
    #[must_use]
    pub fn new_listing(store: Arc<dyn Listing>) -> Self {
        Self {
            listing: Some(store.clone()),
            ..Self::new(store)
        }
    }
}

#[async_trait]
impl<B: Bug> Store for Broken<B> {
    fn limits(&self) -> Limits {
        self.bug.limits(&*self.store)
    }

    async fn read(&self, partition: &Partition, query: &Query) -> Result<View, StoreError> {
        self.bug.read(&*self.store, partition, query).await
    }

    async fn commit(&self, partition: &Partition, batch: Batch) -> Result<Version, StoreError> {
        self.bug.commit(&*self.store, partition, batch).await
    }

    async fn take_turn(
        &self,
        partition: &Partition,
        query: &Query,
    ) -> Result<Option<InTurn>, StoreError> {
        self.bug.take_turn(&self.store, partition, query).await
    }

    async fn commit_many(
        &self,
        batches: Vec<(Partition, Batch)>,
    ) -> Vec<Result<Version, StoreError>> {
        self.bug.commit_many(&*self.store, batches).await
    }

    async fn due(&self, query: &DueQuery) -> Result<Vec<Delivery>, StoreError> {
        self.bug.due(&*self.store, query).await
    }

    async fn settle(&self, settles: Vec<Settle>) -> Result<Vec<bool>, StoreError> {
        self.bug.settle(&*self.store, settles).await
    }

    async fn dead(
        &self,
        after: Option<(&Partition, &Key)>,
        limit: u32,
    ) -> Result<Vec<Delivery>, StoreError> {
        self.bug.dead(&*self.store, after, limit).await
    }

    async fn changes(
        &self,
        partition: &Partition,
        since: Version,
        limit: u32,
    ) -> Result<Changes, StoreError> {
        self.bug
            .changes(&*self.store, partition, since, limit)
            .await
    }
}

#[async_trait]
impl<B: Bug> Listing for Broken<B> {
    async fn partitions(
        &self,
        after: Option<&Partition>,
        limit: u32,
    ) -> Result<Vec<Partition>, StoreError> {
        let unlisted = || StoreError::invalid("partitions", "the store in its hands does not list");
        let listing = self.listing.as_deref().ok_or_else(unlisted)?;
        self.bug.partitions(listing, after, limit).await
    }
}

/// Makes memory stores in the hands of a bug; apart from the bug they survive a restart, and a second
/// handle to one is in the hands of a bug of its own.
#[derive(Debug, Default)]
pub struct BrokenFactory<B> {
    opened: Mutex<Arc<MemoryStore>>,
    bug: PhantomData<B>,
}

impl<B> BrokenFactory<B> {
    fn opened(&self) -> MutexGuard<'_, Arc<MemoryStore>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl<B: Bug> StoreFactory for BrokenFactory<B> {
    async fn open(&self) -> Arc<dyn Store> {
        let store = Arc::new(MemoryStore::new());
        *self.opened() = store.clone();
        Arc::new(Broken::<B>::new(store))
    }

    async fn reopen(&self, store: Arc<dyn Store>) -> Option<Arc<dyn Store>> {
        Some(B::default().reopen(store).await)
    }

    async fn open_again(&self) -> Option<Arc<dyn Store>> {
        let store = self.opened().clone();
        Some(Arc::new(Broken::<B>::new(store)))
    }

    async fn open_listing(&self) -> Option<Arc<dyn Listing>> {
        let store = Arc::new(MemoryStore::new());
        Some(Arc::new(Broken::<B>::new_listing(store)))
    }
}
