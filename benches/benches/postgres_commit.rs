//! Commits on PostgreSQL at 1, 16, 128 and 1,024 tasks, each on partitions of its own, against what
//! is written by hand through the same driver: the usual transaction of a service, and the update of
//! one row, the least that is durable. The server alone, and the store where nobody waits for anybody,
//! show what there is to be had.
//!
//! Promises, durable on acknowledgement: with an outbox record each, at least 6 times the usual
//! transaction at 128 tasks and 12 times at 1,024, both against its best number of tasks, never less
//! than it at 1 and 16, and a third of its 99th percentile at 128; the root alone, at least 3 times
//! the update of one row at 128.

use std::{sync::Arc, time::Duration};

use mp_benches::{
    AGGREGATES_PER_TASK, BATCH, Bound, Committer, INTENT, Load, PostgresFloor, Promise, Side,
    Table, Throughput, aggregate, postgres, take_turns,
};
use mp_core::store::{PostgresOptions, PostgresStore};
use throwaway_postgres::Database;
use tokio::runtime::Runtime;
use tokio_postgres::Client;

const TASKS: [usize; 4] = [1, 16, 128, 1_024];
const SPAN: Duration = Duration::from_secs(1);
const ROUNDS: usize = 5;

const IDIOM: &str = "select for update, update, insert";
const UPDATE: &str = "update of one row";
const SERVER: &str = "the server alone, 128 commands a statement";
const OUTBOX: &str = "PostgresStore, root and outbox";
const ROOT: &str = "PostgresStore, root only";
const TOGETHER: &str = "PostgresStore, root and outbox, 256 in each of two calls";

fn main() {
    let runtime = Runtime::new().expect("a runtime");
    let database = runtime.block_on(postgres());
    let rig = runtime.block_on(Rig::set_up(&database));
    let mut sides = Vec::new();
    for kind in [IDIOM, UPDATE, OUTBOX, ROOT] {
        for tasks in TASKS {
            let (runtime, rig) = (&runtime, &rig);
            sides.push(Side::new(name(kind, tasks), move || {
                rig.round(runtime, kind, tasks)
            }));
        }
    }
    sides.push(Side::new(SERVER, || rig.server_round(&runtime)));
    sides.push(Side::new(TOGETHER, || {
        rig.empty_outboxes(&runtime);
        rig.ours.round_together(&runtime, SPAN, 256)
    }));
    let table = take_turns("Commits on PostgreSQL", ROUNDS, sides);
    println!("{table}");
    for promise in promises(&table) {
        println!("{promise}");
    }
}

fn name(kind: &str, tasks: usize) -> String {
    format!("{kind}, {tasks} tasks")
}

/// Both sides, on one server.
struct Rig {
    floor: PostgresFloor,
    ours: Committer,
    client: Client,
}

impl Rig {
    /// Gives each task aggregates of its own, on both sides.
    async fn set_up(database: &Database) -> Self {
        let [.., tasks] = TASKS;
        let floor = PostgresFloor::create(database.url()).await;
        let floor = floor.expect("the floor's tables");
        let numbers = 0..AGGREGATES_PER_TASK;
        let ids = (0..tasks).flat_map(|task| numbers.clone().map(move |n| aggregate(task, n)));
        floor
            .seed(ids.collect(), INTENT)
            .await
            .expect("the floor's rows");

        let store = PostgresStore::connect(database.url(), PostgresOptions::default()).await;
        let ours = Committer::new(Arc::new(store.expect("connects")), tasks);
        ours.seed().await;

        let client = database.client().await;
        client
            .batch_execute("VACUUM ANALYZE")
            .await
            .expect("the statistics of a settled database");
        Self {
            floor,
            ours,
            client,
        }
    }

    fn round(&self, runtime: &Runtime, kind: &str, tasks: usize) -> Throughput {
        self.empty_outboxes(runtime);
        let load = Load { tasks, span: SPAN };
        match kind {
            OUTBOX => self.ours.round(runtime, load, true),
            ROOT => self.ours.round(runtime, load, false),
            _ => self.floor_round(runtime, kind == IDIOM, load),
        }
    }

    /// Empties them, as if what was sent had been delivered meanwhile.
    fn empty_outboxes(&self, runtime: &Runtime) {
        let emptied = self.client.batch_execute("TRUNCATE outbox, mp_delivery");
        runtime.block_on(emptied).expect("empties the outboxes");
    }

    fn server_round(&self, runtime: &Runtime) -> Throughput {
        self.empty_outboxes(runtime);
        let tasks = 0..BATCH;
        let batch = |number| tasks.clone().map(move |task| aggregate(task, number));
        let batches = (0..AGGREGATES_PER_TASK).map(|number| batch(number).collect());
        let batches: Arc<[Vec<String>]> = batches.collect();
        let (floor, sessions) = (self.floor.clone(), 2);
        let load = Load {
            tasks: sessions,
            span: SPAN,
        };
        let statements = load.run(runtime, move |session, turn| {
            let (floor, batches) = (floor.clone(), batches.clone());
            let turn = usize::try_from(turn).unwrap_or_default();
            let batch = (turn * sessions + session) % batches.len();
            async move {
                let done = floor.commands(&batches[batch], INTENT).await;
                done.expect("the floor works");
            }
        });
        statements.of_many(BATCH)
    }

    fn floor_round(&self, runtime: &Runtime, idiom: bool, load: Load) -> Throughput {
        let floor = self.floor.clone();
        load.run(runtime, move |task, turn| {
            let floor = floor.clone();
            let number = usize::try_from(turn).unwrap_or_default() % AGGREGATES_PER_TASK;
            async move {
                let id = aggregate(task, number);
                let done = if idiom {
                    floor.command(&id, INTENT).await
                } else {
                    floor.update(&id, INTENT).await
                };
                done.expect("the floor works");
            }
        })
    }
}

fn promises(table: &Table) -> Vec<Promise> {
    let per_second = |kind, tasks| Some(table.of(&name(kind, tasks))?.per_second);
    let p99 = |kind, tasks| Some(table.of(&name(kind, tasks))?.p99.as_secs_f64());
    let ratio = |ours: Option<f64>, floor: Option<f64>| Some(ours? / floor?);
    let best = TASKS
        .into_iter()
        .filter_map(|tasks| per_second(IDIOM, tasks))
        .max_by(f64::total_cmp);
    vec![
        Promise::new(
            "root and outbox at 128 tasks, of the usual transaction's best",
            ratio(per_second(OUTBOX, 128), best),
            Bound::Times(6.0),
        ),
        Promise::new(
            "root and outbox at 1,024 tasks, of the usual transaction's best",
            ratio(per_second(OUTBOX, 1_024), best),
            Bound::Times(12.0),
        ),
        Promise::new(
            "root and outbox at 16 tasks, of the usual transaction at 16",
            ratio(per_second(OUTBOX, 16), per_second(IDIOM, 16)),
            Bound::Times(1.0),
        ),
        Promise::new(
            "root and outbox at 1 task, of the usual transaction at 1",
            ratio(per_second(OUTBOX, 1), per_second(IDIOM, 1)),
            Bound::Times(1.0),
        ),
        Promise::new(
            "99th percentile at 128 tasks, of the usual transaction's",
            ratio(p99(OUTBOX, 128), p99(IDIOM, 128)),
            Bound::TimesAtMost(1.0 / 3.0),
        ),
        Promise::new(
            "root only at 128 tasks, of the update of one row at 128",
            ratio(per_second(ROOT, 128), per_second(UPDATE, 128)),
            Bound::Times(3.0),
        ),
    ]
}
