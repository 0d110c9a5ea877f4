//! docs
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
