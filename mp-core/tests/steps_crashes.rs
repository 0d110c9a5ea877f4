//! Steps survive every fault: each call on the store and on a participant, before and after it
//! acted, with the process killed, the call failed, the answer lost, or the call arriving late.
//!
//! Whatever happens, a plan ends with all three participants confirmed or none holding anything,
//! as its life demands; each had each effect at most once, and no work is dead.
#![cfg(feature = "conformance")]

mod crashes;

use self::crashes::{Armed, Life, Mode, Moment, World};

/// Below this the enumeration has lost its sense.
const CASES_MIN: usize = 1_000;

/// Returns the moments that a life passes if nothing goes wrong.
fn moments(life: Life) -> Vec<Moment> {
    let passed = World::new(life, Vec::new(), false).run();
    passed.unwrap_or_else(|problem| panic!("{life:?} without faults: {problem}"))
}

/// Every single fault of a life.
fn single_faults(life: Life) -> impl Iterator<Item = Armed> {
    let moments = moments(life).into_iter().enumerate();
    moments
        .flat_map(|(number, moment)| moment.modes().iter().map(move |mode| vec![(number, *mode)]))
}

/// Runs the cases and returns how many there were, and what went wrong in which.
fn violations(
    cases: impl IntoIterator<Item = (Life, Armed)>,
    forgetful: bool,
) -> (usize, Vec<String>) {
    let mut count = 0;
    let mut violations = Vec::new();
    for (life, armed) in cases {
        count += 1;
        if let Err(problem) = World::new(life, armed.clone(), forgetful).run() {
            violations.push(format!("{life:?} with {armed:?}: {problem}"));
        }
    }
    (count, violations)
}

fn every_single_fault() -> impl Iterator<Item = (Life, Armed)> {
    let of = |life| single_faults(life).map(move |armed| (life, armed));
    Life::ALL.into_iter().flat_map(of)
}

#[test]
fn after_any_single_fault_a_plan_ends_whole_or_not_at_all() {
    let (cases, violations) = violations(every_single_fault(), false);
    println!("{cases} single faults");
    assert!(cases >= CASES_MIN, "only {cases} cases");
    assert!(
        violations.is_empty(),
        "{}: {:#?}",
        violations.len(),
        violations.first()
    );
}

#[test]
fn a_second_crash_during_recovery_changes_nothing() {
    let pairs = [Life::Happy, Life::ThirdRefuses, Life::ConfirmLapsed]
        .into_iter()
        .flat_map(|life| {
            let first = 0..moments(life).len();
            let second = first.flat_map(|at| (at + 1..at + 12).map(move |next| (at, next)));
            second.map(move |(at, next)| (life, vec![(at, Mode::Crash), (next, Mode::Crash)]))
        });
    let (cases, violations) = violations(pairs, false);
    println!("{cases} pairs of crashes");
    assert!(cases >= CASES_MIN, "only {cases} cases");
    assert!(
        violations.is_empty(),
        "{}: {:#?}",
        violations.len(),
        violations.first()
    );
}

#[test]
fn a_participant_that_forgets_its_fence_is_found_out() {
    let (cases, violations) = violations(every_single_fault(), true);
    println!("{} violations in {cases} cases", violations.len());
    assert!(
        violations.iter().any(|problem| problem.contains("Held")),
        "{violations:#?}"
    );
}
