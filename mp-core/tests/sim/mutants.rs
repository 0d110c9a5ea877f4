//! What the simulator finds: systems that are wrong on purpose, each within a few seeds.

use std::sync::Arc;

use mp_core::{
    Engine,
    sim::{Failure, Process, Simulation},
    store::StoreErrorKind,
};

use crate::{
    blind::Blind,
    market::{Market, Wrong},
};

/// How many seeds a mutant may live.
const SEEDS_MAX: u64 = 200;

fn found(wrong: Wrong) -> Failure {
    let simulation = Simulation::of(move |_| Market::with(wrong));
    let failure = simulation
        .check(0..SEEDS_MAX)
        .expect_err("the mutant survives");
    println!("found by seed {}: {}", failure.seed(), failure.violation());
    failure
}

fn blind(process: &Process, takes_it_for: StoreErrorKind) -> Engine {
    let store = process.store().clone();
    let store = Arc::new(Blind {
        store,
        takes_it_for,
    });
    Engine::new(store, process.clock(), process.entropy().clone())
}

#[test]
fn a_lost_answer_that_is_taken_for_a_conflict_is_found() {
    found(Wrong {
        engine: |process| blind(process, StoreErrorKind::Conflict),
        ..Wrong::NOTHING
    });
}

#[test]
fn a_lost_answer_that_is_taken_for_an_outage_is_found() {
    found(Wrong {
        engine: |process| blind(process, StoreErrorKind::Unavailable),
        ..Wrong::NOTHING
    });
}

#[test]
fn a_participant_that_forgets_what_it_refused_is_found() {
    found(Wrong {
        is_forgetful: true,
        ..Wrong::NOTHING
    });
}

#[test]
fn a_mail_without_a_key_of_its_own_is_found() {
    found(Wrong {
        mails_anew: true,
        ..Wrong::NOTHING
    });
}
