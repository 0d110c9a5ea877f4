use std::{path::Path, sync::Arc};

use mp_core::store::{Listing, PostgresOptions, PostgresStore, SqliteOptions, SqliteStore};
use throwaway_postgres::Database;

/// The store that several processes have in common, as text that a child is handed.
#[derive(Clone, Debug)]
pub(crate) struct Target(pub(crate) String);

impl Target {
    pub(crate) fn sqlite(folder: &Path) -> Self {
        let path = folder.join("mp.db").into_os_string();
        Self(
            path.into_string()
                .expect("temporary folders have plain names"),
        )
    }

    pub(crate) fn postgres(database: &Database) -> Self {
        Self(database.url().to_owned())
    }

    pub(crate) async fn open(&self) -> Arc<dyn Listing> {
        if self.0.starts_with("postgres") {
            let options = PostgresOptions::default();
            let store = PostgresStore::connect(&self.0, options).await;
            return Arc::new(store.expect("connects"));
        }
        Arc::new(SqliteStore::open(&self.0, SqliteOptions::default()).expect("opens"))
    }
}
