//! An evening at a night market, on a store that may be killed at any moment.
//!
//! `cargo run --release --example night_market`

mod audit;
mod database_url;
mod evening;
mod fault;
mod market;
mod options;
mod peer;
mod persist;
mod places;
mod portion;
#[cfg(test)]
mod processes;
mod progress;
mod report;
mod screen;
mod script;
mod staff;
mod tally;
mod turn;
mod visit;

use std::{
    fs,
    path::Path,
    process::ExitCode,
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use clap::Parser;
use mp_core::{
    Engine, Error, Timestamp,
    clock::ManualClock,
    entropy::SeededEntropy,
    store::{
        Listing, MemoryStore, PostgresOptions, PostgresStore, SqliteOptions, SqliteStore, Store,
    },
};
use tokio::task::block_in_place;

use self::{
    evening::Run,
    market::{APP, Market},
    options::{Fault, Options, StoreChoice},
    progress::{Counts, Evening, Progress},
    report::{Report, Share},
    script::Script,
};

/// When the market opens: eighteen o'clock in Hong Kong.
const OPENS_AT: &str = "2026-11-21T10:00:00Z";

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let ended = match &options.audit {
        // The audit waits for a database where it stands.
        Some(source) => block_in_place(|| audit::show(source, options.json)),
        None => hold(&options).await,
    };
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            complain(&*error);
            ExitCode::from(2)
        }
    }
}

/// Holds the evening, shows what it came to, and returns whether every invariant holds.
async fn hold(options: &Options) -> Result<bool, Box<dyn std::error::Error>> {
    let choice = match &options.store {
        Some(choice) => choice.clone(),
        None => StoreChoice::Sqlite(begin_anew_if_over(options).await?),
    };
    let report = match &choice {
        StoreChoice::Memory => run(options, Arc::new(MemoryStore::new()), None).await?,
        StoreChoice::Sqlite(path) => {
            let store = SqliteStore::open(path, SqliteOptions::default())?;
            run(options, Arc::new(store), Some(choice.to_string())).await?
        }
        StoreChoice::Postgres(url) => {
            let store = PostgresStore::connect(url.as_str(), PostgresOptions::default()).await?;
            run(options, Arc::new(store), Some(choice.to_string())).await?
        }
    };
    if options.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        screen::show(&report)?;
    }
    Ok(report.invariants.hold())
}

/// An evening in the temporary folder that is over makes room for a new one; one that was broken
/// off goes on.
async fn begin_anew_if_over(
    options: &Options,
) -> Result<std::path::PathBuf, Box<dyn std::error::Error>> {
    let path = options.default_path();
    if !path.exists() {
        return Ok(path);
    }
    let over = {
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&path, SqliteOptions::default())?);
        let (engine, _) = engine(store, options.seed)?;
        let tonight = Progress::new(&engine, &app()?).tonight().await?;
        tonight.is_some_and(|evening| evening.over)
    };
    if over {
        remove(&path)?;
    }
    Ok(path)
}

fn remove(path: &Path) -> std::io::Result<()> {
    for suffix in ["", "-wal", "-shm"] {
        let mut file = path.as_os_str().to_owned();
        file.push(suffix);
        if Path::new(&file).exists() {
            fs::remove_file(&file)?;
        }
    }
    Ok(())
}

async fn run<S: Listing>(
    options: &Options,
    store: Arc<S>,
    path: Option<String>,
) -> Result<Report, Error> {
    let (engine, clock) = engine(store.clone(), options.seed)?;
    let listing: Arc<dyn Listing> = store;
    let progress = Progress::new(&engine, &app()?);
    let opens_at: Timestamp = OPENS_AT
        .parse()
        .map_err(|error| Error::invalid("opens_at", error))?;
    let evening = progress
        .begin(Evening {
            seed: options.seed,
            visitors: options.visitors,
            opens_at,
            tick: 0,
            clock: opens_at,
            over: false,
            done: Counts::default(),
        })
        .await?;
    clock.set(evening.clock);
    let before = progress.total(&evening).await?.operations;
    let script = Arc::new(Script::new(options.seed, options.visitors));
    let started = Instant::now();
    let market = Arc::new(Market::open(&engine, &script, options.fault).await?);
    let evening_run = Run {
        market: market.clone(),
        script,
        progress: progress.clone(),
        clock,
        bar: screen::bar(options.visitors, options.json),
        pause_worker: options.pause_worker,
        own: Arc::default(),
    };
    evening_run.to_the_end(evening).await?;
    if options.fault == Some(Fault::Seat) {
        fault::forge_a_member(&market, &listing).await?;
    }
    let share = Share {
        before,
        own: evening_run.own.load(Ordering::Relaxed),
        seconds: started.elapsed().as_secs_f64(),
    };
    Report::of(&market, &listing, &progress, &share, path).await
}

fn engine(store: Arc<dyn Store>, seed: u64) -> Result<(Engine, Arc<ManualClock>), Error> {
    let opens_at = OPENS_AT
        .parse()
        .map_err(|error| Error::invalid("opens_at", error))?;
    let clock = Arc::new(ManualClock::at(opens_at));
    Ok((
        Engine::new(store, clock.clone(), Arc::new(SeededEntropy::new(seed))),
        clock,
    ))
}

fn app() -> Result<mp_core::id::AppId, Error> {
    mp_core::id::AppId::new(APP).map_err(|error| Error::invalid("app", error))
}

/// Tells a person what went wrong, with everything that caused it.
fn complain(error: &dyn std::error::Error) {
    eprintln!("night_market: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        eprintln!("  because: {cause}");
        source = cause.source();
    }
}
