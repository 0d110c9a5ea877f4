//! Store commits at 1, 16 and 128 tasks, root only and with an outbox record each, against one
//! hand-written SQLite transaction per command at its best number of tasks.
//!
//! Promise: on SQLite, durable on acknowledgement, at 128 tasks at least 15 times the floor root
//! only and 5 times with an outbox record.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use mp_benches::{Load, Side, SqliteFloor, Throughput, take_turns};
use mp_core::{
    Timestamp,
    store::{
        Batch, CommitId, Key, MemoryStore, Partition, Query, SqliteOptions, SqliteStore, Store,
        Version, Write,
    },
};
use tokio::{runtime::Runtime, sync::Mutex};

/// A payment intent's worth of JSON.
const VALUE: &str = r#"{"kind":"intent","format":1,"id":"pi_01HF7YAT000W3GE1R70W3GE1R7","app":"market","owner":"mei","amount":{"amount":1250,"currency":"EUR"},"status":"requires_capture","capture_method":"manual","attempts":1,"received":0,"refunded":0,"created_at":"2026-11-21T18:00:00.000000Z","updated_at":"2026-11-21T18:00:01.000000Z","reference":"ch_3f9a","description":"Two bowls of noodles at stall 17"}"#;

const PARTITIONS_PER_TASK: u64 = 64;
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
        let sqlite = Committer::new(Arc::new(sqlite));
        let memory = Committer::new(Arc::new(MemoryStore::new()));

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
                    committer.round(runtime, tasks, outbox)
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
        let id = format!("market/pay/{task}-{}", turn % PARTITIONS_PER_TASK);
        async move { floor.put(id, VALUE, outbox).await }
    })
}

/// Commits to partitions of each task's own, as a service does that has read them.
#[derive(Clone)]
struct Committer {
    store: Arc<dyn Store>,
    heads: Arc<Vec<Mutex<Vec<Version>>>>,
}

impl Committer {
    fn new(store: Arc<dyn Store>) -> Self {
        let none = || Mutex::new(vec![Version::ABSENT; PARTITIONS_PER_TASK as usize]);
        Self {
            store,
            heads: Arc::new((0..TASKS[2]).map(|_| none()).collect()),
        }
    }

    fn round(&self, runtime: &Runtime, tasks: usize, outbox: bool) -> Throughput {
        let committer = self.clone();
        Load { tasks, span: SPAN }.run(runtime, move |task, turn| {
            let committer = committer.clone();
            async move {
                committer
                    .commit(task, turn % PARTITIONS_PER_TASK, outbox)
                    .await
            }
        })
    }

    async fn commit(&self, task: usize, number: u64, outbox: bool) {
        let partition = Partition::parse(&format!("market/pay/{task}-{number}")).expect("an id");
        let mut heads = self.heads[task].lock().await;
        let head = &mut heads[usize::try_from(number).expect("small")];
        let at = now();
        let mut writes = vec![Write::Put {
            key: Key::root(),
            value: VALUE.into(),
        }];
        if outbox {
            // A message of its own each time, as a service sends one.
            let key = Key::new(&format!("~o/bench/{}", head.0)).expect("a key");
            writes.push(Write::Deliver {
                key,
                value: VALUE.into(),
                due_at: at,
            });
        }
        let batch = Batch {
            expect: *head,
            commit_id: CommitId::random(),
            at,
            writes,
        };
        match self.store.commit(&partition, batch).await {
            Ok(version) => *head = version,
            Err(_) => *head = self.read(&partition).await,
        }
    }

    async fn read(&self, partition: &Partition) -> Version {
        self.store
            .read(partition, &Query::default())
            .await
            .expect("reads")
            .head
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or_default())
}
