//! Store commits at 1, 16 and 128 tasks, root only and with an outbox record each, against one
//! hand-written SQLite transaction per command at its best number of tasks.
//!
//! Promise: on SQLite, durable on acknowledgement, at 128 tasks at least 15 times the floor root
//! only and 5 times with an outbox record.

use std::{sync::Arc, time::Duration};

use mp_benches::{
    AGGREGATES_PER_TASK, Committer, INTENT, Load, Side, SqliteFloor, Throughput, aggregate,
    take_turns,
};
use mp_core::store::{MemoryStore, SqliteOptions, SqliteStore};
use tokio::runtime::Runtime;

const TASKS: [usize; 3] = [1, 16, 128];
const SPAN: Duration = Duration::from_millis(700);
const ROUNDS: usize = 5;

fn main() {
    let runtime = Runtime::new().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    for outbox in [false, true] {
        let shape = if outbox {
            "root and outbox record"
        } else {
            "root only"
        };
        let floor = SqliteFloor::create(&folder.path().join(format!("floor-{outbox}.db")))
            .expect("the floor opens");
        let path = folder.path().join(format!("ours-{outbox}.db"));
        let sqlite = SqliteStore::open(path, SqliteOptions::default()).expect("the store opens");
        let sqlite = Committer::new(Arc::new(sqlite), TASKS[2]);
        let memory = Committer::new(Arc::new(MemoryStore::new()), TASKS[2]);

        let mut sides = Vec::new();
        for tasks in TASKS {
            let (runtime, floor) = (&runtime, floor.clone());
            sides.push(Side::new(
                format!("floor: one transaction each, {tasks} tasks"),
                move || floor_round(runtime, &floor, tasks, outbox),
            ));
        }
        for (name, committer) in [("SqliteStore", &sqlite), ("MemoryStore", &memory)] {
            for tasks in TASKS {
                let (runtime, committer) = (&runtime, committer.clone());
                sides.push(Side::new(format!("{name}, {tasks} tasks"), move || {
                    committer.round(runtime, Load { tasks, span: SPAN }, outbox)
                }));
            }
        }
        let table = take_turns(&format!("Commits of {shape}"), ROUNDS, sides);
        println!("{table}");
        let of = |name: &str| {
            table
                .of(name)
                .map_or(0.0, |throughput| throughput.per_second)
        };
        let best = TASKS
            .map(|tasks| of(&format!("floor: one transaction each, {tasks} tasks")))
            .into_iter()
            .fold(0.0, f64::max);
        let promised = if outbox { 5.0 } else { 15.0 };
        let ratio = of("SqliteStore, 128 tasks") / best;
        println!(
            "  SqliteStore at 128 tasks: {ratio:.1}x the floor's best (promised {promised}x)\n"
        );
    }
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
