//! The store keeps the contract.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use async_trait::async_trait;
use mp_core::{
    conformance::StoreFactory,
    store::{Listing, Store},
};
use redb_store::RedbStore;
use tempfile::TempDir;

#[derive(Debug)]
struct Redb {
    folder: TempDir,
    opened: AtomicU32,
}

impl Redb {
    fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let opened = AtomicU32::new(0);
        Self { folder, opened }
    }

    fn open_next(&self) -> Arc<RedbStore> {
        self.open_file(self.opened.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn open_file(&self, number: u32) -> Arc<RedbStore> {
        let path = self.folder.path().join(format!("{number}.redb"));
        Arc::new(RedbStore::open(path).expect("the file opens"))
    }
}

#[async_trait]
impl StoreFactory for Redb {
    async fn open(&self) -> Arc<dyn Store> {
        self.open_next()
    }

    async fn reopen(&self, store: Arc<dyn Store>) -> Option<Arc<dyn Store>> {
        drop(store);
        Some(self.open_file(self.opened.load(Ordering::Relaxed)))
    }

    async fn open_listing(&self) -> Option<Arc<dyn Listing>> {
        Some(self.open_next())
    }
}

mp_core::store_conformance!(Redb::new());
