//! Ordered feeds of what happened, with a cursor, for views in the host's own tables.
//!
//! ```
//! use std::sync::{Arc, Mutex};
//! use async_trait::async_trait;
//! use mp_core::{Command, Edits, Engine, Error, Family, Timestamp, feed::*, id::{AppId, Name}};
//! use mp_core::{clock::SystemClock, entropy::SystemEntropy, store::{MemoryStore, Partition}};
//! use mp_core::work::{Worker, WorkerOptions};
//!
//! /// What the host has in its own database: a row, and the cursor beside it.
//! #[derive(Debug)]
//! struct Bowls { name: Name, table: Mutex<(u64, Cursor)> }
//!
//! #[async_trait]
//! impl Projection for Bowls {
//!     fn name(&self) -> &Name { &self.name }
//!     async fn cursor(&self, _: &AppId) -> Result<Cursor, Error> {
//!         Ok(self.table.lock().expect("no panic").1)
//!     }
//!     async fn apply(&self, stretch: &Stretch) -> Result<bool, Error> {
//!         let mut table = self.table.lock().expect("no panic"); // the transaction
//!         if table.1 != stretch.from { return Ok(false); }
//!         for event in &stretch.events { table.0 += event.fact::<u64>()?; }
//!         table.1 = stretch.to;
//!         Ok(true)
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let engine = Engine::new(Arc::new(MemoryStore::new()), Arc::new(SystemClock), Arc::new(SystemEntropy::new()));
//! let (market, sales) = (AppId::new("market")?, Feed::new("sales".parse()?));
//! let bowls = Arc::new(Bowls { name: "bowls".parse()?, table: Mutex::default() });
//! let projector = Projector::new(&engine, &sales, bowls.clone());
//! let worker = Worker::new(&engine, WorkerOptions::default())
//!     .with(Feeds::new(&engine).handlers())
//!     .with([projector.handler()]);
//!
//! // A decision tells the feed what it decided, in its own commit.
//! let stall = sales.reads(Command::on(Partition::new(&market, "stall", "noodles")?));
//! let told = sales.clone();
//! engine.run(stall, move |family: &Family, now: Timestamp| {
//!     let mut edits = Edits::new();
//!     # edits.put_root(Stall {});
//!     told.emit(family, now, vec![News::new("bowl.sold", &2)?], &mut edits)?;
//!     Ok::<_, Error>(edits.answer(()))
//! }).await?;
//!
//! projector.start(&market).await?;
//! worker.drain().await?;
//! projector.catch_up(&market).await?;
//! assert_eq!(*bowls.table.lock().expect("no panic"), (2, Cursor(1)));
//! # Ok(()) }
//! # #[derive(serde::Serialize, serde::Deserialize)] struct Stall {}
//! # impl mp_core::Document for Stall { const KIND: &'static str = "stall"; const FORMAT: u32 = 1; }
//! ```
//!
//! # The nouns
//!
//! - A [`Feed`] is a name under which each app has one order of events. Decisions [tell](Feed::emit)
//!   it [`News`]; due work makes [`Event`]s of them ([`Feeds::handlers`]).
//! - A [`Cursor`] is a place in that order; [`Feeds::read`] returns the [`Stretch`] after it.
//! - A [`Projection`] is a view in the host's own tables, with its cursor in the same transaction; a
//!   [`Subscriber`] is what has none. A [`Projector`] hands either the events.
//!
//! # What is promised
//!
//! - *Once.* An event is in the feed once. A projection counts it once; a subscriber gets it at least
//!   once, and may get it again after newer ones.
//! - *Whole.* What was committed comes in, or its delivery is dead and listed: nothing is skipped in
//!   silence, neither on the way into the feed nor out of it. Only who has seen nothing yet
//!   ([`Cursor::START`]) cannot miss anything aloud: it begins with the oldest event that is kept, also
//!   if it stood still at the very first one for longer than that. [`Projector::lag`] tells before.
//! - *In order.* The events of one partition come in the order in which they were decided. Between
//!   partitions the feed has *an* order, the same for every reader for ever, and no more: it is not
//!   the order of [`Event::at`].
//! - *From any cursor.* A reader goes on from any cursor as long as what follows is kept,
//!   [`FEED_MEMORY`] unless the host says otherwise. Where it is not, the reader hears of it, and a
//!   person says from where it goes on: for a subscriber by [`Projector::begin_at`].
//!
//! # Costs and limits
//!
//! Of several events of one partition that are due together, each hands on to the next. What waits for
//! one that is held up, by an outage or a process that died, has not failed: it comes due again
//! together and in order, after at most about as long as it has waited already. Only behind work that
//! lies dead it is tried as other work is, once it is hours old, so that it is listed in the end too.
//!
//! To tell a feed something costs the decision's commit two more records, and the feed one commit
//! for as many events as are due together: on two cores, some 20,000 events a second come into one
//! feed on SQLite (`benches/benches/feed.rs`). A feed is one partition per app: where that is too
//! slow, tell several feeds. A feed keeps at most [`EVENTS_MAX`] events; more wait until older ones are
//! forgotten, and a warning says so.

mod cursor;
mod dead;
mod emission;
mod event;
mod feeds;
mod log;
mod overtaken;
mod pace;
mod projection;
mod projector;
mod stretch;
mod subscriber;
mod tick;

/// What stands in stores, for the fixtures.
#[cfg(all(test, feature = "conformance"))]
pub(crate) mod records {
    pub(crate) use super::{
        emission::{Emission, Source},
        log::{Head, Mark, Trim},
        projector::{Progress, Project},
    };
}

pub use self::{
    cursor::Cursor,
    emission::{
        Feed, NEWS_LENGTH_MAX, NEWS_LENGTH_SUM_MAX, NEWS_MAX, NEWS_NUMBER_LENGTH, SOURCE_LENGTH_MAX,
    },
    event::{Event, FACT_DEPTH_MAX, News},
    feeds::{FEED_MEMORY, FEED_MEMORY_MIN, Feeds},
    log::EVENTS_MAX,
    pace::STRETCH_MAX,
    projection::Projection,
    projector::{APPLY_MAX, Lag, PROJECT_EVERY, Projector},
    stretch::Stretch,
    subscriber::Subscriber,
};
