//! What goes wrong with a PostgreSQL server, and what comes of it: errors that say what to do, and
//! nothing lost or doubled once it is over.
#![cfg(feature = "postgres")]

mod crowd;
mod failover;
mod full;
mod hosts;
#[path = "../joins/mod.rs"]
mod joins;
mod outages;
mod refusals;
mod silence;
mod tally;
mod tls;
