use std::{fmt, sync::Arc};

use async_trait::async_trait;

use crate::store::{Listing, Store};

/// Makes the stores that clauses are tried on; whoever tests a store writes one.
#[async_trait]
pub trait StoreFactory: fmt::Debug + Send + Sync {
    /// Opens a fresh, empty store.
    async fn open(&self) -> Arc<dyn Store>;

    /// Closes a store as a restart would, and opens it again on what it has kept; `None` if
    /// nothing survives.
    ///
    /// The store is the one opened last, and the clause holds no other handle to it.
    async fn reopen(&self, store: Arc<dyn Store>) -> Option<Arc<dyn Store>>;

    /// Opens the store opened last once more, while the first stays open, as a second process would:
    /// what is shown to one is what the engine has, and not what the other has in memory. `None`,
    /// unless it is written otherwise, where no second process can open it.
    async fn open_again(&self) -> Option<Arc<dyn Store>> {
        None
    }

    /// Opens a fresh, empty store that lists its partitions; `None`, unless it is written otherwise,
    /// where stores do not.
    async fn open_listing(&self) -> Option<Arc<dyn Listing>> {
        None
    }
}
