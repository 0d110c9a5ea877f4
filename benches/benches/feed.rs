//! Feeds on SQLite and in memory: decisions that tell a feed what they decided beside the same
//! decisions that do not, then the work that brings the events in, and a projection that counts them.
//!
//! No promise: these are the limits of one feed, which is one partition.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use mp_benches::{Load, Side, Throughput, take_turns};
use mp_core::{
    Command, Document, Edits, Engine, Error, Family, Timestamp,
    clock::SystemClock,
    entropy::SystemEntropy,
    feed::{Cursor, Feed, Feeds, News, Projection, Projector, Stretch},
    id::{AppId, Name},
    store::{MemoryStore, Partition, SqliteOptions, SqliteStore, Store},
    work::{Worker, WorkerOptions},
};
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

const TASKS: usize = 128;
const SPAN: Duration = Duration::from_millis(500);
const ROUNDS: usize = 5;

/// How many events come in, or are projected, in one round.
const EVENTS: u64 = 10_000;

/// How many deliveries a worker leases and handles at once.
const AT_ONCE: usize = 1_000;

fn main() {
    let runtime = Runtime::new().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let sqlite = SqliteStore::open(folder.path().join("feed.db"), SqliteOptions::default());
    let stores: [(&str, Arc<dyn Store>); 2] = [
        ("SqliteStore", Arc::new(sqlite.expect("the store opens"))),
        ("MemoryStore", Arc::new(MemoryStore::new())),
    ];
    for (name, store) in stores {
        let rig = Rig::new(store);
        let sides = vec![
            Side::new("decided, nobody told", || rig.decide(&runtime, false)),
            Side::new("decided, and a feed told", || rig.decide(&runtime, true)),
            Side::new("came into the feed", || runtime.block_on(rig.fill())),
            Side::new("projected", || runtime.block_on(rig.project())),
        ];
        let title = format!("Events on {name}, {TASKS} tasks");
        println!("{}", take_turns(&title, ROUNDS, sides));
    }
}

/// What a stall has sold.
#[derive(Deserialize, Serialize)]
struct Stall {
    sold: u64,
}

impl Document for Stall {
    const KIND: &'static str = "bench.stall";
    const FORMAT: u32 = 1;
}

/// What a feed is told: as much as a payment tells.
#[derive(Deserialize, Serialize)]
struct Sold {
    intent: String,
    payer: String,
    amount: u64,
}

/// One store, with as many apps as there were rounds: each has a feed of its own.
struct Rig {
    engine: Engine,
    feed: Feed,
    rounds: AtomicU64,
}

impl Rig {
    fn new(store: Arc<dyn Store>) -> Self {
        let entropy = Arc::new(SystemEntropy::new());
        Self {
            engine: Engine::new(store, Arc::new(SystemClock), entropy),
            feed: Feed::new("sales".parse().expect("a name")),
            rounds: AtomicU64::new(0),
        }
    }

    fn app(&self) -> AppId {
        let round = self.rounds.fetch_add(1, Ordering::Relaxed);
        format!("market-{round}").parse().expect("an app")
    }

    fn worker(&self) -> Worker {
        let options = WorkerOptions::default()
            .with_batch(u32::try_from(AT_ONCE).unwrap_or(u32::MAX))
            .with_concurrency(AT_ONCE);
        Worker::new(&self.engine, options).with(Feeds::new(&self.engine).handlers())
    }

    fn decide(&self, runtime: &Runtime, tells: bool) -> Throughput {
        let (engine, app) = (self.engine.clone(), self.app());
        let feed = tells.then(|| self.feed.clone());
        let load = Load {
            tasks: TASKS,
            span: SPAN,
        };
        let throughput = load.run(runtime, move |task, turn| {
            let (engine, feed) = (engine.clone(), feed.clone());
            let stall = stall(&app, &format!("{task}-{}", turn % 64));
            async move { sell(&engine, stall, feed).await }
        });
        // What was told is out of the way of the next side.
        runtime.block_on(self.worker().drain()).expect("works");
        throughput
    }

    /// Has the events of one decision each wait, then brings them in.
    async fn fill(&self) -> Throughput {
        let app = self.app();
        self.tell(&app).await;
        let worker = self.worker();
        measure(|| async { worker.turn().await.expect("works") }).await
    }

    async fn project(&self) -> Throughput {
        let app = self.app();
        self.tell(&app).await;
        self.worker().drain().await.expect("works");
        let count = Arc::new(Count::default());
        let projector = Projector::new(&self.engine, &self.feed, count);
        measure(|| async { projector.catch_up(&app).await.expect("projects") }).await
    }

    async fn tell(&self, app: &AppId) {
        let telling = (0..EVENTS).map(|number| {
            let stall = stall(app, &number.to_string());
            let (engine, feed) = (self.engine.clone(), self.feed.clone());
            tokio::spawn(async move { sell(&engine, stall, Some(feed)).await })
        });
        for told in telling.collect::<Vec<_>>() {
            told.await.expect("tells");
        }
    }
}

/// Repeats a step that does some of the work until there is none left.
async fn measure<R: Future<Output = u64>>(step: impl Fn() -> R) -> Throughput {
    let (started, mut done, mut spans) = (Instant::now(), 0, Vec::new());
    loop {
        let step_started = Instant::now();
        let some = step().await;
        if some == 0 {
            break;
        }
        done += some;
        spans.push(step_started.elapsed());
    }
    assert_eq!(done, EVENTS, "an event is missing");
    spans.sort_unstable();
    Throughput {
        per_second: EVENTS as f64 / started.elapsed().as_secs_f64(),
        p99: spans.last().copied().unwrap_or_default(),
    }
}

fn stall(app: &AppId, id: &str) -> Partition {
    Partition::new(app, "stall", id).expect("an id")
}

async fn sell(engine: &Engine, stall: Partition, feed: Option<Feed>) {
    let command = Command::on(stall);
    let command = match &feed {
        Some(feed) => feed.reads(command),
        None => command,
    };
    let decide = move |family: &Family, now: Timestamp| {
        let sold = family.root::<Stall>()?.map_or(0, |stall| stall.sold) + 1;
        let mut edits = Edits::new();
        edits.put_root(Stall { sold });
        if let Some(feed) = &feed {
            let told = Sold {
                intent: "pi_01HF7YAT000W3GE1R70W3GE1R7".into(),
                payer: "mei".into(),
                amount: sold,
            };
            let news = vec![News::new("payment.captured", &told)?];
            feed.emit(family, now, news, &mut edits)?;
        }
        Ok::<_, Error>(edits.answer(()))
    };
    engine.run(command, decide).await.expect("sells");
}

/// A projection that counts, in memory.
struct Count {
    name: Name,
    rows: Mutex<(u64, Cursor)>,
}

impl Default for Count {
    fn default() -> Self {
        Self {
            name: "count".parse().expect("a name"),
            rows: Mutex::default(),
        }
    }
}

impl fmt::Debug for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Count")
    }
}

#[async_trait]
impl Projection for Count {
    fn name(&self) -> &Name {
        &self.name
    }

    async fn cursor(&self, _: &AppId) -> Result<Cursor, Error> {
        Ok(self.rows.lock().unwrap_or_else(PoisonError::into_inner).1)
    }

    async fn apply(&self, stretch: &Stretch) -> Result<bool, Error> {
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        if rows.1 != stretch.from {
            return Ok(false);
        }
        for event in &stretch.events {
            rows.0 += event.fact::<Sold>()?.amount;
        }
        rows.1 = stretch.to;
        Ok(true)
    }
}
