//! What the crate promises, as seen from outside.

mod commands;
mod doubt;
mod everywhere;
mod exactness;
mod market;
mod operations;
mod outage;
mod ownership;
mod places;
mod world;
