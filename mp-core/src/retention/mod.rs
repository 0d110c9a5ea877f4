//! Retention: what is closed and past its use moves to an archive, and leaves a mark behind.
//!
//! A [`Rule`] says, as a pure function, when an aggregate of one kind is closed: when nothing that
//! was promised can need it any more. A [`Retention`] looks through the store, a stretch at a time,
//! for aggregates that are closed and have not changed for as long as the host says. It hands each
//! of them, whole, to the host's [`Archive`], and only then replaces it by a [`Retired`] mark, in a
//! commit that fails if the aggregate has changed since it was read. Its other records are deleted
//! with that commit, or, where they are many, with the next ones.
//!
//! The mark keeps the partition's id from being used again and its version from running back, and
//! tells where the archive is. Whoever asks for the aggregate is told `archived`, an error of kind
//! [`NotFound`](crate::ErrorKind::NotFound). So is whoever else of its app asks, for the mark keeps no owner: they
//! learn that such a thing was, and nothing more.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::{sync::Arc, time::Duration};
//! use mp_core::{Command, Document, Edits, Engine, Error, Family, Timestamp};
//! use mp_core::{clock::ManualClock, entropy::SystemEntropy, store::{MemoryStore, Partition}};
//! use mp_core::retention::{FileArchive, Retention, Rule};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Deserialize, Serialize)]
//! struct Order { paid: bool }
//! impl Document for Order { const KIND: &'static str = "order"; const FORMAT: u32 = 1; }
//!
//! #[derive(Debug)]
//! struct PaidOrders;
//! impl Rule for PaidOrders {
//!     fn kind(&self) -> &str { "order" }
//!     fn is_closed(&self, family: &Family, _now: Timestamp) -> Result<bool, Error> {
//!         Ok(family.root::<Order>()?.is_some_and(|order| order.paid))
//!     }
//! }
//!
//! let store = Arc::new(MemoryStore::new());
//! let clock = Arc::new(ManualClock::at("2026-11-21T08:00:00Z".parse()?));
//! let engine = Engine::new(store.clone(), clock.clone(), Arc::new(SystemEntropy::new()));
//! let order = Command::on(Partition::new(&"market".parse()?, "order", "1")?);
//! let pay = |_: &Family, _| {
//!     let mut edits = Edits::new();
//!     edits.put_root(Order { paid: true });
//!     Ok::<_, Error>(edits.answer(()))
//! };
//! engine.run(order.clone(), pay).await?;
//!
//! let folder = tempfile::tempdir()?;
//! let archive = Arc::new(FileArchive::in_folder(folder.path()));
//! let month = Duration::from_secs(30 * 24 * 60 * 60);
//! let retention = Retention::new(&engine, store, archive).with(Arc::new(PaidOrders), month);
//! clock.advance(month);
//! assert_eq!(retention.sweep_all().await?.retired, 1);
//! assert_eq!(engine.read(order).await.expect_err("is gone").code(), "archived");
//! # Ok(()) }
//! ```
//!
//! # When to sweep
//!
//! When there is little to do, every night for instance, in one process or several. A sweep that
//! breaks off anywhere does no harm, and the next one goes on. What is deleted takes up room until
//! the store forgets that it was deleted ([`DELETION_MEMORY`](crate::store::DELETION_MEMORY)); the
//! sweep after that clears it away.
//!
//! A sweep of the whole store also reads every mark that was ever left. Where a night has no time for that,
//! sweep stretch by stretch ([`Retention::sweep`]) and begin the next night where this one ended
//! ([`Sweep::next`]).
//!
//! A sweep holds 128 aggregates at a time in memory, as much as one read returns of each whether they
//! turn out to be closed or not, and some 100,000 records, or one aggregate that has more, a second time
//! as the text that is archived. One that has more records than [`RECORDS_MAX`] is not retired. Where
//! aggregates are large, sweep in a process that has the room.
//!
//! # How much is left
//!
//! A retired aggregate whose id has some thirty bytes takes up less than 0.6 kB for ever, however
//! large it was: the mark, with its row, its place in the index, and the room that is left in their
//! pages. The tables of all other records hold what is not retired yet, and do not grow from then on. The measurement `cargo bench
//! -p mp-benches --bench churn` holds both stores to that; with `MP_CHURN_AGGREGATES=10000`, for
//! purchases of seven records, 10,000 a day, each retired the night it may be:
//!
//! | | a purchase that stays | one that was retired | the other tables, three days on |
//! |---|---|---|---|
//! | SQLite | 1.66 kB | 0.27 kB | 1.00 times as large |
//! | PostgreSQL, vacuumed | 3.06 kB | 0.47 kB | 1.00 times as large |

mod archive;
mod file;
mod folder;
mod mark;
mod rule;
mod stretch;
mod sweep;

pub use self::{
    archive::{Archive, Archived},
    file::FileArchive,
    mark::Retired,
    rule::{AGE_MIN, Rule},
    stretch::RECORDS_MAX,
    sweep::{Retention, Sweep},
};
use crate::error::{Error, ErrorKind};

/// The code of the error for an aggregate of which only the mark is left.
pub(crate) const ARCHIVED: &str = "archived";

/// The error of whoever asks for an aggregate that was retired.
pub(crate) fn archived() -> Error {
    let message = "it is closed and was moved to the archive: ask whoever keeps that";
    Error::new(ErrorKind::NotFound, ARCHIVED, message)
}
