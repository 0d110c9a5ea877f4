//! The store: one small trait, one unit of atomicity.
//!
//! A *partition* is one aggregate's family of records and the unit of atomicity; its *root* (key
//! `""`) is the head. Every commit names the head version it decided on and moves it on, so one
//! check covers every key of the partition, present and absent. Nothing is atomic across
//! partitions; what spans two is a [step](crate::steps) of due work.

#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod admission;
mod batch;
mod commit_id;
mod delivery;
mod error;
mod key;
mod listing;
mod memory;
mod partition;
#[cfg(feature = "postgres")]
mod postgres;
mod read;
#[cfg(feature = "sqlite")]
mod sqlite;
mod turn;

use std::fmt;

use async_trait::async_trait;

#[cfg(feature = "postgres")]
pub use self::postgres::{PostgresOptions, PostgresStore};
#[cfg(feature = "sqlite")]
pub use self::sqlite::{Durability, SqliteOptions, SqliteStore};
pub use self::{
    batch::{Batch, Limits, Write},
    commit_id::CommitId,
    delivery::{DELIVERY_ERROR_LENGTH_MAX, Delivery, DueQuery, Outcome, Settle},
    error::{StoreError, StoreErrorKind},
    key::{KEY_LENGTH_MAX, Key},
    listing::Listing,
    memory::MemoryStore,
    partition::{PARTITION_LENGTH_MAX, Partition, SLOTS, SlotSet},
    read::{Change, Changes, Query, Record, Selection, Version, View},
    turn::{InTurn, Turn},
};

/// How long a store remembers, for [`Store::changes`], that a record was deleted.
pub const DELETION_MEMORY: std::time::Duration = std::time::Duration::from_secs(600);

/// Durable storage, supplied by the host.
///
/// Whoever writes one holds it to this contract with `mp_core::store_conformance!` (feature
/// `conformance`).
///
/// # Contract
/// 1. *Atomic.* A batch is applied whole or not at all. What a write calls new is written whatever
///    is there, as what it does not call so.
/// 2. *Checked.* A batch is applied only if the head version is the one it expects;
///    [`Version::ABSENT`] expects no partition. Otherwise `Conflict`, and nothing is written. Of
///    concurrent commits on one head exactly one succeeds.
/// 3. *Durable.* When `commit` answers `Ok`, a restart keeps the batch.
/// 4. *Monotonic.* Each commit makes a greater version; a partition's first version is
///    [`Version::next`] of its time; the head's time never runs back.
/// 5. *Snapshot.* `read` answers head and records of one moment: the root first, then the selected
///    records in key order, each once, no more than the limit, and `more` if that cut it short.
///    Delivery records are never among them.
/// 6. *Honest.* A commit whose outcome is not known answers `Unknown`, never `Conflict` or
///    `Unavailable`; the head keeps the `commit_id` of its last commit. A second commit with the
///    same `expect` and `commit_id` never applies twice. A commit that was answered `Unknown`, or
///    not waited for, shows in reads as a whole or not at all. It may still come as long as the head
///    is the one it expects; once it has come it stays, and once another has moved the head it
///    never comes.
/// 7. *Independent.* In `commit_many` each batch succeeds or conflicts alone; answers come in the
///    order of the batches; at most one batch per partition, else all are `Invalid`.
/// 8. *Leased.* `due` returns deliveries with `due_at <= now` of the asked kind and slots, the
///    longest due first, and leases each until `now + lease`: no second caller gets it before. The
///    head does not move.
/// 9. *Fenced.* `settle` applies only while version and lease are those given, and says for each
///    whether it did. A delivery that was written again meanwhile stays. Of two settlements of one
///    delivery in one call the first counts.
/// 10. *Counted.* `attempts` counts leases; writing the delivery or re-driving it starts anew. Dead
///     deliveries are never due, are listed by `dead`, and can be settled.
/// 11. *Followed.* `changes` answers the last put or delete of every key changed after a version,
///     by version, then key, delivery records left out, deletions for at least
///     [`DELETION_MEMORY`]; where that lapsed it says so.
/// 12. *Strict.* What [`Batch::check`] refuses, or a read or `due` over the limits, is `Invalid`
///     and writes nothing. No limit is below [`Limits::STANDARD`].
/// 13. *Timeless.* The engine's own clock is never used: every time comes from the caller.
///
/// Stores that can list their partitions promise two things more, at [`Listing`], and those that can
/// give turns, at [`Turn`].
#[async_trait]
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// Returns what this store takes, which is [`Limits::STANDARD`] or more.
    fn limits(&self) -> Limits;

    /// Reads the head and selected records from one snapshot.
    ///
    /// # Errors
    ///
    /// `Invalid` if the limit is over [`Limits::read_max`]; `Unavailable`, `Corrupt`.
    async fn read(&self, partition: &Partition, query: &Query) -> Result<View, StoreError>;

    /// Applies a batch if the head is as expected, and returns the new version.
    ///
    /// # Errors
    ///
    /// `Conflict`, `Unknown`, `Unavailable`, `Invalid`, `Full`, `ReadOnly`; nothing is written
    /// unless the error is `Unknown`.
    async fn commit(&self, partition: &Partition, batch: Batch) -> Result<Version, StoreError>;

    /// Waits until nobody else has a turn at the partition, takes one, and reads as [`read`](Self::read)
    /// does; nothing where the store gives no turns, or none now.
    ///
    /// For a partition for which several processes contend: what one decides while the others commit
    /// mostly conflicts, so they take turns.
    ///
    /// # Errors
    ///
    /// Those of [`read`](Self::read); the caller may do without the turn, whichever it is.
    async fn take_turn(
        &self,
        _partition: &Partition,
        _query: &Query,
    ) -> Result<Option<InTurn>, StoreError> {
        Ok(None)
    }

    /// Applies the batches of many partitions, each alone, durably at one cost.
    async fn commit_many(
        &self,
        batches: Vec<(Partition, Batch)>,
    ) -> Vec<Result<Version, StoreError>>;

    /// Leases due deliveries.
    ///
    /// # Errors
    ///
    /// `Invalid` if the limit is over [`Limits::due_max`]; `Unavailable`, `Corrupt`.
    async fn due(&self, query: &DueQuery) -> Result<Vec<Delivery>, StoreError>;

    /// Settles leased or dead deliveries, one after the other, and says for each whether its fence
    /// still held.
    ///
    /// # Errors
    ///
    /// `Unavailable`, `Unknown`: settling again is harmless.
    async fn settle(&self, settles: Vec<Settle>) -> Result<Vec<bool>, StoreError>;

    /// Lists dead deliveries by partition and key, after the given one.
    ///
    /// # Errors
    ///
    /// `Invalid` if the limit is over [`Limits::due_max`]; `Unavailable`, `Corrupt`.
    async fn dead(
        &self,
        after: Option<(&Partition, &Key)>,
        limit: u32,
    ) -> Result<Vec<Delivery>, StoreError>;

    /// Returns what changed in a partition after `since`.
    ///
    /// # Errors
    ///
    /// `Invalid` if the limit is over [`Limits::read_max`]; `Unavailable`, `Corrupt`.
    async fn changes(
        &self,
        partition: &Partition,
        since: Version,
        limit: u32,
    ) -> Result<Changes, StoreError>;
}
