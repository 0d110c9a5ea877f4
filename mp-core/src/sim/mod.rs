//! Runs a host's own code, many processes of it, through every fault that a store, a clock and a crash
//! can bring, and compares what came of it with a simple model: deterministically, by seed.
//!
//! ```
//! use std::sync::Arc;
//! use async_trait::async_trait;
//! use mp_core::{Caller, Command, Document, Edits, Engine, Error, Family};
//! use mp_core::{id::IdempotencyKey, idempotency::Idempotency, store::Partition, work::Handler};
//! use mp_core::sim::{Chance, Drawn, History, Model, Process, Simulation, Violation, Workload};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Deserialize, Serialize)]
//! struct Stall { sold: u32 }
//! impl Document for Stall { const KIND: &'static str = "stall"; const FORMAT: u32 = 1; }
//!
//! #[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
//! struct Sold(u32);
//! impl Model for Sold {
//!     type Command = &'static str;
//!     type Answer = u32;
//!     fn apply(&mut self, _dish: &&'static str) -> Result<u32, &'static str> {
//!         if self.0 == 20 { return Err("sold_out"); }
//!         self.0 += 1;
//!         Ok(self.0)
//!     }
//! }
//!
//! struct Market;
//! #[async_trait]
//! impl Workload for Market {
//!     type Services = Engine;
//!     type Model = Sold;
//!     fn start(&self, process: &Process) -> (Engine, Vec<Arc<dyn Handler>>) {
//!         (process.engine().clone(), Vec::new())
//!     }
//!     fn draw(&self, chance: &mut Chance) -> Drawn<&'static str> {
//!         Drawn::keyed("market/stall/1", chance.pick(["noodles", "soup"]))
//!     }
//!     async fn call(&self, engine: &Engine, dish: &&'static str, key: &IdempotencyKey) -> Result<u32, Error> {
//!         let once = Idempotency::new(&Caller::app("market".parse().unwrap()), "stall.sell", key, dish)?;
//!         let sell = |family: &Family, _now| {
//!             let sold = family.root::<Stall>()?.map_or(0, |stall| stall.sold) + 1;
//!             if sold > 20 {
//!                 return Err(Error::new(mp_core::ErrorKind::Refused, "sold_out", "nothing is left"));
//!             }
//!             let mut edits = Edits::new();
//!             edits.put_root(Stall { sold });
//!             Ok(edits.answer(sold))
//!         };
//!         Ok(engine.run(Command::on(Partition::parse("market/stall/1")?).once(once), sell).await?.answer)
//!     }
//!     async fn observe(&self, engine: &Engine, part: &str) -> Result<Sold, Error> {
//!         let family = engine.read(Command::on(Partition::parse(part)?)).await?;
//!         Ok(Sold(family.root::<Stall>()?.map_or(0, |stall| stall.sold)))
//!     }
//!     fn inspect(&self, _family: &Family) -> Result<(), Violation> { Ok(()) }
//!     async fn audit(&self, _: &Engine, _: &History<&'static str, u32>) -> Result<(), Violation> { Ok(()) }
//! }
//!
//! let report = Simulation::of(|_| Market).with_commands(50).check(0..20).unwrap();
//! assert_eq!((report.runs, report.commands), (20, 1_000));
//! ```
//!
//! Break it to see a failure: leave `.once(once)` out, and within a few seeds somebody is sold two
//! dishes for one.
//!
//! # A run
//!
//! A [`Simulation`] makes a [`Workload`] and runs it for one seed or many. In a run, several
//! [`Process`]es share one store, each with an engine, caches, a worker and a clock of its own, up to
//! five seconds off. Clients ask one thing after another at any of them; what they are not told they
//! ask again, with the same key. Time is virtual: it passes when nothing else can happen, so an hour
//! takes no time.
//!
//! At every [`WritePoint`] a [`Fault`] may strike: a commit that makes or moves a partition, a lease, a
//! settlement, a call to the [outside](Process::outside). A process that crashes stops wherever its
//! code is, at whatever call it waits for; a request that was on its way may arrive or not; another
//! process starts in its place and knows nothing. Each run leaves some faults out and lets others
//! strike often. [`Coverage`] is the table of what struck where.
//!
//! # What must hold
//!
//! - *Answers.* For each part of the system there is an order of its commands, no later than it was
//!   heard and no earlier than it was asked, in which the [`Model`] answers as the clients were
//!   answered, and ends as every process then reads the store. What nobody was told may have happened
//!   once, or not at all; what was `Unavailable` has not happened.
//! - *Repetition.* Whoever asks again under the same key is told the same.
//! - *Progress.* When faults end, every command has its answer, all work gets done, and none is dead.
//!   (Work whose every attempt fell to faults is driven again first.)
//! - *Moments.* [`Workload::inspect`] sees every partition after every commit.
//! - *No panic.* None in a run is survived, whoever catches it: the engine that of a decision, a worker that
//!   of a handler.
//! - *The whole.* [`Workload::audit`] sees all of it at the end: totals, effects, what spans parts.
//!
//! # Replay
//!
//! A [`Failure`] names its seed and shows how it came about. [`Simulation::run`] repeats it exactly, with
//! the whole [`Trace`]; a test that takes its seeds from [`seeds_or_replay`] is repeated with
//! `MP_SIM_SEED=17 cargo test …`. When the code changes, the same seed goes another way.
//!
//! That needs code that depends on the seed alone. Time and chance come from the [`Process`]; beyond
//! that, keep clear of threads, of `tokio::select!` without `biased`, of `tokio::sync::watch` channels
//! with several receivers (it wakes them in random order), and of anything that follows the order of a
//! `HashMap`. If two [`Run`]s of one seed have different traces, the first line that differs shows where.
//!
//! # What it does not show
//!
//! A run tries what its seed draws, and nothing else: it finds, it does not prove. The store beneath is
//! `MemoryStore`, which keeps its contract; whether another one does is for
//! [`conformance`](crate::conformance). One thread runs everything, and processes take turns only where
//! they wait: races between threads, and between two lines without an `await`, do not come up. Models
//! know no time: what depends on it belongs into the audit. Clocks are off by up to five seconds either
//! way, twice what the contract of [`Clock`](crate::Clock) allows, and never more; disks tear nothing.

mod agenda;
mod chance;
mod client;
mod clock;
mod connection;
mod coverage;
mod failure;
mod fault;
mod fleet;
mod gate;
mod history;
mod life;
mod mix;
mod order;
mod panics;
mod play;
mod point;
mod process;
mod record;
mod shared;
mod signal;
mod simulation;
mod trace;
mod workload;
mod world;

pub use self::{
    chance::Chance,
    coverage::Coverage,
    failure::{Failure, SEED_VARIABLE},
    fault::Fault,
    history::{Exchange, History},
    point::{Act, WritePoint},
    process::Process,
    simulation::{Report, Run, Simulation, seeds_or_replay},
    trace::Trace,
    workload::{Answer, Command, Drawn, Model, Workload},
};
pub use crate::conformance::Violation;
