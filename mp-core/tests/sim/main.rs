//! The simulator on a small market that uses everything of `mp-core`: what it promises, and that it
//! promises it of runs that can be repeated.
#![cfg(feature = "sim")]

mod blind;
mod failures;
mod market;
mod mutants;

use std::{collections::BTreeSet, env};

use market::Market;
use mp_core::sim::{Report, SEED_VARIABLE, Simulation, seeds_or_replay};

/// How many seeds are checked; `MP_SIM_SEEDS` sets another number.
const SEEDS: u64 = 100;

const COMMANDS: usize = 200;

/// From this many seeds on, every fault has struck every write point.
const SEEDS_OF_ALL_FAULTS: u64 = 1_000;

/// Checks one in so many of the seeds with this many clients, and prints which faults struck where.
fn check(one_in: u64, clients: usize) -> Report {
    let seeds = env::var("MP_SIM_SEEDS").ok();
    let seeds = seeds.map_or(SEEDS, |seeds| {
        seeds.parse().expect("MP_SIM_SEEDS is a number")
    });
    let simulation = Simulation::of(Market::new)
        .with_clients(clients)
        .with_commands(COMMANDS);
    let report = simulation.check(seeds_or_replay(0..seeds / one_in));
    // Whoever looks at one seed wants to see all of it.
    let report = report.unwrap_or_else(|failure| match env::var_os(SEED_VARIABLE) {
        Some(_) => panic!("{failure:#}"),
        None => panic!("{failure}"),
    });
    println!(
        "{} runs, {} commands\n{}",
        report.runs, report.commands, report.coverage
    );
    report
}

#[test]
fn the_market_ends_as_its_model_under_every_fault() {
    let report = check(1, 8);
    let empty = Vec::from_iter(report.coverage.empty_cells());
    assert!(
        report.runs < SEEDS_OF_ALL_FAULTS || empty.is_empty(),
        "never tried: {empty:?}"
    );
}

#[test]
fn a_rush_at_the_market_ends_as_its_model() {
    check(5, 40);
}

#[test]
fn the_same_seed_gives_the_same_trace_to_the_byte() {
    let mut traces = BTreeSet::new();
    for seed in 0..8 {
        let [one, other] = [(); 2].map(|()| {
            let run = Simulation::of(Market::new).run(seed);
            run.unwrap_or_else(|failure| panic!("{failure}"))
                .trace
                .to_string()
        });
        assert!(one == other, "seed {seed} goes two ways");
        assert!(one.lines().count() > 200);
        assert!(traces.insert(one), "seed {seed} goes as another");
    }
}
