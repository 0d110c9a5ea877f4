//! Days of churn: aggregates are created, worked on through the outbox, closed, and every night those
//! closed two days ago are retired. How large do tables and indexes get, with and without that?
//!
//! `MP_CHURN_AGGREGATES` says how many aggregates a day brings (6,000 unless set), in each of
//! eight days; `MP_CHURN_ONLY` names one engine, `sqlite` or `postgres`.

mod days;
mod meter;
mod table;

use std::{env, sync::Arc, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};
use mp_benches::{Bound, Promise, postgres};
use mp_core::store::{PostgresOptions, PostgresStore, SqliteOptions, SqliteStore};
use tokio::runtime::Runtime;

use self::{
    days::{DAYS, Days},
    meter::{Meter, Size},
    table::Table,
};

/// What a retired aggregate leaves of itself: its mark, with the row, the index and the room in
/// their pages that it takes up. How much of that room there is depends on when pages were split.
const MARK_MAX: f64 = 600.0;

/// By how much the tables of what is not a head may differ from day to day.
const OTHERS_MAX: f64 = 1.05;

fn main() {
    let runtime = Runtime::new().expect("a runtime");
    let each = env::var("MP_CHURN_AGGREGATES").map_or(6_000, |each| {
        each.parse().expect("MP_CHURN_AGGREGATES is a number")
    });
    let only = env::var("MP_CHURN_ONLY").ok();
    let engines: Vec<&str> = ["sqlite", "postgres"]
        .into_iter()
        .filter(|engine| only.as_deref().is_none_or(|only| only == *engine))
        .collect();
    let bar = progress_bar(engines.len() * 2 * DAYS * each);
    for engine in engines {
        for retires in [false, true] {
            let sizes = runtime.block_on(run(engine, each, retires, &bar));
            bar.suspend(|| {
                println!("{}", Table::of(engine, retires, &sizes));
                for promise in promises(&sizes).into_iter().filter(|_| retires) {
                    println!("{promise}");
                }
            });
        }
    }
    bar.finish_and_clear();
}

/// Returns the size after each day.
async fn run(engine: &str, each: usize, retires: bool, bar: &ProgressBar) -> Vec<Size> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mp.db");
    let days = Days {
        each,
        retires,
        archive: folder.path().join("archive"),
        bar: bar.clone(),
    };
    if engine == "sqlite" {
        let store = SqliteStore::open(&path, SqliteOptions::default()).expect("opens");
        return days.pass(Arc::new(store), Meter::sqlite(&path)).await;
    }
    let database = postgres().await;
    // Nobody waits for an answer here, and vacuuming may take the disk for a while.
    let patience = Duration::from_secs(60);
    let options = PostgresOptions::default()
        .with_connect_timeout(patience)
        .with_statement_timeout(patience);
    let store = PostgresStore::connect(database.url(), options).await;
    let meter = Meter::postgres(database.client().await).await;
    days.pass(Arc::new(store.expect("connects")), meter).await
}

/// Holds the last three days, in which as much is retired as is made, to what is promised of them.
fn promises(sizes: &[Size]) -> Vec<Promise> {
    let (Some(then), Some(now)) = (sizes.get(DAYS - 4), sizes.last()) else {
        return Vec::new();
    };
    let retired = now.marks as f64 - then.marks as f64;
    let grown = now.total as f64 - then.total as f64;
    let others = now.others() as f64 / then.others() as f64;
    vec![
        Promise::new(
            "what a retired aggregate leaves of itself",
            Some(grown / retired),
            Bound::BytesAtMost(MARK_MAX),
        ),
        Promise::new(
            "tables of records and deliveries after three more days",
            Some(others),
            Bound::TimesAtMost(OTHERS_MAX),
        ),
    ]
}

fn progress_bar(aggregates: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} aggregates, {eta} left: {msg}");
    ProgressBar::new(aggregates as u64).with_style(style.expect("a well-formed template"))
}
