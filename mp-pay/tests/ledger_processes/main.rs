//! The books sum to zero after a long run of random commands by four processes that are killed at
//! random moments: every transfer that was acknowledged is there once, under its id.
//!
//! `MP_LEDGER_COMMANDS` says how many commands are given; else a few thousand.

mod audit;
mod child;
#[path = "../dice/mod.rs"]
mod dice;
mod order;
mod parent;
mod target;
mod town;

use tokio::runtime::Runtime;

use self::{parent::Run, target::Target};

#[test]
fn the_books_of_killed_processes_sum_to_zero_on_sqlite() {
    child::run_if_this_is_one();
    let test = "the_books_of_killed_processes_sum_to_zero_on_sqlite";
    let folder = tempfile::tempdir().expect("a folder");
    expect_balance(test, &Target::sqlite(folder.path()));
}

#[test]
fn the_books_of_killed_processes_sum_to_zero_on_postgres() {
    child::run_if_this_is_one();
    let test = "the_books_of_killed_processes_sum_to_zero_on_postgres";
    let runtime = Runtime::new().expect("a runtime");
    let Some(database) = runtime.block_on(throwaway_postgres::database(test)) else {
        return;
    };
    expect_balance(test, &Target::postgres(&database));
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

fn expect_balance(test: &'static str, target: &Target) {
    let commands = town::commands();
    let runtime = Runtime::new().expect("a runtime");
    let started = std::time::Instant::now();
    runtime.block_on(town::open(target));
    let done = Run::of(test, commands).run(target);
    let ran = started.elapsed();
    assert!(done.kills > 0, "nobody was killed");
    match runtime.block_on(audit::audit(target, &done)) {
        Ok(found) => println!(
            "{commands} commands in {:.1} s, {} kills: {found}",
            ran.as_secs_f64(),
            done.kills
        ),
        Err(breach) => panic!("after {} kills: {breach}", done.kills),
    }
}

fn expect_a_breach(test: &'static str, target: &Target) {
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(town::open(target));
    let done = Run::of(test, 2_000).blind().run(target);
    let audited = runtime.block_on(audit::audit(target, &done));
    let breach = audited.expect_err("commits that ignore the head must lose something");
    println!(
        "found out: {}",
        breach.chars().take(200).collect::<String>()
    );
}
