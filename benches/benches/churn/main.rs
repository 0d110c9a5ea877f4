//! Days of churn: aggregates are created, worked on through the outbox, closed, and every night those
//! closed two days ago are retired. How large do tables and indexes get, with and without that?
//!
//! `MP_CHURN_AGGREGATES` says how many aggregates a day brings (25,000 unless set), in each of
//! eight days; `MP_CHURN_ONLY` names one engine, `sqlite` or `postgres`.

mod days;
mod meter;
mod table;

use std::{env, sync::Arc};

use indicatif::{ProgressBar, ProgressStyle};
use mp_benches::{Bound, Promise, postgres};
use mp_core::store::{PostgresOptions, PostgresStore, SqliteOptions, SqliteStore};
use tokio::runtime::Runtime;

use self::{
    days::{DAYS, Days},
    meter::{Meter, Size},
    table::Table,
};

/// What retention leaves of the growth of a store: the marks.
const GROWTH_MAX: f64 = 0.25;

fn main() {
    let runtime = Runtime::new().expect("a runtime");
    let each = env::var("MP_CHURN_AGGREGATES").map_or(25_000, |each| {
        each.parse().expect("MP_CHURN_AGGREGATES is a number")
    });
    let only = env::var("MP_CHURN_ONLY").ok();
    let engines: Vec<&str> = ["sqlite", "postgres"]
        .into_iter()
        .filter(|engine| only.as_deref().is_none_or(|only| only == *engine))
        .collect();
    let bar = progress_bar(engines.len() * 2 * DAYS * each);
    for engine in engines {
        let mut grown = Vec::new();
        for retires in [false, true] {
            let sizes = runtime.block_on(run(engine, each, retires, &bar));
            bar.suspend(|| println!("{}", Table::of(engine, retires, &sizes)));
            grown.push(growth(&sizes));
        }
        bar.suspend(|| {
            for promise in promises(engine, &grown) {
                println!("{promise}");
            }
        });
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
    let options = PostgresOptions::default();
    let store = PostgresStore::connect(database.url(), options).await;
    let meter = Meter::postgres(database.client().await).await;
    days.pass(Arc::new(store.expect("connects")), meter).await
}

/// Returns by how many bytes the last three days made the store larger.
fn growth(sizes: &[Size]) -> f64 {
    let size = |day: usize| sizes.get(day).map_or(0.0, |size| size.total as f64);
    size(DAYS - 1) - size(DAYS - 4)
}

fn promises(engine: &str, grown: &[f64]) -> Vec<Promise> {
    let [without, with] = grown else {
        return Vec::new();
    };
    let what = match engine {
        "sqlite" => "SQLite: growth with retention, against that without",
        _ => "PostgreSQL: growth with retention, against that without",
    };
    vec![Promise::new(
        what,
        Some(with / without),
        Bound::TimesAtMost(GROWTH_MAX),
    )]
}

fn progress_bar(aggregates: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} aggregates, {eta} left: {msg}");
    ProgressBar::new(aggregates as u64).with_style(style.expect("a well-formed template"))
}
