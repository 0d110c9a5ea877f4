//! The worker's promises: what it does with work that fails, hangs, floods, or comes back.

mod desk;
mod failing;
mod pausing;
mod sharing;
