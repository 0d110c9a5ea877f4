//! A durable [`Store`](mp_core::store::Store) on [redb](https://docs.rs/redb), an embedded engine
//! of ordered tables, written with nothing but the public API of `mp-core`: a template for a store
//! on an engine of your own.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use mp_core::store::{Partition, Query, Store};
//! use redb_store::RedbStore;
//!
//! let folder = tempfile::tempdir()?;
//! let store = RedbStore::open(folder.path().join("mp.redb"))?;
//! let group = Partition::parse("market/group/gb_01")?;
//! assert!(store.read(&group, &Query::default()).await?.records.is_empty());
//! # Ok(())
//! # }
//! ```
//!
//! `tables` says what is kept where; `commit` applies a batch, `delivery` leases and settles,
//! `snapshot` reads; `writer` lets many callers share one transaction and one wait for the disk.

mod commit;
mod delivery;
mod error;
mod snapshot;
mod store;
mod tables;
mod writer;

pub use self::store::RedbStore;
