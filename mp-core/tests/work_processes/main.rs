//! Due work in several processes on one store, with clocks that are off, which are killed while they
//! hold leases: nothing is lost, and nothing is handled by two within a lease.
#![cfg(all(
    unix,
    feature = "conformance",
    feature = "postgres",
    feature = "sqlite"
))]

mod audit;
mod child;
mod clock;
mod handler;
mod item;
mod log;
mod parent;
#[path = "../processes/target.rs"]
mod target;

use tokio::runtime::Runtime;

use self::{parent::Shift, target::Target};

#[test]
fn killed_workers_lose_no_work_and_share_no_lease_on_sqlite() {
    child::run_if_this_is_one();
    let test = "killed_workers_lose_no_work_and_share_no_lease_on_sqlite";
    let folder = tempfile::tempdir().expect("a folder");
    Shift::new(test, Target::sqlite(folder.path()), folder.path()).work_through();
}

#[test]
fn killed_workers_lose_no_work_and_share_no_lease_on_postgres() {
    child::run_if_this_is_one();
    let test = "killed_workers_lose_no_work_and_share_no_lease_on_postgres";
    let runtime = Runtime::new().expect("a runtime");
    let Some(database) = runtime.block_on(throwaway_postgres::database(test)) else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    Shift::new(test, Target::postgres(&database), folder.path()).work_through();
}

/// The negative control.
#[test]
fn workers_that_do_not_lease_are_found_out() {
    child::run_if_this_is_one();
    let test = "workers_that_do_not_lease_are_found_out";
    let folder = tempfile::tempdir().expect("a folder");
    let shift = Shift::new(test, Target::sqlite(folder.path()), folder.path());
    shift
        .work_without_leases()
        .expect_err("what is not leased is handled by two");
}
