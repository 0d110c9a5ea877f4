//! A storm of webhooks: duplicates, out of order, at four processes that are killed all the while.
//! Every payment is known in the end, and each effect is there once.
//!
//! `MP_WEBHOOKS` says how many there are, else a thousand: ten thousand, as many as `./test --full`
//! sends, take a debug build more than two minutes of processor time on each store.
#![cfg(all(unix, feature = "http"))]

mod audit;
mod child;
mod clock;
mod payments;
#[path = "../webhooks/post.rs"]
mod post;
mod provider;
#[path = "../webhooks/sender.rs"]
mod sender;
mod storm;
#[path = "../support/mod.rs"]
mod support;
mod target;

use tokio::runtime::Runtime;

use self::{
    child::Intake,
    storm::{Storm, deliveries},
    target::Target,
};

#[test]
fn a_storm_of_webhooks_has_each_effect_once_on_sqlite() {
    child::run_if_this_is_one();
    let test = "a_storm_of_webhooks_has_each_effect_once_on_sqlite";
    let folder = tempfile::tempdir().expect("a folder");
    let target = Target::sqlite(folder.path());
    Storm::new(test, target, Intake::Ours)
        .rage(deliveries())
        .expect_each_effect_once();
}

#[test]
fn a_storm_of_webhooks_has_each_effect_once_on_postgres() {
    child::run_if_this_is_one();
    let test = "a_storm_of_webhooks_has_each_effect_once_on_postgres";
    let runtime = Runtime::new().expect("a runtime");
    let Some(database) = runtime.block_on(throwaway_postgres::database(test)) else {
        return;
    };
    let target = Target::postgres(&database);
    Storm::new(test, target, Intake::Ours)
        .rage(deliveries())
        .expect_each_effect_once();
}

/// The negative control: what most hosts do.
#[test]
fn an_intake_that_acknowledges_first_loses_some() {
    child::run_if_this_is_one();
    let test = "an_intake_that_acknowledges_first_loses_some";
    let folder = tempfile::tempdir().expect("a folder");
    let target = Target::sqlite(folder.path());
    let after = Storm::new(test, target, Intake::AcknowledgesFirst).rage(400);
    assert!(after.lost() > 0, "{after:?}");
}

/// The other one: without an identity, each delivery is an event of its own.
#[test]
fn an_intake_that_knows_no_duplicates_handles_them() {
    child::run_if_this_is_one();
    let test = "an_intake_that_knows_no_duplicates_handles_them";
    let folder = tempfile::tempdir().expect("a folder");
    let target = Target::sqlite(folder.path());
    let after = Storm::new(test, target, Intake::KnowsNoDuplicates).rage(400);
    assert_eq!(after.lost(), 0, "{after:?}");
    assert!(after.is_doubled(), "{after:?}");
}
