//! Processes that contend for a partition take turns, and so do not conflict.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use async_trait::async_trait;
use mp_core::{
    Command, Document, Edits, Engine, Error, Family, Timestamp,
    clock::ManualClock,
    entropy::SeededEntropy,
    store::{
        Batch, Changes, CommitId, Delivery, DueQuery, InTurn, Key, Limits, MemoryStore, Partition,
        Query, Settle, Store, StoreError, StoreErrorKind, Turn, Version, View, Write,
    },
};
use serde::{Deserialize, Serialize};
use tokio::{
    sync::{Mutex, OwnedMutexGuard},
    task::JoinSet,
    time::{Instant, sleep},
};

/// How long each read, and each commit, takes.
const CALL: Duration = Duration::from_millis(1);

/// After how long all know of one another.
const LEARNT: Duration = Duration::from_millis(200);

/// So many callers that two commits in turn carry them.
const MANY: usize = 80;

#[derive(Deserialize, Serialize)]
struct Group {
    taken: u32,
}

impl Document for Group {
    const KIND: &'static str = "group";
    const FORMAT: u32 = 1;
}

/// A store with one turn, for which those who ask wait in a row.
#[derive(Debug)]
struct Turns {
    store: MemoryStore,
    turn: Arc<Mutex<()>>,
    asked: AtomicUsize,
    /// The longest turn, in milliseconds.
    longest: Arc<AtomicU64>,
    began: Instant,
    /// How many callers were told that they have joined.
    told: AtomicUsize,
    /// Without those by which processes learn of one another.
    conflicts: AtomicUsize,
}

impl Turns {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            store: MemoryStore::new(),
            turn: Arc::default(),
            asked: AtomicUsize::new(0),
            longest: Arc::default(),
            began: Instant::now(),
            told: AtomicUsize::new(0),
            conflicts: AtomicUsize::new(0),
        })
    }
}

#[derive(Debug)]
struct Watched {
    _guard: OwnedMutexGuard<()>,
    began: Instant,
    longest: Arc<AtomicU64>,
}

impl Turn for Watched {}

impl Drop for Watched {
    fn drop(&mut self) {
        let millis = self.began.elapsed().as_millis();
        let millis = u64::try_from(millis).expect("a short time");
        self.longest.fetch_max(millis, Relaxed);
    }
}

#[async_trait]
impl Store for Turns {
    fn limits(&self) -> Limits {
        self.store.limits()
    }

    async fn read(&self, partition: &Partition, query: &Query) -> Result<View, StoreError> {
        sleep(CALL).await;
        self.store.read(partition, query).await
    }

    async fn commit(&self, partition: &Partition, batch: Batch) -> Result<Version, StoreError> {
        sleep(CALL).await;
        let committed = self.store.commit(partition, batch).await;
        if let Err(error) = &committed {
            assert_eq!(error.kind(), StoreErrorKind::Conflict);
            let late = self.began.elapsed() > LEARNT;
            self.conflicts.fetch_add(usize::from(late), Relaxed);
        }
        committed
    }

