//! Indexes in memory that are derived from a partition's records, and follow them.
//!
//! ```
//! use std::{collections::BTreeMap, sync::Arc, time::Duration};
//! use mp_core::{Command, Document, Edits, Engine, Error, Family, document, follow::*};
//! use mp_core::{clock::SystemClock, entropy::SystemEntropy, store::{Change, MemoryStore, Partition}};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Deserialize, Serialize)]
//! struct Stall { sold: u32 }
//! impl Document for Stall { const KIND: &'static str = "stall"; const FORMAT: u32 = 1; }
//!
//! /// Who has sold most.
//! #[derive(Default)]
//! struct Ranking(BTreeMap<String, u32>);
//!
//! impl Derived for Ranking {
//!     const PREFIX: &'static str = "stall/";
//!     fn apply(&mut self, change: &Change) -> Result<(), Error> {
//!         match &change.value {
//!             Some(value) if !change.key.is_root() => {
//!                 let stall = document::decode::<Stall>(value)?.0;
//!                 self.0.insert(change.key.to_string(), stall.sold);
//!             }
//!             Some(_) => {}
//!             None => drop(self.0.remove(change.key.as_str())),
//!         }
//!         Ok(())
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let engine = Engine::new(Arc::new(MemoryStore::new()), Arc::new(SystemClock), Arc::new(SystemEntropy::new()));
//! let market = Partition::new(&"market".parse()?, "stalls", "temple-street")?;
//! engine.run(Command::on(market.clone()).prefix("stall/"), |_: &Family, _| {
//!     let mut edits = Edits::new();
//!     # edits.put_root(Stall { sold: 0 });
//!     edits.put("stall/noodles", Stall { sold: 7 });
//!     edits.put("stall/tea", Stall { sold: 9 });
//!     Ok::<_, Error>(edits.answer(()))
//! }).await?;
//!
//! let rankings = Followers::<Ranking>::new(&engine, 100);
//! let best = |ranking: Option<Fresh<'_, Ranking>>| {
//!     ranking.and_then(|it| it.index.0.iter().max_by_key(|(_, sold)| **sold).map(|(stall, _)| stall.clone()))
//! };
//! let best = rankings.look(&market, Duration::from_secs(1), best).await?;
//! assert_eq!(best.as_deref(), Some("stall/tea"));
//! # Ok(()) }
//! ```
//!
//! # What is promised
//!
//! An index holds what was committed until its [`as_of`](Fresh::as_of), by any process, and that is
//! no longer ago than whoever looks accepts; at zero, nothing is missed that was committed before the
//! question. It is thrown away and built anew when the store has
//! [forgotten](crate::store::DELETION_MEMORY) deletions that it has not seen, and when it cannot take in a
//! change. A reading of the store that fails, or whose caller goes away, leaves it as it was, and what is
//! asked about and is not there takes no place of what is. No decision reads one.

mod derived;
mod followers;
mod update;

pub use self::{
    derived::{Derived, Fresh},
    followers::Followers,
    update::Update,
};
