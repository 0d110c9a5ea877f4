//! The same world on every store that the suite has.

use std::sync::Arc;

use mp_core::store::{
    MemoryStore, PostgresOptions, PostgresStore, SqliteOptions, SqliteStore, Store,
};
use mp_pay::backend::Capabilities;
use tempfile::TempDir;
use throwaway_postgres::{Database, database};

use crate::support::World;

/// A store as two processes see it, and what has to live as long.
pub(crate) struct Shared {
    pub(crate) name: &'static str,
    stores: [Arc<dyn Store>; 2],
    _folder: Option<TempDir>,
    _database: Option<Database>,
}

#[allow(dead_code, reason = "each test file uses some of it")]
impl Shared {
    /// Returns every store that can be had; without PostgreSQL it is said that it is skipped.
    pub(crate) async fn all(test: &str) -> Vec<Self> {
        let mut all = vec![Self::memory(), Self::sqlite()];
        all.extend(Self::postgres(test).await);
        all
    }

    fn memory() -> Self {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        Self {
            name: "memory",
            stores: [store.clone(), store],
            _folder: None,
            _database: None,
        }
    }

    fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("payments.db");
        let store = SqliteStore::open(path, SqliteOptions::default()).expect("opens");
        let store: Arc<dyn Store> = Arc::new(store);
        Self {
            name: "SQLite",
            stores: [store.clone(), store],
            _folder: Some(folder),
            _database: None,
        }
    }

    async fn postgres(test: &str) -> Option<Self> {
        let database = database(test).await?;
        let connect = || async {
            let store = PostgresStore::connect(database.url(), PostgresOptions::default()).await;
            Arc::new(store.expect("connects"))
        };
        Some(Self {
            name: "PostgreSQL",
            stores: [connect().await, connect().await],
            _folder: None,
            _database: Some(database),
        })
    }

    /// Returns the store as each of two processes sees it.
    pub(crate) const fn stores(&self) -> &[Arc<dyn Store>; 2] {
        &self.stores
    }

    /// Starts two processes on the store, each with what it remembers for itself.
    pub(crate) fn worlds(&self, can: Capabilities) -> [World; 2] {
        let alone = World::new(can);
        let [one, two] = &self.stores;
        [one, two].map(|store| {
            let backend = Arc::new(alone.sandbox.clone());
            World::on(
                store.clone(),
                alone.clock.clone(),
                alone.sandbox.clone(),
                backend,
            )
        })
    }
}
