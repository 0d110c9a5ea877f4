//! Settlements after a long run of random calls by four processes that are killed at random moments:
//! what is said to be final is, and whatever is let go of is back. All of them have one clock, and nobody
//! but returns takes from the till.
//!
//! `MP_SETTLEMENT_CALLS` says how many calls are made of each settlement; else eight hundred.

mod audit;
mod call;
mod child;
#[allow(dead_code, reason = "the ledger throws amounts too")]
#[path = "../dice/mod.rs"]
mod dice;
mod means;
mod parent;
#[path = "../payment_processes/person.rs"]
mod person;
mod seat;
mod shop;
#[path = "../support/mod.rs"]
mod support;
#[path = "../ledger_processes/target.rs"]
mod target;

use tokio::runtime::Runtime;

use self::{means::Means, parent::Run, shop::Shop, target::Target};

/// Runs the same function with each settlement, on each store that processes can share.
macro_rules! by_each_means {
    ($($test:ident: $means:ident;)*) => {
        mod on_sqlite {
            $(#[test]
            fn $test() {
                crate::child::run_if_this_is_one();
                let folder = tempfile::tempdir().expect("a folder");
                let target = super::Target::sqlite(folder.path());
                let test = concat!("on_sqlite::", stringify!($test));
                super::expect_finality(test, &target, super::Means::$means);
            })*
        }
        mod on_postgres {
            $(#[test]
            fn $test() {
                crate::child::run_if_this_is_one();
                let test = concat!("on_postgres::", stringify!($test));
                let runtime = super::Runtime::new().expect("a runtime");
                let database = throwaway_postgres::database(test);
                if let Some(database) = runtime.block_on(database) {
                    let target = super::Target::postgres(&database);
                    super::expect_finality(test, &target, super::Means::$means);
                }
            })*
        }
    };
}

by_each_means! {
    killed_processes_are_told_finally_of_payments: Payments;
    killed_processes_are_told_finally_of_stored_value: StoredValue;
}

/// The negative control.
#[test]
fn processes_that_ignore_the_head_are_found_out() {
    child::run_if_this_is_one();
    let folder = tempfile::tempdir().expect("a folder");
    let target = Target::sqlite(folder.path());
    let test = "processes_that_ignore_the_head_are_found_out";
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(async { Shop::open(target.open().await).await });
    let run = Run::of(test, Means::StoredValue).blind();
    let done = run.run(&target);
    let audited = runtime.block_on(audit::audit(&target, run.means, &done, run.began));
    let breach = audited.expect_err("commits that ignore the head must lose something");
    println!(
        "found out: {}",
        breach.chars().take(200).collect::<String>()
    );
}

fn expect_finality(test: &'static str, target: &Target, means: Means) {
    let runtime = Runtime::new().expect("a runtime");
    let started = std::time::Instant::now();
    runtime.block_on(async { Shop::open(target.open().await).await });
    let run = Run::of(test, means);
    let done = run.run(target);
    let ran = started.elapsed();
    assert!(done.kills > 0, "nobody was killed");
    match runtime.block_on(audit::audit(target, means, &done, run.began)) {
        Ok(found) => println!(
            "{} calls in {:.1} s, {} kills: {found}",
            done.answers.len(),
            ran.as_secs_f64(),
            done.kills
        ),
        Err(breach) => panic!("after {} kills: {breach}", done.kills),
    }
}
