//! Due work in several processes on one store, with clocks that are off, which are killed while they
//! hold leases: nothing is lost, and nothing is handled by two within a lease.
#![cfg(all(unix, feature = "sqlite"))]

mod child;
mod clock;
mod handler;
mod item;
mod log;
mod parent;
mod target;

use self::{parent::Shift, target::Target};

#[test]
fn killed_workers_lose_no_work_and_share_no_lease_on_sqlite() {
    child::run_if_this_is_one();
    let folder = tempfile::tempdir().expect("a folder");
    let target = Target::sqlite(folder.path());
    let test = "killed_workers_lose_no_work_and_share_no_lease_on_sqlite";
    Shift::new(test, target, folder.path()).work_through();
}
