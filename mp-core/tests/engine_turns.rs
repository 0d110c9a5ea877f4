//! Processes that contend for a partition take turns, and so do not conflict.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use async_trait::async_trait;
use mp_core::{
    Command, Document, Edits, Engine, Error, Family, Timestamp,
    clock::ManualClock,
    entropy::SeededEntropy,
    store::{
        Batch, Changes, Delivery, DueQuery, Held, Hold, Key, Limits, MemoryStore, Partition, Query,
        Settle, Store, StoreError, StoreErrorKind, Version, View,
    },
};
use serde::{Deserialize, Serialize};
use tokio::{
    sync::{Mutex, OwnedMutexGuard},
    task::JoinSet,
    time::{Instant, sleep},
};

/// How long each commit takes.
const COMMIT: Duration = Duration::from_millis(1);

/// After how long all know of one another.
const LEARNT: Duration = Duration::from_millis(200);

/// How many ask at the same time in each process.
const CALLERS: usize = 80;

#[derive(Deserialize, Serialize)]
struct Group {
    taken: u32,
}

impl Document for Group {
    const KIND: &'static str = "group";
    const FORMAT: u32 = 1;
}

/// A store with one hold, for which those who ask wait in a row.
#[derive(Debug)]
struct Turns {
    store: MemoryStore,
    turn: Arc<Mutex<()>>,
    holds: AtomicUsize,
    began: Instant,
    /// Without those by which processes learn of one another.
    conflicts: AtomicUsize,
}

impl Turns {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            store: MemoryStore::new(),
            turn: Arc::default(),
            holds: AtomicUsize::new(0),
            began: Instant::now(),
            conflicts: AtomicUsize::new(0),
        })
    }
}

#[derive(Debug)]
struct Turn {
    _guard: OwnedMutexGuard<()>,
}

impl Hold for Turn {}

#[async_trait]
impl Store for Turns {
    fn limits(&self) -> Limits {
        self.store.limits()
    }

    async fn read(&self, partition: &Partition, query: &Query) -> Result<View, StoreError> {
        self.store.read(partition, query).await
    }

    async fn commit(&self, partition: &Partition, batch: Batch) -> Result<Version, StoreError> {
        sleep(COMMIT).await;
        let committed = self.store.commit(partition, batch).await;
        if let Err(error) = &committed {
            assert_eq!(error.kind(), StoreErrorKind::Conflict);
            let late = self.began.elapsed() > LEARNT;
            self.conflicts.fetch_add(usize::from(late), Relaxed);
        }
        committed
    }

    async fn hold(&self, partition: &Partition, query: &Query) -> Result<Option<Held>, StoreError> {
        let guard = self.turn.clone().lock_owned().await;
        self.holds.fetch_add(1, Relaxed);
        let view = self.read(partition, query).await?;
        let hold = Box::new(Turn { _guard: guard });
        Ok(Some(Held { view, hold }))
    }

    async fn commit_many(
        &self,
        batches: Vec<(Partition, Batch)>,
    ) -> Vec<Result<Version, StoreError>> {
        self.store.commit_many(batches).await
    }

    async fn due(&self, query: &DueQuery) -> Result<Vec<Delivery>, StoreError> {
        self.store.due(query).await
    }

    async fn settle(&self, settles: Vec<Settle>) -> Result<Vec<bool>, StoreError> {
        self.store.settle(settles).await
    }

    async fn dead(
        &self,
        after: Option<(&Partition, &Key)>,
        limit: u32,
    ) -> Result<Vec<Delivery>, StoreError> {
        self.store.dead(after, limit).await
    }

    async fn changes(
        &self,
        partition: &Partition,
        since: Version,
        limit: u32,
    ) -> Result<Changes, StoreError> {
        self.store.changes(partition, since, limit).await
    }
}

fn process(store: &Arc<Turns>) -> Engine {
    let clock = ManualClock::at(Timestamp::from_micros(1_800_000_000_000_000));
    let entropy = SeededEntropy::new(1);
    Engine::new(store.clone(), Arc::new(clock), Arc::new(entropy))
}

async fn join(engine: &Engine) {
    let group = Partition::parse("test/group/1").expect("a partition");
    let decide = |family: &Family, _: Timestamp| {
        let taken = family.root::<Group>()?.map_or(0, |group| group.taken);
        let mut edits = Edits::new();
        edits.put_root(Group { taken: taken + 1 });
        Ok::<_, Error>(edits.answer(()))
    };
    let joined = engine.run(Command::on(group), decide).await;
    joined.expect("joins");
}

/// Has so many processes join without a pause for so long, each beginning a little after the one before;
/// returns how many joins each has made.
async fn rush(store: &Arc<Turns>, processes: usize, span: Duration) -> Vec<usize> {
    let until = Instant::now() + span;
    let made: Vec<Arc<AtomicUsize>> = (0..processes).map(|_| Arc::default()).collect();
    let mut callers = JoinSet::new();
    for made in &made {
        let engine = process(store);
        for _ in 0..CALLERS {
            let (engine, made) = (engine.clone(), made.clone());
            callers.spawn(async move {
                while Instant::now() < until {
                    join(&engine).await;
                    made.fetch_add(1, Relaxed);
                }
            });
        }
        sleep(COMMIT / 3).await;
    }
    callers.join_all().await;
    made.iter().map(|made| made.load(Relaxed)).collect()
}

#[tokio::test(start_paused = true)]
async fn processes_that_take_turns_do_not_conflict() {
    let store = Turns::new();
    let made = rush(&store, 4, Duration::from_secs(2)).await;
    let conflicts = store.conflicts.load(Relaxed);
    assert_eq!(conflicts, 0);
    let (least, most) = (made.iter().min(), made.iter().max());
    let fair = least
        .zip(most)
        .is_some_and(|(least, most)| least * 5 >= most * 4);
    assert!(fair, "{made:?} joins");
}

/// A turn takes fifteen milliseconds and the two commits at its end, at most.
#[tokio::test(start_paused = true)]
async fn a_turn_ends_while_others_wait() {
    let store = Turns::new();
    let span = Duration::from_secs(2);
    rush(&store, 2, span).await;
    let holds = store.holds.load(Relaxed);
    let length = span.as_millis() / holds as u128;
    assert!((15..=18).contains(&length), "turns of {length} ms");
}

/// Who does not know of others would never let one in who is slower.
#[tokio::test(start_paused = true)]
async fn whoever_is_busy_for_long_takes_a_turn_now_and_then() {
    let store = Turns::new();
    rush(&store, 1, Duration::from_secs(2)).await;
    let holds = store.holds.load(Relaxed);
    assert!((30..=40).contains(&holds), "asked for {holds} turns");
    assert_eq!(store.conflicts.load(Relaxed), 0);
}