    async fn take_turn(
        &self,
        partition: &Partition,
        query: &Query,
    ) -> Result<Option<InTurn>, StoreError> {
        let guard = self.turn.clone().lock_owned().await;
        self.asked.fetch_add(1, Relaxed);
        let view = self.read(partition, query).await?;
        let turn = Box::new(Watched {
            _guard: guard,
            began: Instant::now(),
            longest: self.longest.clone(),
        });
        Ok(Some(InTurn { view, turn }))
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

fn group() -> Partition {
    Partition::parse("test/group/1").expect("a partition")
}

async fn join(engine: &Engine) -> Result<(), Error> {
    let decide = |family: &Family, _: Timestamp| {
        let taken = family.root::<Group>()?.map_or(0, |group| group.taken) + 1;
        let mut edits = Edits::new();
        edits.put_root(Group { taken });
        Ok::<_, Error>(edits.answer(()))
    };
    engine.run(Command::on(group()), decide).await?;
    Ok(())
}

/// Has so many processes, with so many callers each, join without a pause for so long, each beginning a
/// little after the one before; returns how many joins each has made.
async fn rush(store: &Arc<Turns>, processes: usize, callers: usize, span: Duration) -> Vec<usize> {
    let until = Instant::now() + span;
    let made: Vec<Arc<AtomicUsize>> = (0..processes).map(|_| Arc::default()).collect();
    let mut tasks = JoinSet::new();
    for made in &made {
        let engine = process(store);
        for _ in 0..callers {
            let (engine, made, store) = (engine.clone(), made.clone(), store.clone());
            tasks.spawn(async move {
                while Instant::now() < until {
                    join(&engine).await.expect("joins");
                    made.fetch_add(1, Relaxed);
                    store.told.fetch_add(1, Relaxed);
                }
            });
        }
        sleep(CALL / 3).await;
    }
    tasks.join_all().await;
    made.iter().map(|made| made.load(Relaxed)).collect()
}

fn is_fair(made: &[usize]) -> bool {
    let (least, most) = (made.iter().min(), made.iter().max());
    least
        .zip(most)
        .is_some_and(|(least, most)| least * 5 >= most * 4)
}

const SPAN: Duration = Duration::from_secs(2);

#[tokio::test(start_paused = true)]
async fn processes_that_take_turns_do_not_conflict() {
    let store = Turns::new();
    let made = rush(&store, 4, MANY, SPAN).await;
    assert_eq!(store.conflicts.load(Relaxed), 0);
    assert!(is_fair(&made), "{made:?} joins");
}

/// A turn takes fifteen milliseconds and the two commits at its end, at most.
#[tokio::test(start_paused = true)]
async fn a_turn_ends_while_others_wait() {
    let store = Turns::new();
    rush(&store, 2, MANY, SPAN).await;
    let longest = store.longest.load(Relaxed);
    assert!((15..=18).contains(&longest), "a turn of {longest} ms");
}

/// However many who wait for no turn come between.
#[tokio::test(start_paused = true)]
async fn a_turn_ends_though_nothing_comes_of_it() {
    let store = Turns::new();
    join(&process(&store)).await.expect("joins");
    let mut tasks = JoinSet::new();
    for engine in [process(&store), process(&store)] {
        tasks.spawn(async move {
            loop {
                drop(join(&engine).await);
            }
        });
    }
    let until = Instant::now() + SPAN;
    while Instant::now() < until {
        bump(&store.store).await;
        sleep(CALL / 2).await;
    }
    let longest = store.longest.load(Relaxed);
    assert!((15..=18).contains(&longest), "a turn of {longest} ms");
}

/// Moves the head, with nothing changed.
async fn bump(store: &MemoryStore) {
    let view = store.read(&group(), &Query::default()).await;
    let view = view.expect("reads");
    let root = &view.records[0];
    let batch = Batch {
        expect: view.head,
        commit_id: CommitId::random(),
        at: view.at,
        writes: vec![Write::put(root.key.clone(), root.value.clone())],
    };
    store.commit(&group(), batch).await.expect("commits");
}

/// Who does not know of others would never let one in who is slower.
#[tokio::test(start_paused = true)]
async fn whoever_is_busy_for_long_takes_a_turn_now_and_then() {
    let store = Turns::new();
    rush(&store, 1, MANY, SPAN).await;
    let asked = store.asked.load(Relaxed);
    assert!((60..=80).contains(&asked), "asked for {asked} turns");
    assert_eq!(store.conflicts.load(Relaxed), 0);
}

/// The first is never idle, though it has nothing to do after each commit for a moment.
#[tokio::test(start_paused = true)]
async fn a_single_caller_who_asks_without_a_pause_lets_others_in() {
    let store = Turns::new();
    let made = rush(&store, 2, 1, SPAN).await;
    assert!(is_fair(&made), "{made:?} joins");
}

#[tokio::test(start_paused = true)]
async fn whoever_has_joined_is_told_before_a_turn_is_waited_for() {
    let store = Turns::new();
    let turn = store.turn.clone().lock_owned().await;
    let made = tokio::spawn({
        let store = store.clone();
        async move { rush(&store, 1, MANY, SPAN).await }
    });
    sleep(SPAN / 2).await;
    let told = store.told.load(Relaxed);
    let view = store.read(&group(), &Query::default()).await;
    let root = view.expect("reads").records.remove(0);
    let taken = serde_json::from_slice::<serde_json::Value>(&root.value).expect("JSON");
    assert_eq!(taken["taken"], told, "{taken}");
    drop(turn);
    made.await.expect("no panic");
}
