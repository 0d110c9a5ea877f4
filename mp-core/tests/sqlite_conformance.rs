//! The embedded store keeps the contract.
#![cfg(all(feature = "conformance", feature = "sqlite"))]

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use mp_core::{
    conformance::StoreFactory,
    store::{Listing, SqliteOptions, SqliteStore, Store},
};
use tempfile::TempDir;

#[derive(Debug)]
struct Sqlite {
    folder: TempDir,
    opened: AtomicUsize,
}

impl Sqlite {
    fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let opened = AtomicUsize::new(0);
        Self { folder, opened }
    }

    fn open_next(&self) -> Arc<SqliteStore> {
        self.open_file(self.opened.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn open_file(&self, number: usize) -> Arc<SqliteStore> {
        let path = self.folder.path().join(format!("{number}.db"));
        Arc::new(SqliteStore::open(path, SqliteOptions::default()).expect("the file opens"))
    }
}

#[async_trait]
impl StoreFactory for Sqlite {
    async fn open(&self) -> Arc<dyn Store> {
        self.open_next()
    }

    async fn reopen(&self, store: Arc<dyn Store>) -> Option<Arc<dyn Store>> {
        drop(store);
        Some(self.open_file(self.opened.load(Ordering::Relaxed)))
    }

    async fn open_again(&self) -> Option<Arc<dyn Store>> {
        Some(self.open_file(self.opened.load(Ordering::Relaxed)))
    }

    async fn open_listing(&self) -> Option<Arc<dyn Listing>> {
        Some(self.open_next())
    }
}

mp_core::store_conformance!(Sqlite::new());
