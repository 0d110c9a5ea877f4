//! Measures systems side by side: the same work on each, in turns, within one run.
//!
//! A machine drifts by a fifth within an hour, so absolute numbers mean little; what is told is the
//! ratio of medians over rounds that alternate between the sides. Criterion and divan time one
//! closure after another and know neither turns nor many tasks at once, so the harness is ours.

mod committer;
mod floor;
mod load;
mod postgres;
mod postgres_floor;
mod promise;
mod turns;

use mimalloc::MiMalloc;

pub use self::{
    committer::{AGGREGATES_PER_TASK, Committer, INTENT, aggregate},
    floor::SqliteFloor,
    load::{Load, Throughput},
    postgres::{postgres, tuned},
    postgres_floor::{BATCH, Combiner, PostgresFloor},
    promise::{Bound, Promise},
    turns::{Side, Table, take_turns},
};

/// What a service under load takes, whatever it is written with: an answer is often freed by another
/// thread than the one that made it, which the C library's allocator is slow at. It serves all sides.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;
