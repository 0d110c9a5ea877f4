//! The PostgreSQL store on a Citus cluster, which `MP_CITUS_URL` names: `cluster.sh` beside this file
//! makes one to try.
#![cfg(all(feature = "conformance", feature = "postgres"))]

mod contract;
#[path = "../histories/mod.rs"]
mod histories;
#[cfg(feature = "sqlite")]
mod moved;
mod outcomes;
mod reach;
mod statements;
mod tables;
