//! The mechanisms that mini-program capabilities share, embedded in a host app: decisions that are
//! durable and taken once, work that happens later, and one registry of what can be asked.
//!
//! ```
//! use std::sync::Arc;
//! use mp_core::{Command, Document, Edits, Engine, Error, Family};
//! use mp_core::{clock::SystemClock, entropy::SystemEntropy, store::{MemoryStore, Partition}};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Deserialize, Serialize)]
//! struct Stall { sold: u32 }
//! impl Document for Stall { const KIND: &'static str = "stall"; const FORMAT: u32 = 1; }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let engine = Engine::new(Arc::new(MemoryStore::new()), Arc::new(SystemClock), Arc::new(SystemEntropy::new()));
//! let noodles = Command::on(Partition::new(&"market".parse()?, "stall", "noodles")?);
//! let sell = |family: &Family, _now| {
//!     let sold = family.root::<Stall>()?.map_or(0, |stall| stall.sold) + 1;
//!     let mut edits = Edits::new();
//!     edits.put_root(Stall { sold });
//!     Ok::<_, Error>(edits.answer(sold))
//! };
//! assert_eq!(engine.run(noodles.clone(), sell).await?.answer, 1);
//! assert_eq!(engine.run(noodles, sell).await?.answer, 2);
//! # Ok(()) }
//! ```
//!
//! # The nouns
//!
//! - A [`Document`] is a value in a [`store`]: JSON that a person can read, with a format number.
//! - A [`Partition`](store::Partition) is one aggregate's family of records and the unit of
//!   atomicity; a [`Command`] addresses a decision to one, a [`Family`] is what the decision reads,
//!   [`Edits`] are what it writes and sends.
//! - The [`Engine`] decides, commits and answers: commands on one partition share commits, an
//!   [`idempotency`] key makes one take effect once, and a lost answer is found out.
//! - [Due work](work) is everything that happens later; a [`Worker`](work::Worker) does it.
//! - A [`feed`] is what happened, in order, for views in the host's own tables; [`follow`] keeps
//!   indexes in memory.
//! - [Retention](retention) moves aggregates that are closed to an archive.
//! - A [`Plan`](steps::Plan) of [`steps`] spans partitions: reserve, then confirm or release.
//! - A [`Capacity`](capacity::Capacity) is what is scarce: seats, stock, limits per person.
//! - A [`Caller`] is an app, perhaps one of its users, with [`Scope`]s; a [`Host`](host::Host) checks
//!   them and calls [`Operation`](host::Operation)s with JSON.
//! - An [`Amount`](amount::Amount) counts whole minor units of money or of an app's own unit; [`id`]
//!   has an id type for each kind of thing; [`sign`] signs for one purpose at a time; [`web`]
//!   checks that a URL from a third party is safe to send a user to.
//!
//! # Words
//!
//! - *host*: the app that embeds these crates; a [`Host`](host::Host) is its registry of operations.
//! - *head*: the version that the last commit of a partition made. Each commit names the head that it was
//!   decided on, and moves it.
//! - *root*: the one record of a partition that stands for the aggregate itself.
//! - *page*: a record, or one of 256 partitions of an app, for many small things that have none of their own.
//! - *due work*: a delivery that was committed with the decision it comes of, for a time from then on.
//! - *dead*: given up, after [`ATTEMPTS_MAX`](work::ATTEMPTS_MAX) tries or because none can help, and listed
//!   for a person.
//! - *told*: heard from another party. It may come twice, late and in any order.
//! - *hint*: a reason to look, on which nothing rests: it may be false, or never come.
//! - *port*: a small trait by which a capability asks something of another, or of the host.
//!
//! # Several apps
//!
//! One engine serves any number of apps: the app stands in the [`Caller`], at the front of every partition's id,
//! and in the path to which a provider sends webhooks. Payment backends are joined to the service and serve all
//! apps: where apps have accounts of their own at a provider, the backend goes by the `app` in each request.
//! Due work is not told apart by app, so another set of backends for one app takes an engine on a store of its own.
//!
//! # What the host supplies
//!
//! A [`Store`](store::Store), a [`Clock`], a source of [`entropy`], a tokio runtime (the engine
//! spawns its commands there), one worker or more that run for as long as the app does, and the
//! [`port`]s of the capabilities it uses. Authentication is yours: build a [`Caller`] from your session; nothing
//! here checks a token.
//!
//! # Errors: what to do
//!
//! Every capability has an error type of its own with a `kind()`, and turns it into an [`Error`] by `From`.
//! What a caller can do follows from the [`ErrorKind`] alone, as [`ErrorKind::advice`] says:
//!
//! - [`Unavailable`](ErrorKind::Unavailable) and [`Unknown`](ErrorKind::Unknown): make the same call again
//!   with the *same* key, after a pause. Whatever the first has done is not done twice, and is told.
//! - [`Invalid`](ErrorKind::Invalid), and what else the caller can correct: correct the named field, or the
//!   rights, and call under a *new* key. The old one stands for the old input.
//! - The rest is an answer: what is refused or not found stays so until the world moves on, what is
//!   unsupported stays so, and of what is corrupt a person has to hear.
//!
//! # What this crate does not do
//!
//! It opens no sockets, reads no wall clock of its own, and knows nothing of payments, queues or
//! places: those are crates of their own that meet only through the ports. Nothing is atomic across
//! partitions, deliveries come at least once, and an effect outside the store happens once only if
//! the other side honours the key it is given.
//!
//! # Features
//!
//! None by default; each feature only adds, and none changes what is there.
//!
//! - `sqlite`: a durable store in one file.
//! - `postgres`: a durable store in a PostgreSQL database, for any number of processes.
//! - `conformance`: the store contract as clauses to run on a store of one's own, and
//!   `host::probe`, which tries bad input on every operation of a host.
//! - `sim`: a host's own code in many simulated processes, under every fault of the store, the clock
//!   and the process, compared with a model and replayed by seed.

pub mod amount;
pub mod caller;
pub mod capacity;
pub mod clock;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod document;
pub mod engine;
pub mod entropy;
pub mod error;
pub mod feed;
#[cfg(all(test, feature = "conformance"))]
mod fixtures;
pub mod follow;
pub mod host;
pub mod id;
pub mod idempotency;
pub mod label;
pub mod port;
pub mod retention;
pub mod sign;
#[cfg(feature = "sim")]
pub mod sim;
pub mod steps;
pub mod store;
#[doc(hidden)]
pub mod text;
pub mod web;
pub mod work;

pub use self::{
    caller::{Caller, Scope},
    clock::{Clock, Timestamp},
    document::Document,
    engine::{Command, Committed, Decision, Edits, Engine, Family},
    error::{Error, ErrorKind},
};
