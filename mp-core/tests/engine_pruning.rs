//! Remembered answers that have lapsed go, however many were written while they were remembered.
#![cfg(feature = "conformance")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use mp_core::{
    Caller, Command, Decision, Document, Edits, Engine, Error, Family,
    clock::{ManualClock, Timestamp},
    conformance::{Call, HookedStore, Phase},
    entropy::SeededEntropy,
    idempotency::{IDEMPOTENCY_MEMORY, IDEMPOTENCY_PREFIX, Idempotency},
    store::{Key, MemoryStore, Partition, Query, Selection, StoreErrorKind},
};
use serde::{Deserialize, Serialize};
use tokio::{task::JoinSet, time::sleep};

const ANSWERS: u64 = 12_000;

/// How many ask at the same time.
const CALLERS: u64 = 32;

#[tokio::test(start_paused = true)]
async fn a_partition_that_is_asked_now_and_then_is_rid_of_all_lapsed_answers() {
    let desk = Desk::new();
    desk.remember_many().await;
    desk.clock.advance(IDEMPOTENCY_MEMORY * 3);
    // One commit in 64 looks.
    for _ in 0..64 {
        desk.ask().await;
    }
    let left = desk.remembered().await;
    assert!(left <= 64, "{left} answers are left");
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_is_never_idle_is_rid_of_all_lapsed_answers() {
    let desk = Desk::new();
    desk.remember_many().await;
    desk.clock.advance(IDEMPOTENCY_MEMORY * 3);
    let each = 200;
    desk.ask_at_once(each).await;
    let left = desk.remembered().await;
    assert!(left <= CALLERS * each, "{left} answers are left");
}

#[tokio::test(start_paused = true)]
async fn what_the_store_does_not_take_is_pruned_after_a_later_commit() {
    let desk = Desk::new();
    desk.remember_many().await;
    desk.clock.advance(IDEMPOTENCY_MEMORY * 3);
    for _ in 0..64 {
        // The answer's commit, and nothing after it.
        desk.taken.store(1, Ordering::Relaxed);
        desk.ask().await;
        sleep(Duration::from_secs(1)).await;
    }
    let refused = desk.refused.load(Ordering::Relaxed);
    assert!((1..=64).contains(&refused), "{refused} tries");
    desk.taken.store(u64::MAX, Ordering::Relaxed);
    for _ in 0..64 {
        desk.ask().await;
    }
    let left = desk.remembered().await;
    assert!(left <= 128, "{left} answers are left");
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_is_written_by_planned_batches_alone_is_rid_of_all_lapsed_answers() {
    let desk = Desk::new();
    for _ in 0..300 {
        desk.plan_and_commit().await;
    }
    assert_eq!(desk.remembered().await, 300);
    desk.clock.advance(IDEMPOTENCY_MEMORY * 3);
    // The first of two pages may come with the last of the 64.
    for _ in 0..128 {
        desk.plan_and_commit().await;
    }
    assert_eq!(desk.remembered().await, 128);
}

/// A service with one partition, which people ask, each with a key of their own.
#[derive(Clone)]
struct Desk {
    engine: Engine,
    clock: Arc<ManualClock>,
    asked: Arc<AtomicU64>,
    /// How many commits the store takes still.
    taken: Arc<AtomicU64>,
    /// How many it has refused.
    refused: Arc<AtomicU64>,
}

impl Desk {
    /// On a store that takes a moment, as others do, so that meanwhile the next come in.
    fn new() -> Self {
        let (taken, refused) = (Arc::new(AtomicU64::new(u64::MAX)), Arc::default());
        let (left, count): (_, Arc<AtomicU64>) = (taken.clone(), Arc::clone(&refused));
        let moment = move |call, phase, _: Option<&Partition>| {
            let (left, count) = (left.clone(), count.clone());
            async move {
                sleep(Duration::from_millis(1)).await;
                if (call, phase) != (Call::Commit, Phase::Before) || take_one(&left) {
                    return Ok(());
                }
                count.fetch_add(1, Ordering::Relaxed);
                Err(StoreErrorKind::Unavailable)
            }
        };
        let store = HookedStore::new(Arc::new(MemoryStore::new()), moment);
        let start = Timestamp::from_micros(1_800_000_000_000_000);
        let clock = Arc::new(ManualClock::at(start));
        let entropy = Arc::new(SeededEntropy::new(1));
        Self {
            engine: Engine::new(Arc::new(store), clock.clone(), entropy),
            clock,
            asked: Arc::default(),
            taken,
            refused,
        }
    }

    /// Has more answers remembered than a few pages of pruning take.
    async fn remember_many(&self) {
        self.ask_at_once(ANSWERS / CALLERS).await;
        assert_eq!(self.remembered().await, ANSWERS);
    }

    /// Has all callers ask so often each, without a pause.
    async fn ask_at_once(&self, each: u64) {
        let mut callers = JoinSet::new();
        for _ in 0..CALLERS {
            let desk = self.clone();
            callers.spawn(async move {
                for _ in 0..each {
                    desk.ask().await;
                }
            });
        }
        callers.join_all().await;
    }

    async fn ask(&self) {
        let asked = self.engine.run(self.asking(), answer).await;
        asked.expect("answers");
    }

    /// Asks as a host does that commits the answer with data of its own.
    async fn plan_and_commit(&self) {
        let planned = self.engine.plan(self.asking(), answer).await;
        let batch = planned.expect("answers").batch.expect("writes");
        let committed = self.engine.store().commit(&partition(), batch).await;
        committed.expect("commits");
    }

    fn asking(&self) -> Command {
        let number = self.asked.fetch_add(1, Ordering::Relaxed);
        let caller = Caller::user("test".parse().expect("app"), "ada".parse().expect("user"));
        let key = format!("k{number}").parse().expect("a key");
        let once = Idempotency::new(&caller, "desk.ask", &key, &number);
        Command::on(partition()).once(once.expect("serialises"))
    }

    /// Returns how many answers the store has.
    async fn remembered(&self) -> u64 {
        let prefix = Key::new(IDEMPOTENCY_PREFIX).expect("a key");
        let query = Query {
            select: vec![Selection::Prefix(prefix)],
            limit: self.engine.store().limits().read_max,
        };
        let view = self.engine.store().read(&partition(), &query).await;
        view.expect("reads").records.len() as u64 - 1
    }
}

fn answer(family: &Family, _: Timestamp) -> Result<Decision<u64>, Error> {
    let asked = family.root::<Asked>()?.map_or(0, |asked| asked.times);
    let mut edits = Edits::new();
    edits.put_root(Asked { times: asked + 1 });
    Ok(edits.answer(asked))
}

/// Takes one of what is left; returns whether there was any.
fn take_one(left: &AtomicU64) -> bool {
    let less = |left: u64| left.checked_sub(1);
    let taken = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    taken.is_ok()
}

#[derive(Deserialize, Serialize)]
struct Asked {
    times: u64,
}

impl Document for Asked {
    const KIND: &'static str = "asked";
    const FORMAT: u32 = 1;
}

fn partition() -> Partition {
    Partition::parse("test/desk/1").expect("a well-formed id")
}
