#![cfg(feature = "sim")]
mod market;
use market::Market;
use mp_core::sim::{Simulation, seeds_or_replay};

#[test]
fn the_market_equals_its_model_under_every_fault() {
    let many = if std::env::var_os("MP_FULL").is_some() {
        20_000
    } else {
        300
    };
    let report = Simulation::of(Market::new).check(seeds_or_replay(0..many));
    let report = report.unwrap_or_else(|failure| panic!("{failure}"));
    println!(
        "{} runs, {} commands\n{}",
        report.runs, report.commands, report.coverage
    );
}
