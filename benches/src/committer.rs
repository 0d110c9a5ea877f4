use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use mp_core::{
    Timestamp,
    store::{Batch, CommitId, Key, Partition, Store, Version, Write},
};
use tokio::{runtime::Runtime, sync::Mutex};

use crate::{Load, Throughput};

/// A payment intent's worth of JSON.
pub const INTENT: &str = r#"{"kind":"intent","format":1,"id":"pi_01HF7YAT000W3GE1R70W3GE1R7","app":"market","owner":"mei","amount":{"amount":1250,"currency":"EUR"},"status":"requires_capture","capture_method":"manual","attempts":1,"received":0,"refunded":0,"created_at":"2026-11-21T18:00:00.000000Z","updated_at":"2026-11-21T18:00:01.000000Z","reference":"ch_3f9a","description":"Two bowls of noodles at stall 17"}"#;

/// How many aggregates each task has for itself.
pub const AGGREGATES_PER_TASK: usize = 64;

/// Returns the id of an aggregate of a task's own.
#[must_use]
pub fn aggregate(task: usize, number: usize) -> String {
    format!("market/pay/{task}-{number}")
}

/// Commits to partitions of each task's own, as a service does that has read them.
#[derive(Clone, Debug)]
pub struct Committer {
    store: Arc<dyn Store>,
    heads: Arc<Vec<Mutex<Vec<Version>>>>,
}

impl Committer {
    /// Creates a committer for so many tasks.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, tasks: usize) -> Self {
        let none = || Mutex::new(vec![Version::ABSENT; AGGREGATES_PER_TASK]);
        Self {
            store,
            heads: Arc::new((0..tasks).map(|_| none()).collect()),
        }
    }

    /// Makes the partitions of all tasks.
    ///
    /// # Panics
    ///
    /// If the store fails.
    pub async fn seed(&self) {
        for (task, heads) in self.heads.iter().enumerate() {
            let batches = (0..AGGREGATES_PER_TASK)
                .map(|number| (partition(task, number), batch(Version::ABSENT, false)));
            let made = self.store.commit_many(batches.collect()).await;
            let made = made.into_iter().map(|version| version.expect("commits"));
            *heads.lock().await = made.collect();
        }
    }

    /// Lets so many tasks commit for so long, the root alone or with an outbox record each.
    ///
    /// # Panics
    ///
    /// If the store fails, or there are more tasks than the committer was created for.
    pub fn round(&self, runtime: &Runtime, load: Load, outbox: bool) -> Throughput {
        let committer = self.clone();
        load.run(runtime, move |task, turn| {
            let committer = committer.clone();
            let number = usize::try_from(turn).unwrap_or_default() % AGGREGATES_PER_TASK;
            async move { committer.commit(task, number, outbox).await }
        })
    }

    /// Lets two callers commit the batches of so many tasks in each call, with an outbox record each:
    /// what the store does where nobody waits for anybody.
    ///
    /// # Panics
    ///
    /// If the store fails, or there are fewer tasks than two calls take.
    pub fn round_together(&self, runtime: &Runtime, span: Duration, tasks: usize) -> Throughput {
        let committer = self.clone();
        let load = Load { tasks: 2, span };
        let calls = load.run(runtime, move |caller, turn| {
            let committer = committer.clone();
            let number = usize::try_from(turn).unwrap_or_default() % AGGREGATES_PER_TASK;
            async move {
                committer
                    .commit_together(caller * tasks, tasks, number)
                    .await
            }
        });
        calls.of_many(tasks)
    }

    async fn commit_together(&self, first: usize, tasks: usize, number: usize) {
        let tasks = first..first + tasks;
        let mut batches = Vec::with_capacity(tasks.len());
        for task in tasks.clone() {
            let head = self.heads[task].lock().await[number];
            batches.push((partition(task, number), batch(head, true)));
        }
        let made = self.store.commit_many(batches).await;
        for (task, version) in tasks.zip(made) {
            self.heads[task].lock().await[number] = version.expect("nobody else commits here");
        }
    }

    async fn commit(&self, task: usize, number: usize, outbox: bool) {
        let partition = partition(task, number);
        let mut heads = self.heads[task].lock().await;
        let head = &mut heads[number];
        let committed = self.store.commit(&partition, batch(*head, outbox)).await;
        *head = committed.expect("nobody else commits here");
    }
}

fn partition(task: usize, number: usize) -> Partition {
    Partition::parse(&aggregate(task, number)).expect("an id")
}

fn batch(head: Version, outbox: bool) -> Batch {
    let at = now();
    let mut writes = vec![Write::put(Key::root(), INTENT.into())];
    if outbox {
        // A message of its own each time, as a service sends one.
        let key = Key::new(&format!("~o/bench/{}", head.0)).expect("a key");
        writes.push(Write::deliver(key, INTENT.into(), at).known_new(true));
    }
    Batch {
        expect: head,
        commit_id: CommitId::random(),
        at,
        writes,
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or_default())
}
