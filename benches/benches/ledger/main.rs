//! Postings of the ledger, two per transfer: of the pure machine on one core beside the crate
//! `doubleentry`, and durable ones beside transactions written by hand, on SQLite and PostgreSQL.
//! Beside that crate on PostgreSQL they are measured in a package of its own, `benches/doubleentry`:
//! its driver cannot be built into one with ours.
//!
//! *Hot* is one merchant's account, through which every transfer goes; *spread* is an account per
//! payer, and many books. A hot book's commands share their commits, so that it is the faster of the
//! two; spread, each transfer rewrites a head and two accounts of its own, and nothing is promised.

mod by_hand;
mod ours;
mod pure;

use std::{sync::Arc, time::Duration};

use mp_benches::{Bound, Load, Promise, Side, Table, Throughput, take_turns};
use mp_core::store::{PostgresOptions, PostgresStore, SqliteOptions, SqliteStore};
use tokio::runtime::Runtime;

use self::{
    by_hand::{PostgresByHand, SqliteByHand},
    ours::Books,
};

const TASKS: usize = 128;
const SPAN: Duration = Duration::from_millis(1_000);
const ROUNDS: usize = 5;

const LOAD: Load = Load {
    tasks: TASKS,
    span: SPAN,
};

const PURE: &str = "Desk, one book";
const HOT: &str = "Ledger, hot";
const SPREAD: &str = "Ledger, spread";
const HAND_HOT: &str = "by hand, hot";
const HAND_SPREAD: &str = "by hand, spread";

fn main() {
    let runtime = Runtime::new().expect("a runtime");
    let pure = take_turns(
        "Postings in memory, one core",
        ROUNDS,
        vec![
            Side::new("doubleentry 0.8, Journal", pure::doubleentry),
            Side::new(PURE, pure::desk),
        ],
    );
    println!("{pure}");
    let sqlite = sqlite(&runtime);
    println!("{sqlite}");
    let postgres = postgres(&runtime);
    println!("{postgres}");
    let promises = [
        Promise::new(
            "postings of the pure machine",
            per_second(&pure, PURE),
            Bound::PerSecond(1_000_000.0),
        ),
        Promise::new(
            "postings to a hot account on SQLite",
            per_second(&sqlite, HOT),
            Bound::PerSecond(50_000.0),
        ),
        Promise::new(
            "a hot account on PostgreSQL, beside transactions by hand",
            ratio(&postgres, HOT, HAND_HOT),
            Bound::Times(10.0),
        ),
    ];
    for promise in promises {
        println!("{promise}");
    }
}

fn sqlite(runtime: &Runtime) -> Table {
    let folder = tempfile::tempdir().expect("a folder");
    let by_hand = SqliteByHand::create(&folder.path().join("hand.db")).expect("a file");
    let store = SqliteStore::open(folder.path().join("ours.db"), SqliteOptions::default());
    let store = Arc::new(store.expect("the store opens"));
    let books = runtime.block_on(Books::open(store));
    let hand = |hot| {
        let by_hand = by_hand.clone();
        move || {
            let by_hand = by_hand.clone();
            postings(LOAD.run(runtime, move |task, turn| {
                let by_hand = by_hand.clone();
                async move { by_hand.transfer(task, turn, hot).await }
            }))
        }
    };
    let sides = vec![
        Side::new(HAND_HOT, hand(true)),
        Side::new(HAND_SPREAD, hand(false)),
        Side::new(HOT, || postings(books.run(runtime, LOAD, true))),
        Side::new(SPREAD, || postings(books.run(runtime, LOAD, false))),
    ];
    let title = format!("Postings on SQLite, durable, {TASKS} tasks");
    take_turns(&title, ROUNDS, sides)
}

fn postgres(runtime: &Runtime) -> Table {
    let (hand, ours) =
        runtime.block_on(async { (mp_benches::postgres().await, mp_benches::postgres().await) });
    let (by_hand, books) = runtime.block_on(async {
        let by_hand = PostgresByHand::create(hand.url()).await.expect("tables");
        let store = PostgresStore::connect(ours.url(), PostgresOptions::default()).await;
        let books = Books::open(Arc::new(store.expect("the store opens"))).await;
        (by_hand, books)
    });
    let hand = |hot| {
        let by_hand = by_hand.clone();
        move || {
            let by_hand = by_hand.clone();
            postings(LOAD.run(runtime, move |task, turn| {
                let by_hand = by_hand.clone();
                async move { by_hand.transfer(task, turn, hot).await.expect("moves") }
            }))
        }
    };
    let sides = vec![
        Side::new(HAND_HOT, hand(true)),
        Side::new(HAND_SPREAD, hand(false)),
        Side::new(HOT, || postings(books.run(runtime, LOAD, true))),
        Side::new(SPREAD, || postings(books.run(runtime, LOAD, false))),
    ];
    let title = format!("Postings on PostgreSQL, durable, {TASKS} tasks");
    take_turns(&title, ROUNDS, sides)
}

/// A transfer makes two postings.
fn postings(transfers: Throughput) -> Throughput {
    Throughput {
        per_second: transfers.per_second * 2.0,
        ..transfers
    }
}

fn per_second(table: &Table, side: &str) -> Option<f64> {
    table.of(side).map(|throughput| throughput.per_second)
}

fn ratio(table: &Table, side: &str, to: &str) -> Option<f64> {
    Some(per_second(table, side)? / per_second(table, to)?)
}
