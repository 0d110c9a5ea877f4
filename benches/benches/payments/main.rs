//! Whole lives of payments, create, confirm and capture, through a sandbox that answers at once: in
//! memory on one core, on SQLite, and on PostgreSQL beside the same life written by hand.
//!
//! By hand it is three steps, each one transaction that locks the row, changes it and leaves an
//! outbox row; the provider is called in between. What the provider answered is lost if the process
//! ends before the next step: ours writes down each call before it is made, and is measured with it.
//! The floor is what the store alone does: the very commits of a life, with nothing decided; in memory
//! also what it takes to write their values as JSON, by `serde_json` out of its own `Value`.
//!
//! Promises: 40,000 lives a second in memory on one core, 3,000 durable on SQLite and three times
//! what is written by hand on PostgreSQL, both with 128 tasks. 10^10 payments a year are 317 a
//! second, and ten times that at the peak.

mod bare;
mod by_hand;
mod counted;
mod lives;

use std::{sync::Arc, time::Duration};

use mp_benches::{Bound, Load, Promise, Side, Table, take_turns};
use mp_core::store::{
    Batch, MemoryStore, PostgresOptions, PostgresStore, SqliteOptions, SqliteStore, Store,
};
use tokio::runtime::{Builder, Runtime};

use self::{bare::Bare, by_hand::ByHand, counted::Counted, lives::Lives};

const LOAD: Load = Load {
    tasks: 128,
    span: Duration::from_secs(1),
};
const ROUNDS: usize = 5;

const MEMORY: &str = "Payments in memory, one core";
const SQLITE: &str = "Payments on SQLite";
const BARE: &str = "its commits alone, nothing decided";
const WRITTEN: &str = "and its values written as JSON";
const HAND: &str = "three transactions by hand";
const OURS: &str = "Payments on PostgreSQL";

/// 10^10 a year, and ten times that at the peak.
const PEAK_PER_SECOND: f64 = 3_171.0;

fn main() {
    let runtime = Runtime::new().expect("a runtime");
    let (cost, life) = runtime.block_on(Counted::life());
    println!("{cost}");
    let memory = memory(&life);
    println!("{memory}");
    let sqlite = sqlite(&runtime, &life);
    println!("{sqlite}");
    let postgres = postgres(&runtime, &life);
    println!("{postgres}");
    let per_second = |table: &Table, side| Some(table.of(side)?.per_second);
    let ours = per_second(&postgres, OURS);
    let promises = [
        Promise::new(
            "lives a second in memory, on one core",
            per_second(&memory, MEMORY),
            Bound::PerSecond(40_000.0),
        ),
        Promise::new(
            "lives a second on SQLite, durable",
            per_second(&sqlite, SQLITE),
            Bound::PerSecond(3_000.0),
        ),
        Promise::new(
            "lives on PostgreSQL, beside three transactions by hand",
            ours.zip(per_second(&postgres, HAND))
                .map(|(ours, hand)| ours / hand),
            Bound::Times(3.0),
        ),
        Promise::new(
            "the peak of 10^10 payments a year, on PostgreSQL",
            ours,
            Bound::PerSecond(PEAK_PER_SECOND),
        ),
    ];
    for promise in promises {
        println!("{promise}");
    }
}

fn memory(life: &Arc<[Batch]>) -> Table {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let lives = Lives::on(Arc::new(MemoryStore::new()));
    // A task less would leave the core idle at no time: nothing here ever waits.
    let load = Load { tasks: 1, ..LOAD };
    let bare = Bare::on(Arc::new(MemoryStore::new()), life);
    let written = Bare::on(Arc::new(MemoryStore::new()), life).writing();
    let sides = vec![
        Side::new(BARE, || bare.run(&runtime, load)),
        Side::new(WRITTEN, || written.run(&runtime, load)),
        Side::new(MEMORY, || lives.run(&runtime, load)),
    ];
    take_turns("Lives of payments in memory", ROUNDS, sides)
}

fn sqlite(runtime: &Runtime, life: &Arc<[Batch]>) -> Table {
    let folder = tempfile::tempdir().expect("a folder");
    let open = |name: &str| {
        let store = SqliteStore::open(folder.path().join(name), SqliteOptions::default());
        Arc::new(store.expect("the store opens"))
    };
    let (bare, lives) = (Bare::on(open("bare.db"), life), Lives::on(open("ours.db")));
    let sides = vec![
        Side::new(BARE, || bare.run(runtime, LOAD)),
        Side::new(SQLITE, || lives.run(runtime, LOAD)),
    ];
    let title = format!("Lives of payments on SQLite, durable, {} tasks", LOAD.tasks);
    take_turns(&title, ROUNDS, sides)
}

fn postgres(runtime: &Runtime, life: &Arc<[Batch]>) -> Table {
    let (hand, ours) =
        runtime.block_on(async { (mp_benches::postgres().await, mp_benches::postgres().await) });
    let (by_hand, bare, lives) = runtime.block_on(async {
        let by_hand = ByHand::create(hand.url()).await.expect("tables");
        let store = PostgresStore::connect(ours.url(), PostgresOptions::default()).await;
        let store: Arc<dyn Store> = Arc::new(store.expect("the store opens"));
        (by_hand, Bare::on(store.clone(), life), Lives::on(store))
    });
    let hand = || {
        let by_hand = by_hand.clone();
        LOAD.run(runtime, move |_, _| {
            let by_hand = by_hand.clone();
            async move { by_hand.live().await.expect("lives") }
        })
    };
    let sides = vec![
        Side::new(HAND, hand),
        Side::new(BARE, || bare.run(runtime, LOAD)),
        Side::new(OURS, || lives.run(runtime, LOAD)),
    ];
    let title = format!(
        "Lives of payments on PostgreSQL, durable, {} tasks",
        LOAD.tasks
    );
    take_turns(&title, ROUNDS, sides)
}
