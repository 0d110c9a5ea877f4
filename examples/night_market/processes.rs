//! Several processes hold one evening, and one of them is killed in the middle of it: the evening
//! comes to its end as if nothing had happened, and all tell the same of it.
//!
//! With `MP_FULL` set there are more rounds and more visitors: `MP_PROCESSES_ROUNDS` and
//! `MP_PROCESSES_VISITORS` say how many.

mod child;
mod round;

use std::env;

use tokio::runtime::Runtime;

use self::round::Round;

const QUICK: (u64, u32) = (1, 200);
const FULL: (u64, u32) = (4, 600);

#[test]
fn a_killed_process_harms_no_evening_on_sqlite() {
    child::run_if_this_is_one();
    let test = "processes::a_killed_process_harms_no_evening_on_sqlite";
    let runtime = Runtime::new().expect("a runtime");
    for number in 1..=rounds() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = format!("sqlite:{}", folder.path().join("evening").display());
        Round::new(test, &store, number, visitors()).run(&runtime);
    }
}

#[test]
fn a_killed_process_harms_no_evening_on_postgres() {
    child::run_if_this_is_one();
    let test = "processes::a_killed_process_harms_no_evening_on_postgres";
    let runtime = Runtime::new().expect("a runtime");
    for number in 1..=rounds() {
        let Some(database) = runtime.block_on(throwaway_postgres::database(test)) else {
            return;
        };
        Round::new(test, database.url(), number, visitors()).run(&runtime);
    }
}

fn rounds() -> u64 {
    number("MP_PROCESSES_ROUNDS").unwrap_or(sizes().0)
}

fn visitors() -> u32 {
    let visitors = number("MP_PROCESSES_VISITORS").map(|number| u32::try_from(number).ok());
    visitors.map_or(sizes().1, |number| number.expect("so many can come"))
}

fn sizes() -> (u64, u32) {
    let full = env::var_os("MP_FULL").is_some();
    if full { FULL } else { QUICK }
}

fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(text.parse().expect("a number"))
}
