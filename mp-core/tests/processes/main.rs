//! Several processes that rush one partition of one store and are killed at random moments: every
//! join that was acknowledged is there, and nobody has joined twice.
#![cfg(all(feature = "conformance", feature = "postgres", feature = "sqlite"))]

mod child;
#[path = "../joins/mod.rs"]
mod joins;
mod parent;
#[path = "../citus/tables.rs"]
mod tables;
mod target;

use tokio::runtime::Runtime;

use self::{parent::Rushed, tables::Tables, target::Target};

#[test]
fn killed_processes_lose_no_join_and_double_none_on_sqlite() {
    child::run_if_this_is_one();
    let test = "killed_processes_lose_no_join_and_double_none_on_sqlite";
    let folder = tempfile::tempdir().expect("a folder");
    expect_all_members(test, &Target::sqlite(folder.path()));
}

#[test]
fn killed_processes_lose_no_join_and_double_none_on_postgres() {
    child::run_if_this_is_one();
    let test = "killed_processes_lose_no_join_and_double_none_on_postgres";
    let runtime = Runtime::new().expect("a runtime");
    let Some(database) = runtime.block_on(throwaway_postgres::database(test)) else {
        return;
    };
    expect_all_members(test, &Target::postgres(&database));
}

#[test]
fn killed_processes_lose_no_join_and_double_none_on_citus() {
    child::run_if_this_is_one();
    let test = "killed_processes_lose_no_join_and_double_none_on_citus";
    let runtime = Runtime::new().expect("a runtime");
    let Some(tables) = runtime.block_on(Tables::make(test)) else {
        return;
    };
    expect_all_members(test, &Target(tables.strict_url()));
}

/// The negative control.
#[test]
fn processes_that_ignore_the_head_are_found_out_on_sqlite() {
    child::run_if_this_is_one();
    let test = "processes_that_ignore_the_head_are_found_out_on_sqlite";
    let folder = tempfile::tempdir().expect("a folder");
    expect_a_breach(test, &Target::sqlite(folder.path()));
}

/// The negative control.
#[test]
fn processes_that_ignore_the_head_are_found_out_on_postgres() {
    child::run_if_this_is_one();
    let test = "processes_that_ignore_the_head_are_found_out_on_postgres";
    let runtime = Runtime::new().expect("a runtime");
    let Some(database) = runtime.block_on(throwaway_postgres::database(test)) else {
        return;
    };
    expect_a_breach(test, &Target::postgres(&database));
}

/// The negative control.
#[test]
fn processes_that_ignore_the_head_are_found_out_on_citus() {
    child::run_if_this_is_one();
    let test = "processes_that_ignore_the_head_are_found_out_on_citus";
    let runtime = Runtime::new().expect("a runtime");
    let Some(tables) = runtime.block_on(Tables::make(test)) else {
        return;
    };
    expect_a_breach(test, &Target(tables.strict_url()));
}

fn expect_all_members(test: &'static str, target: &Target) {
    let (told, kills) = Rushed { test, blind: false }.run(target);
    println!("{} joins, {kills} kills", told.len());
    assert!(kills > 0, "nobody was killed");
    if let Err(breach) = audit(target, told) {
        panic!("after {kills} kills: {breach}");
    }
}

fn expect_a_breach(test: &'static str, target: &Target) {
    let (told, _) = Rushed { test, blind: true }.run(target);
    audit(target, told).expect_err("commits that ignore the head must lose joins");
}

fn audit(target: &Target, told: joins::Told) -> Result<(), String> {
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let store = target.open().await;
        joins::audit(&*store, &[(joins::rush(0), told)].into()).await
    })
}
