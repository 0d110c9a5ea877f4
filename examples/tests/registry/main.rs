//! Bad input of every operation of a host is refused with a typed error that names the field, and
//! changes nothing.
//!
//! Everything that the suite offers, and a capability of the host's own, stands in one registry on
//! one store. The [`table`] has one valid example for each operation; an operation without one
//! fails the test, so a new operation is covered on the day it appears.

mod bank;
mod contents;
mod example;
mod findings;
mod foreign;
mod intake;
mod refused;
mod setup;
mod table;
mod unknown;
mod valid;
mod world;

use std::collections::BTreeSet;

use self::{findings::Findings, world::World};

/// Fewer operations or cases than these would mean that the test has lost its grip.
const OPERATIONS_MIN: usize = 70;
const CASES_MIN: usize = 3_000;

#[tokio::test]
async fn every_operation_has_one_example() {
    let world = World::whole().await;
    let registered: BTreeSet<&str> = world.host.operations().map(|each| each.name()).collect();
    let covered: BTreeSet<&str> = world.examples.iter().map(|each| each.operation).collect();
    assert_eq!(registered, covered, "write one in the table");
    assert_eq!(world.examples.len(), covered.len(), "one is enough");
}

#[tokio::test]
async fn bad_input_of_every_operation_is_refused_by_name_and_changes_nothing() {
    let operations: Vec<&str> = {
        let world = World::whole().await;
        world.host.operations().map(|each| each.name()).collect()
    };
    let mut findings = Findings::default();
    for operation in &operations {
        findings.about(operation);
        let answer = valid::check(operation, &mut findings).await;
        refused::check(operation, &answer, &mut findings).await;
        foreign::check(operation, &answer, &mut findings).await;
    }
    println!(
        "{} operations, {} cases",
        operations.len(),
        findings.cases()
    );
    assert!(findings.all().is_empty(), "{:#?}", findings.all());
    assert!(operations.len() >= OPERATIONS_MIN, "{}", operations.len());
    assert!(findings.cases() >= CASES_MIN, "{}", findings.cases());
}
