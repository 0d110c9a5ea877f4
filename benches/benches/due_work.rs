//! Due work on PostgreSQL: deliveries that four workers lease, handle and settle, against four that
//! are written by hand through the same driver and take one job at a time, select for update skip
//! locked.
//!
//! Promises: at least 40,000 a second, none of them handled twice, and at half that load the 99th
//! percentile of their lateness stays under a second.

use std::{
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU8, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use mp_benches::{Bound, INTENT, PostgresFloor, Promise, Side, Throughput, postgres, take_turns};
use mp_core::{
    Clock, Document, Engine, Timestamp, document,
    entropy::SystemEntropy,
    store::{
        Batch, CommitId, Key, Partition, PostgresOptions, PostgresStore, SLOTS, SlotSet, Store,
        Version, Write,
    },
    work::{self, Done, Handler, Worker, WorkerOptions},
};
use serde::{Deserialize, Serialize};
use throwaway_postgres::Database;
use tokio::{runtime::Runtime, sync::watch, task::JoinSet};
use tokio_postgres::Client;

const WORKERS: u16 = 4;
const ROUNDS: usize = 3;

/// How much work one round has.
const WORK: usize = 100_000;
const FLOOR_WORK: usize = 5_000;

/// How many deliveries stand in one partition.
const WORK_EACH: usize = 25;

/// How many deliveries a worker leases and handles at once.
const AT_ONCE: usize = 1_000;

/// Half of the load that is promised, and for how long it is kept up.
const HALF_LOAD: usize = 20_000;
const HALF_LOAD_SECONDS: usize = 10;

const ONE_BY_ONE: &str = "one job at a time, 4 workers";
const OWN_SLOTS: &str = "Worker, 4 with slots of their own";
const ALL_SLOTS: &str = "Worker, 4 on all slots";

fn main() {
    let runtime = Runtime::new().expect("a runtime");
    let database = runtime.block_on(postgres());
    let rig = runtime.block_on(Rig::set_up(&database));
    let twice = AtomicUsize::new(0);
    let round = |slots: fn(u16) -> SlotSet| {
        let (throughput, handled_twice) = runtime.block_on(rig.round(slots));
        twice.fetch_add(handled_twice, Ordering::Relaxed);
        throughput
    };
    let sides = vec![
        Side::new(ONE_BY_ONE, || runtime.block_on(rig.floor_round())),
        Side::new(OWN_SLOTS, || round(own_slots)),
        Side::new(ALL_SLOTS, || round(all_slots)),
    ];
    let table = take_turns("Due work on PostgreSQL", ROUNDS, sides);
    println!("{table}");
    let (lateness, handled_twice) = runtime.block_on(rig.half_load());
    let twice = twice.into_inner() + handled_twice;
    let slowest = [OWN_SLOTS, ALL_SLOTS]
        .into_iter()
        .filter_map(|side| table.of(side));
    let slowest = slowest.map(|side| side.per_second).min_by(f64::total_cmp);
    for promise in [
        Promise::new(
            "leased, handled and settled",
            slowest,
            Bound::PerSecond(40_000.0),
        ),
        Promise::new("handled twice", Some(twice as f64), Bound::None),
        Promise::new(
            "99th percentile of lateness at 20,000 a second",
            Some(lateness.as_secs_f64() * 1_000.0),
            Bound::Millis(1_000.0),
        ),
    ] {
        println!("{promise}");
    }
}

fn all_slots(_: u16) -> SlotSet {
    SlotSet::ALL
}

fn own_slots(worker: u16) -> SlotSet {
    let own = (0..SLOTS).filter(|slot| slot % WORKERS == worker);
    own.fold(SlotSet::NONE, SlotSet::with)
}

#[derive(Deserialize, Serialize)]
struct Task {
    number: usize,
}

impl Document for Task {
    const KIND: &'static str = "bench.task";
    const FORMAT: u32 = 1;
}

/// Both sides, on one server.
struct Rig {
    floor: PostgresFloor,
    store: Arc<dyn Store>,
    client: Client,
    filled: AtomicUsize,
}

impl Rig {
    async fn set_up(database: &Database) -> Self {
        let floor = PostgresFloor::create(database.url()).await;
        let store = PostgresStore::connect(database.url(), PostgresOptions::default()).await;
        Self {
            floor: floor.expect("the floor's tables"),
            store: Arc::new(store.expect("connects")),
            client: database.client().await,
            filled: AtomicUsize::new(0),
        }
    }

    async fn floor_round(&self) -> Throughput {
        let jobs = i64::try_from(FLOOR_WORK).unwrap_or_default();
        self.floor.add_jobs(jobs, INTENT).await.expect("adds");
        let started = Instant::now();
        let mut workers = JoinSet::new();
        for _ in 0..WORKERS {
            let floor = self.floor.clone();
            workers.spawn(async move {
                let mut latencies = Vec::new();
                loop {
                    let started = Instant::now();
                    if !floor.take_job().await.expect("the floor works") {
                        return latencies;
                    }
                    latencies.push(started.elapsed());
                }
            });
        }
        let latencies = workers.join_all().await.concat();
        throughput(FLOOR_WORK, started, latencies)
    }

    /// Has work done that is all due, and returns how fast that went, with the 99th percentile of the
    /// workers' turns, and how much of it was handled twice.
    async fn round(&self, slots: fn(u16) -> SlotSet) -> (Throughput, usize) {
        let load = Load::new(WORK);
        self.fill(&load, |_| Duration::ZERO).await;
        load.clock.start();
        let started = Instant::now();
        let mut workers = JoinSet::new();
        for number in 0..WORKERS {
            let worker = self.worker(&load, slots(number));
            workers.spawn(async move {
                let mut latencies = Vec::new();
                loop {
                    let started = Instant::now();
                    if worker.turn().await.expect("the store works") == 0 {
                        return latencies;
                    }
                    latencies.push(started.elapsed());
                }
            });
        }
        let latencies = workers.join_all().await.concat();
        (throughput(WORK, started, latencies), load.handled_twice())
    }

    /// Has work done that comes due over some time, and returns the 99th percentile of its lateness,
    /// and how much of it was handled twice.
    async fn half_load(&self) -> (Duration, usize) {
        let load = Load::new(HALF_LOAD * HALF_LOAD_SECONDS);
        let due = |number| Duration::from_secs(number as u64) / HALF_LOAD as u32;
        self.fill(&load, due).await;
        load.clock.start();
        let (stop, stopped) = watch::channel(false);
        let mut workers = JoinSet::new();
        for number in 0..WORKERS {
            let worker = self.worker(&load, own_slots(number));
            let stopped = stopped.clone();
            workers.spawn(async move { worker.run(stopped).await });
        }
        tokio::time::sleep(Duration::from_secs(HALF_LOAD_SECONDS as u64)).await;
        while load.lateness().len() < load.handled.len() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        stop.send_replace(true);
        workers.join_all().await;
        let mut lateness = load.lateness().clone();
        (p99(&mut lateness), load.handled_twice())
    }

    fn worker(&self, load: &Arc<Load>, slots: SlotSet) -> Worker {
        let clock = load.clock.clone();
        let engine = Engine::new(self.store.clone(), clock, Arc::new(SystemEntropy::new()));
        let options = WorkerOptions::default()
            .with_slots(slots)
            .with_batch(AT_ONCE as u32)
            .with_concurrency(AT_ONCE);
        Worker::new(&engine, options).with([load.handler()])
    }

    /// Writes the deliveries of a load, each due so long after its start.
    async fn fill(&self, load: &Load, due: impl Fn(usize) -> Duration) {
        let filled = self.filled.fetch_add(1, Ordering::Relaxed);
        let numbers: Vec<usize> = (0..load.handled.len()).collect();
        // Neighbours in time stand in partitions, and so in slots, far apart.
        let partitions = numbers.len() / WORK_EACH;
        let batch = |partition: usize| {
            let numbers = numbers.iter().skip(partition).step_by(partitions);
            let deliver = numbers.map(|&number| deliver(number, load.clock.from.plus(due(number))));
            let root = Write::put(Key::root(), "{}".into());
            let writes = deliver.chain([root]).collect();
            let id = format!("market/work/{filled}-{partition}");
            let commit_id = CommitId::random();
            let at = load.clock.from;
            let batch = Batch {
                expect: Version::ABSENT,
                commit_id,
                at,
                writes,
            };
            (Partition::parse(&id).expect("an id"), batch)
        };
        let committed = self
            .store
            .commit_many((0..partitions).map(batch).collect())
            .await;
        assert!(committed.iter().all(Result::is_ok), "the store works");
        let done = self
            .client
            .batch_execute("VACUUM ANALYZE mp_partition, mp_delivery")
            .await;
        done.expect("the statistics of a settled database");
    }
}

fn deliver(number: usize, due_at: Timestamp) -> Write {
    let key = Key::new(&format!("~t/{}/{number}", Task::KIND)).expect("a key");
    let value = document::encode(&Task { number }, None).expect("encodes");
    Write::deliver(key, value, due_at)
}

/// Numbered work, how often each was handled, and how late.
struct Load {
    clock: Arc<LoadClock>,
    handled: Vec<AtomicU8>,
    lateness: Mutex<Vec<Duration>>,
}

impl Load {
    fn new(work: usize) -> Arc<Self> {
        Arc::new(Self {
            clock: Arc::new(LoadClock::new()),
            handled: (0..work).map(|_| AtomicU8::new(0)).collect(),
            lateness: Mutex::default(),
        })
    }

    fn handler(self: &Arc<Self>) -> Arc<dyn Handler> {
        let load = self.clone();
        work::on(move |delivery, task: Task| {
            let late = load.clock.now().since(delivery.due_at);
            load.handled[task.number].fetch_add(1, Ordering::Relaxed);
            load.lateness().push(late);
            async { Ok(Done::Finished) }
        })
    }

    fn lateness(&self) -> std::sync::MutexGuard<'_, Vec<Duration>> {
        self.lateness.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Demands that all work was handled, and returns how much of it was handled twice.
    fn handled_twice(&self) -> usize {
        let times = || {
            self.handled
                .iter()
                .map(|times| times.load(Ordering::Relaxed))
        };
        assert!(times().all(|times| times > 0), "some work was forgotten");
        times().filter(|times| *times > 1).count()
    }
}

/// A clock that stands still until the load begins.
#[derive(Debug)]
struct LoadClock {
    from: Timestamp,
    started: OnceLock<Instant>,
}

impl LoadClock {
    const fn new() -> Self {
        let from = Timestamp::from_micros(1_795_000_000_000_000);
        Self {
            from,
            started: OnceLock::new(),
        }
    }

    fn start(&self) {
        self.started.get_or_init(Instant::now);
    }
}

impl Clock for LoadClock {
    fn now(&self) -> Timestamp {
        let running = self.started.get().map_or(Duration::ZERO, Instant::elapsed);
        self.from.plus(running)
    }
}

fn throughput(work: usize, started: Instant, mut latencies: Vec<Duration>) -> Throughput {
    let per_second = work as f64 / started.elapsed().as_secs_f64();
    let p99 = p99(&mut latencies);
    Throughput { per_second, p99 }
}

fn p99(spans: &mut [Duration]) -> Duration {
    spans.sort_unstable();
    spans[spans.len() * 99 / 100]
}
