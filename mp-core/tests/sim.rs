//! The simulator on a small market that uses everything of `mp-core`: what it promises, and that it
//! promises it of runs that can be repeated.
#![cfg(feature = "sim")]

mod market;

use std::{collections::BTreeSet, env};

use market::Market;
use mp_core::sim::{Simulation, seeds_or_replay};

/// How many seeds are checked; `MP_SIM_SEEDS` sets another number.
const SEEDS: u64 = 100;

fn seeds() -> u64 {
    let seeds = env::var("MP_SIM_SEEDS").ok();
    seeds.map_or(SEEDS, |seeds| {
        seeds.parse().expect("MP_SIM_SEEDS is a number")
    })
}

#[test]
fn the_market_ends_as_its_model_under_every_fault() {
    let seeds = seeds_or_replay(0..seeds());
    let report = Simulation::of(Market::new).check(seeds);
    let report = report.unwrap_or_else(|failure| panic!("{failure}"));
    println!(
        "{} runs, {} commands\n{}",
        report.runs, report.commands, report.coverage
    );
    let empty = Vec::from_iter(report.coverage.empty_cells());
    println!("{} empty", empty.len());
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
