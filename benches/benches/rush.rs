//! A rush on one hot partition: everybody joins one queue, everybody joins one group.
//!
//! Ours, durable on SQLite through the services, against the hand-written `BEGIN; SELECT; UPDATE;
//! INSERT; COMMIT` at its best number of tasks. Half of the commands are admitted and half refused,
//! and the two are told apart.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use mp_benches::{Side, SqliteFloor, Throughput, take_turns};
use mp_core::{
    Caller, Engine, Scope,
    clock::SystemClock,
    entropy::SystemEntropy,
    store::{Query, Selection, SqliteOptions, SqliteStore, Store},
};
use mp_queue::{LaneSetup, LineId, LineSetup, QueueError, QueueOptions, Queues};
use tokio::runtime::Runtime;

/// How many places there are; as many commands again are refused.
const PLACES: u32 = 4_000;
const FLOOR_PLACES: u32 = 1_000;
const TASKS: [u32; 3] = [1, 16, 128];
const ROUNDS: usize = 3;

fn main() {
    let runtime = Runtime::new().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let floor = SqliteFloor::create(&folder.path().join("floor.db")).expect("the floor opens");
    let path = folder.path().join("ours.db");
    let store = SqliteStore::open(path, SqliteOptions::default()).expect("the store opens");
    let store: Arc<dyn Store> = Arc::new(store);
    let engine = Engine::new(
        store.clone(),
        Arc::new(SystemClock),
        Arc::new(SystemEntropy::new()),
    );

    for refused in [false, true] {
        let what = if refused { "refusals" } else { "admissions" };
        let tickets = TicketRush {
            engine: engine.clone(),
            round: Arc::default(),
        };
        let mut sides = Vec::new();
        for tasks in TASKS {
            let (runtime, floor) = (&runtime, &floor);
            sides.push(Side::new(
                format!("floor: select, update, insert, {tasks} tasks"),
                move || floor_round(runtime, floor, tasks, refused),
            ));
        }
        let side = || tickets.run(&runtime, refused);
        sides.push(Side::new("tickets of one line, 128 tasks", side));
        let table = take_turns(&format!("A rush on one partition: {what}"), ROUNDS, sides);
        println!("{table}");
        let of = |name: &str| {
            table
                .of(name)
                .map_or(0.0, |throughput| throughput.per_second)
        };
        let best = TASKS
            .map(|tasks| of(&format!("floor: select, update, insert, {tasks} tasks")))
            .into_iter()
            .fold(0.0, f64::max);
        println!(
            "  tickets: {:.1}x the floor's best\n",
            of("tickets of one line, 128 tasks") / best
        );
    }
}

/// Runs `calls` commands from 128 tasks and returns how fast they were.
async fn rush<F, R>(tasks: u32, calls: u32, command: F) -> Throughput
where
    F: Fn(u32) -> R + Send + Sync + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let command = Arc::new(command);
    let started = Instant::now();
    let running: Vec<_> = (0..tasks)
        .map(|task| {
            let command = command.clone();
            tokio::spawn(async move {
                let mut latencies = Vec::new();
                for number in (task..calls).step_by(tasks as usize) {
                    let started = Instant::now();
                    command(number).await;
                    latencies.push(started.elapsed());
                }
                latencies
            })
        })
        .collect();
    let mut latencies: Vec<Duration> = Vec::new();
    for task in running {
        latencies.extend(task.await.expect("a command panicked"));
    }
    let per_second = f64::from(calls) / started.elapsed().as_secs_f64();
    latencies.sort_unstable();
    Throughput {
        per_second,
        p99: latencies[latencies.len() * 99 / 100],
    }
}

fn floor_round(runtime: &Runtime, floor: &SqliteFloor, tasks: u32, refused: bool) -> Throughput {
    static ROUND: AtomicU64 = AtomicU64::new(0);
    let counter = format!("group-{}", ROUND.fetch_add(1, Ordering::Relaxed));
    let floor = floor.clone();
    runtime.block_on(async move {
        floor.open_counter(counter.clone(), FLOOR_PLACES).await;
        let join = |from: u32| {
            let (floor, counter) = (floor.clone(), counter.clone());
            move |number: u32| {
                let (floor, counter) = (floor.clone(), counter.clone());
                async move {
                    let joined = floor.join(counter, format!("user-{}", from + number)).await;
                    assert_eq!(joined, from + number < FLOOR_PLACES);
                }
            }
        };
        let admissions = rush(tasks, FLOOR_PLACES, join(0)).await;
        if refused {
            rush(tasks, FLOOR_PLACES, join(FLOOR_PLACES)).await
        } else {
            admissions
        }
    })
}

struct TicketRush {
    engine: Engine,
    round: Arc<AtomicU64>,
}

impl TicketRush {
    fn run(&self, runtime: &Runtime, refused: bool) -> Throughput {
        let queue = format!(
            "queue-{refused}-{}",
            self.round.fetch_add(1, Ordering::Relaxed)
        );
        let day = "2026-11-21".parse().expect("a day");
        let line = LineId::new(queue.parse().expect("a name"), day);
        let queues = Queues::new(&self.engine, &QueueOptions::default());
        runtime.block_on(async {
            self.open(&queues, &line).await;
            let before = self.rows(&line).await;
            let admissions = rush(128, PLACES, join(&queues, &line, 0)).await;
            let rows = self.rows(&line).await - before;
            if !refused {
                println!(
                    "  rows written per ticket: {:.2}",
                    rows as f64 / f64::from(PLACES)
                );
                return admissions;
            }
            rush(128, PLACES, join(&queues, &line, PLACES)).await
        })
    }

    async fn open(&self, queues: &Queues, line: &LineId) {
        let app = "market".parse().expect("an app");
        let staff = Caller::user(app, "chef".parse().expect("a user")).with_scope(Scope::STAFF);
        let lane = LaneSetup::new("A".parse().expect("a letter"), 1, 9);
        let mut setup = LineSetup::new(vec![lane]);
        setup.tickets_max = PLACES;
        let key = "open".parse().expect("a key");
        queues
            .open_line(&staff, line, setup, &key)
            .await
            .expect("opens");
    }

    async fn rows(&self, line: &LineId) -> usize {
        let partition = format!("market/line/{line}");
        let partition = mp_core::store::Partition::parse(&partition).expect("a partition");
        let all = Selection::Prefix(mp_core::store::Key::root());
        let query = Query {
            select: vec![all],
            limit: 100_000,
        };
        self.engine
            .store()
            .read(&partition, &query)
            .await
            .expect("reads")
            .records
            .len()
    }
}

fn join(
    queues: &Queues,
    line: &LineId,
    from: u32,
) -> impl Fn(u32) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync + 'static {
    let (queues, line) = (queues.clone(), line.clone());
    move |number| {
        let (queues, line) = (queues.clone(), line.clone());
        Box::pin(async move {
            let user = format!("user-{}", from + number).parse().expect("a user");
            let visitor = Caller::user("market".parse().expect("an app"), user);
            let key = "join".parse().expect("a key");
            match queues.join(&visitor, &line, 2, &key).await {
                Ok(_) => assert!(from == 0),
                Err(QueueError::LineFull { .. }) => assert!(from > 0),
                Err(error) => panic!("{error}"),
            }
        })
    }
}
