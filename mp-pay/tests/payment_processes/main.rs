//! Payments after a long run of random commands by four processes that are killed at random moments,
//! at a provider that loses answers: what was told of each command is so, and the books of both sides
//! agree.
//!
//! `MP_PAYMENT_COMMANDS` says how many commands are given in each class of backend; else a thousand.

mod audit;
mod child;
mod class;
#[path = "../dice/mod.rs"]
mod dice;
mod order;
mod parent;
mod person;
mod shop;
#[path = "../support/mod.rs"]
mod support;
#[path = "../ledger_processes/target.rs"]
mod target;

use tokio::runtime::Runtime;

use self::{class::Class, parent::Run, target::Target};

/// Runs the same function in each class of backend, on each store that processes can share.
macro_rules! in_each_class {
    ($($test:ident: $class:ident;)*) => {
        mod on_sqlite {
            $(#[test]
            fn $test() {
                crate::child::run_if_this_is_one();
                let folder = tempfile::tempdir().expect("a folder");
                let target = super::Target::sqlite(folder.path());
                let test = concat!("on_sqlite::", stringify!($test));
                super::expect_agreement(test, &target, super::Class::$class);
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
                    super::expect_agreement(test, &target, super::Class::$class);
                }
            })*
        }
    };
}

in_each_class! {
    killed_processes_agree_with_a_backend_that_replays_keys: Replays;
    killed_processes_agree_with_a_backend_that_answers_queries: Answers;
    killed_processes_agree_with_a_backend_that_does_neither: Neither;
}

/// The negative control.
#[test]
fn processes_that_ignore_the_head_are_found_out() {
    child::run_if_this_is_one();
    let folder = tempfile::tempdir().expect("a folder");
    let target = Target::sqlite(folder.path());
    let test = "processes_that_ignore_the_head_are_found_out";
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(target.open());
    let done = Run::of(test, Class::Replays).blind().run(&target);
    let audited = runtime.block_on(audit::audit(&target, Class::Replays, &done));
    let breach = audited.expect_err("commits that ignore the head must lose something");
    println!(
        "found out: {}",
        breach.chars().take(200).collect::<String>()
    );
}

fn expect_agreement(test: &'static str, target: &Target, class: Class) {
    let runtime = Runtime::new().expect("a runtime");
    let started = std::time::Instant::now();
    // The tables are there before four processes want them.
    runtime.block_on(target.open());
    let done = Run::of(test, class).run(target);
    let ran = started.elapsed();
    assert!(done.kills > 0, "nobody was killed");
    match runtime.block_on(audit::audit(target, class, &done)) {
        Ok(found) => println!(
            "{} commands in {:.1} s, {} kills: {found}",
            done.answers.len(),
            ran.as_secs_f64(),
            done.kills
        ),
        Err(breach) => panic!("after {} kills: {breach}", done.kills),
    }
}
