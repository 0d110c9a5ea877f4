use std::{path::Path, sync::Arc};

use mp_core::store::{PostgresOptions, PostgresStore, SqliteOptions, SqliteStore, Store};
use throwaway_postgres::Database;

/// Where all processes keep everything: the path of a file, or the address of a database.
#[derive(Clone, Debug)]
pub(crate) struct Target(pub(crate) String);

impl Target {
    pub(crate) fn sqlite(folder: &Path) -> Self {
        let path = folder.join("payments.db");
        Self(path.to_str().expect("a path that is text").to_owned())
    }

    pub(crate) fn postgres(database: &Database) -> Self {
        Self(database.url().to_owned())
    }

    pub(crate) async fn open(&self) -> Arc<dyn Store> {
        if self.0.starts_with("postgres") {
            let store = PostgresStore::connect(&self.0, PostgresOptions::default()).await;
            return Arc::new(store.expect("connects"));
        }
        Arc::new(SqliteStore::open(&self.0, SqliteOptions::default()).expect("opens"))
    }
}
