//! `from_sqlite.sh` moves a store from a SQLite file to PostgreSQL, where it answers as it did.
#![cfg(all(feature = "postgres", feature = "sqlite"))]

#[path = "../histories/mod.rs"]
mod histories;
mod histories_that_move;
mod refusals;
mod route;
mod texts;
