//! A private PostgreSQL server: made for a test or a measurement, gone with it.
//!
//! ```
//! use throwaway_postgres::database;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), tokio_postgres::Error> {
//! // Without a PostgreSQL to be had this says why the test is skipped.
//! let Some(database) = database("two_and_two_are_four").await else { return Ok(()) };
//! let row = database.client().await.query_one("SELECT 2 + 2", &[]).await?;
//! assert_eq!(row.get::<_, i32>(0), 4);
//! # Ok(()) }
//! ```
//!
//! - A [`Server`] is a cluster of its own in a temporary folder, reached over a unix socket there, or
//!   over TCP if asked for. It can be stopped in every way that servers stop, and started again, be
//!   frozen, and have standbys.
//! - A [`Database`] is an empty one on some server. [`database()`] makes one for a test, on the one
//!   server that the tests of a program share; [`server()`] starts one that a test has for itself.
//!
//! # What it needs
//!
//! The programs of PostgreSQL 13 or later, on the path, in `/usr/lib/postgresql`, or where
//! `pg_config` says. They refuse to run as root, so root runs them as `postgres`, or as `nobody`.
//!
//! With `MP_POSTGRES_URL` set, the server that it names is used instead: databases are made there and
//! dropped again, and tests that have to stop their server are skipped.
//!
//! # What it leaves behind
//!
//! Nothing. A keeper, a process of its own, stops the server and removes the folder as soon as the
//! process that started it is gone, however it went: also after a panic, `std::process::exit` or
//! `kill -9`, and though the shared server stands in a static, which is never dropped.

mod account;
mod binaries;
mod database;
mod for_test;
mod frozen;
mod keeper;
mod options;
mod postmaster;
mod server;

pub use self::{
    database::Database,
    for_test::{MP_POSTGRES_URL, database, server},
    frozen::Frozen,
    options::{Certificate, ServerOptions},
    server::{Server, StartError, Stop},
};
