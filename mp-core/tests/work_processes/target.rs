use std::{path::Path, sync::Arc};

use mp_core::store::{SqliteOptions, SqliteStore, Store};

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

    pub(crate) async fn open(&self) -> Arc<dyn Store> {
        Arc::new(SqliteStore::open(&self.0, SqliteOptions::default()).expect("opens"))
    }
}
