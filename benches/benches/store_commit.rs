//! Store commits at 1, 16 and 128 tasks, root only and with an outbox record each, against one
//! hand-written SQLite transaction per command: on one connection at its best number of tasks, and
//! on a pool of connections that wait for each other.
//!
//! Promises, on SQLite, durable on acknowledgement, at 128 tasks: at least 15 times the one
//! connection and 30 times the pool root only, and 6 times the one connection with an outbox record.

use std::{path::Path, sync::Arc, time::Duration};

use mp_benches::{
    AGGREGATES_PER_TASK, Bound, Committer, INTENT, Load, Promise, Side, SqliteFloor, Table,
    Throughput, aggregate, take_turns,
};
use mp_core::store::{MemoryStore, SqliteOptions, SqliteStore};
use tokio::runtime::Runtime;

const TASKS: [usize; 3] = [1, 16, 128];
const SPAN: Duration = Duration::from_millis(700);
const ROUNDS: usize = 5;

/// How many connections the pool has: as many as pools for SQLite have by default.
const POOL: usize = 8;

fn main() {
    let runtime = Runtime::new().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let (root_only, with_outbox) = [false, true]
        .map(|outbox| measure(&runtime, folder.path(), outbox))
        .into();
    let of_best = |table: &Table| Some(ours(table)? / best(table)?);
    let of_pool = Some(&root_only).and_then(|table| {
        let pool = table.of(&floor_name("a pool", TASKS[2]))?;
        Some(ours(table)? / pool.per_second)
    });
    let promises = [
        ("root only, of one connection", of_best(&root_only), 15.0),
        ("root only, of a pool", of_pool, 30.0),
        ("with an outbox record", of_best(&with_outbox), 6.0),
    ];
    for (what, measured, times) in promises {
        println!("{}", Promise::new(what, measured, Bound::Times(times)));
    }
}

/// Returns what the store does at 128 tasks.
fn ours(table: &Table) -> Option<f64> {
    Some(table.of("SqliteStore, 128 tasks")?.per_second)
}

/// Returns what one connection does at its best.
fn best(table: &Table) -> Option<f64> {
    TASKS
        .iter()
        .filter_map(|tasks| table.of(&floor_name("one connection", *tasks)))
        .map(|throughput| throughput.per_second)
        .max_by(f64::total_cmp)
}

fn floor_name(connections: &str, tasks: usize) -> String {
    format!("one transaction each on {connections}, {tasks} tasks")
}

fn measure(runtime: &Runtime, folder: &Path, outbox: bool) -> Table {
    let shape = if outbox {
        "root and outbox record"
    } else {
        "root only"
    };
    let floor = |connections| {
        let path = folder.join(format!("floor-{connections}-{outbox}.db"));
        SqliteFloor::pool(&path, connections).expect("the floor opens")
    };
    let floors = [("one connection", floor(1)), ("a pool", floor(POOL))];
    let path = folder.join(format!("ours-{outbox}.db"));
    let sqlite = SqliteStore::open(path, SqliteOptions::default()).expect("the store opens");
    let sqlite = Committer::new(Arc::new(sqlite), TASKS[2]);
    let memory = Committer::new(Arc::new(MemoryStore::new()), TASKS[2]);

    let mut sides = Vec::new();
    for tasks in TASKS {
        for (connections, floor) in &floors {
            sides.push(Side::new(floor_name(connections, tasks), move || {
                floor_round(runtime, floor, tasks, outbox)
            }));
        }
    }
    for (name, committer) in [("SqliteStore", &sqlite), ("MemoryStore", &memory)] {
        for tasks in TASKS {
            let committer = committer.clone();
            sides.push(Side::new(format!("{name}, {tasks} tasks"), move || {
                committer.round(runtime, Load { tasks, span: SPAN }, outbox)
            }));
        }
    }
    let table = take_turns(&format!("Commits of {shape}"), ROUNDS, sides);
    println!("{table}");
    table
}

fn floor_round(runtime: &Runtime, floor: &SqliteFloor, tasks: usize, outbox: bool) -> Throughput {
    let floor = floor.clone();
    Load { tasks, span: SPAN }.run(runtime, move |task, turn| {
        let floor = floor.clone();
        let id = aggregate(
            task,
            usize::try_from(turn).unwrap_or_default() % AGGREGATES_PER_TASK,
        );
        async move { floor.put(id, INTENT, outbox).await }
    })
}
