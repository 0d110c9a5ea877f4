//! What the engine promises where several processes contend for a partition: it holds it.
#![cfg(feature = "conformance")]

use std::{
    future::ready,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use mp_core::{
    Caller, Command, Decision, Document, Edits, Engine, Error, ErrorKind, Family, Timestamp,
    clock::ManualClock,
    conformance::{Call, HookedStore, Phase},
    entropy::SeededEntropy,
    idempotency::{IDEMPOTENCY_MEMORY, IDEMPOTENCY_PREFIX, Idempotency},
    store::{Key, Limits, MemoryStore, Partition, Query, Selection, Store, StoreErrorKind},
};
use serde::{Deserialize, Serialize};
use tokio::task::{JoinHandle, JoinSet};

/// How many commits in which nobody else comes between it takes until a partition is not held.
const TURNS: usize = 64;

#[derive(Deserialize, Serialize)]
struct Group {
    taken: u32,
    size: u32,
}

impl Document for Group {
    const KIND: &'static str = "group";
    const FORMAT: u32 = 1;
}

/// What the store answers to the next calls of a kind, instead of what it does.
type Faults = Arc<Mutex<Vec<(Call, Phase, StoreErrorKind)>>>;

/// Two engines on one store, the first of which holds, and what the first has asked of it.
struct Rig {
    engine: Engine,
    rival: Engine,
    clock: Arc<ManualClock>,
    calls: Arc<Mutex<Vec<Call>>>,
    faults: Faults,
}

impl Rig {
    async fn new(holds: bool) -> Self {
        Self::of(|store| if holds { store.with_holds() } else { store }).await
    }

    async fn of(kind: impl FnOnce(HookedStore) -> HookedStore) -> Self {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let (calls, faults) = (Arc::default(), Faults::default());
        let hooked = kind(hooked(store.clone(), &calls, &faults));
        let clock = clock();
        let rig = Self {
            engine: engine(Arc::new(hooked), &clock),
            rival: engine(store, &clock),
            clock,
            calls,
            faults,
        };
        take(&rig.engine, 1).await.expect("opens");
        rig.heard();
        rig
    }

    /// Lets the rival commit, which the engine's state in memory knows nothing of, and then the
    /// engine, whose commit conflicts.
    async fn contend(&self) -> u32 {
        take(&self.rival, 1).await.expect("commits");
        take(&self.engine, 1).await.expect("commits")
    }

    /// Returns what was asked of the store since the last time.
    fn heard(&self) -> Vec<Call> {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *calls)
    }

    fn fault(&self, call: Call, phase: Phase, kind: StoreErrorKind) {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        faults.push((call, phase, kind));
    }
}

fn hooked(store: Arc<dyn Store>, calls: &Arc<Mutex<Vec<Call>>>, faults: &Faults) -> HookedStore {
    let (calls, faults) = (calls.clone(), faults.clone());
    let hook = move |call, phase, _: Option<&Partition>| {
        if phase == Phase::Before {
            let mut calls = calls.lock().unwrap_or_else(PoisonError::into_inner);
            calls.push(call);
        }
        let mut faults = faults.lock().unwrap_or_else(PoisonError::into_inner);
        let meant = faults
            .iter()
            .position(|(of, when, _)| (*of, *when) == (call, phase));
        ready(meant.map_or(Ok(()), |at| Err(faults.remove(at).2)))
    };
    HookedStore::new(store, hook)
}

fn clock() -> Arc<ManualClock> {
    let now = Timestamp::from_micros(1_800_000_000_000_000);
    Arc::new(ManualClock::at(now))
}

fn engine(store: Arc<dyn Store>, clock: &Arc<ManualClock>) -> Engine {
    Engine::new(store, clock.clone(), Arc::new(SeededEntropy::new(1)))
}

fn group() -> Partition {
    Partition::parse("test/group/1").expect("a partition")
}

/// Takes seats of a hundred thousand, if there are so many, and returns how many are taken.
async fn take(engine: &Engine, seats: u32) -> Result<u32, Error> {
    take_by(engine, Command::on(group()), seats).await
}

async fn take_by(engine: &Engine, command: Command, seats: u32) -> Result<u32, Error> {
    let decide = move |family: &Family, _: Timestamp| -> Result<Decision<u32>, Error> {
        let (taken, size) = family
            .root::<Group>()?
            .map_or((0, 100_000), |group| (group.taken, group.size));
        let taken = taken + seats;
        if taken > size {
            return Err(Error::new(ErrorKind::Refused, "full", "no seat is free"));
        }
        let mut edits = Edits::new();
        edits.put_root(Group { taken, size });
        Ok(edits.answer(taken))
    };
    Ok(engine.run(command, decide).await?.answer)
}

#[tokio::test]
async fn what_has_conflicted_is_held_before_it_is_decided_anew() {
    let rig = Rig::new(true).await;
    assert_eq!(rig.contend().await, 3);
    assert_eq!(rig.heard(), [Call::Commit, Call::Hold, Call::Commit]);
}

#[tokio::test]
async fn nothing_is_held_for_which_nobody_contends() {
    let rig = Rig::new(true).await;
    for _ in 0..3 {
        take(&rig.engine, 1).await.expect("commits");
    }
    assert_eq!(rig.heard(), [Call::Commit; 3]);
}

#[tokio::test]
async fn those_who_only_look_hold_nothing() {
    let rig = Rig::new(true).await;
    take(&rig.rival, 1).await.expect("commits");
    assert_eq!(count(&rig.engine).await, 2);
    assert_eq!(rig.heard(), [Call::Read; 2], "the head, then all of it");
}

#[tokio::test]
async fn a_store_that_holds_nothing_is_read_instead() {
    let rig = Rig::new(false).await;
    assert_eq!(rig.contend().await, 3);
    assert_eq!(rig.heard(), [Call::Commit, Call::Read, Call::Commit]);
}

#[tokio::test]
async fn a_hold_that_cannot_be_had_is_done_without() {
    let rig = Rig::new(true).await;
    rig.fault(Call::Hold, Phase::Before, StoreErrorKind::Unavailable);
    assert_eq!(rig.contend().await, 3);
    let calls = [Call::Commit, Call::Hold, Call::Read, Call::Commit];
    assert_eq!(rig.heard(), calls);
}

#[tokio::test]
async fn a_held_commit_whose_answer_is_lost_is_found_by_its_id() {
    let rig = Rig::new(true).await;
    take(&rig.rival, 1).await.expect("commits");
    rig.fault(Call::Commit, Phase::Before, StoreErrorKind::Conflict);
    rig.fault(Call::Commit, Phase::After, StoreErrorKind::Unknown);
    assert_eq!(take(&rig.engine, 1).await.expect("commits"), 3);
    let calls = [Call::Commit, Call::Hold, Call::Commit, Call::Read];
    assert_eq!(rig.heard(), calls);
    assert_eq!(take(&rig.rival, 1).await.expect("commits"), 4, "once");
}

#[tokio::test]
async fn a_hold_that_comes_to_nothing_is_done_without() {
    let rig = Rig::new(true).await;
    take(&rig.rival, 1).await.expect("commits");
    rig.fault(Call::Commit, Phase::Before, StoreErrorKind::Conflict);
    rig.fault(Call::Commit, Phase::Before, StoreErrorKind::Unavailable);
    assert_eq!(take(&rig.engine, 1).await.expect("commits"), 3);
    let calls = [Call::Commit, Call::Hold, Call::Commit, Call::Commit];
    assert_eq!(rig.heard(), calls);
}

#[tokio::test]
async fn a_refusal_may_rest_on_what_is_held() {
    let rig = Rig::new(true).await;
    take(&rig.rival, 99_999).await.expect("commits");
    let refused = take(&rig.engine, 1).await.expect_err("is full");
    assert_eq!(refused.code(), "full");
    let calls = [Call::Commit, Call::Hold];
    assert_eq!(rig.heard(), calls, "no other look at the head");
}

/// Two engines, of which the first is to be told apart from those who come late.
type Pair = (Engine, Engine);

#[tokio::test]
async fn nothing_that_came_after_a_hold_was_read_rests_on_what_was_read() {
    let memory: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let pair: Arc<OnceLock<Pair>> = Arc::default();
    let late: Arc<Mutex<Option<JoinHandle<u32>>>> = Arc::default();
    let (engines, asked) = (pair.clone(), late.clone());
    let hook = move |call, phase, _: Option<&Partition>| {
        let (engines, asked) = (engines.clone(), asked.clone());
        async move {
            if (call, phase) == (Call::Hold, Phase::After)
                && let Some((engine, rival)) = engines.get().cloned()
            {
                // The hold has ended, the rival commits, and whoever asks now has heard of that.
                put(&rival, 7).await;
                let count = tokio::spawn(async move { count(&engine).await });
                tokio::task::yield_now().await;
                let mut asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
                asked.get_or_insert(count);
            }
            Ok(())
        }
    };
    let hooked = HookedStore::new(memory.clone(), hook).with_holds();
    let clock = clock();
    let (engine, rival) = (engine(Arc::new(hooked), &clock), engine(memory, &clock));
    take(&engine, 1).await.expect("opens");
    put(&rival, 100_000).await;
    drop(pair.set((engine.clone(), rival)));
    // Conflicts, and may be refused on what the hold shows: it was so when this was asked.
    drop(take(&engine, 1).await);
    let late = late.lock().unwrap_or_else(PoisonError::into_inner).take();
    let counted = late.expect("asked").await.expect("no panic");
    assert!([7, 8].contains(&counted), "told {counted} after 7 were");
}

/// Puts so many seats as taken, whatever was.
async fn put(engine: &Engine, taken: u32) {
    let decide = move |_: &Family, _: Timestamp| -> Result<Decision<()>, Error> {
        let mut edits = Edits::new();
        let size = 100_000;
        edits.put_root(Group { taken, size });
        Ok(edits.answer(()))
    };
    let done = engine.run(Command::on(group()), decide).await;
    done.expect("commits");
}

/// Returns how many seats are taken.
async fn count(engine: &Engine) -> u32 {
    let decide = |family: &Family, _: Timestamp| -> Result<Decision<u32>, Error> {
        let taken = family.root::<Group>()?.map_or(0, |group| group.taken);
        Ok(Decision::unchanged(taken))
    };
    let counted = engine.run(Command::on(group()), decide).await;
    counted.expect("counts").answer
}

#[tokio::test]
async fn a_partition_is_held_until_nobody_has_come_between_for_a_while() {
    // So that each of those who wait has a commit to himself.
    let mut limits = Limits::STANDARD;
    limits.writes_max = 1;
    let rig = Rig::of(|store| store.with_holds().with_limits(limits)).await;
    take(&rig.rival, 1).await.expect("commits");
    let mut takes = JoinSet::new();
    for _ in 0..TURNS + 10 {
        let engine = rig.engine.clone();
        takes.spawn(async move { take(&engine, 1).await });
    }
    for taken in takes.join_all().await {
        taken.expect("commits");
    }
    let heard = rig.heard();
    let holds = heard.iter().filter(|call| **call == Call::Hold).count();
    assert_eq!(holds, TURNS + 1, "the first has seen that somebody came");
    assert!(heard.ends_with(&[Call::Commit, Call::Commit]), "{heard:?}");
}

#[tokio::test]
async fn a_partition_is_held_on_though_nobody_asks_for_a_moment() {
    let rig = Rig::new(true).await;
    rig.contend().await;
    rig.heard();
    // Each begins when nobody waits any more.
    for _ in 0..3 {
        take(&rig.engine, 1).await.expect("commits");
    }
    assert_eq!(rig.heard(), [Call::Hold, Call::Commit].repeat(3));
}

#[tokio::test]
async fn those_who_meet_a_conflict_in_spite_of_a_hold_become_fewer() {
    let rig = Rig::new(true).await;
    let conflicts = 3;
    for _ in 0..conflicts {
        rig.fault(Call::Commit, Phase::Before, StoreErrorKind::Conflict);
    }
    let mut takes = JoinSet::new();
    for _ in 0..16 {
        let engine = rig.engine.clone();
        takes.spawn(async move { take(&engine, 1).await });
    }
    for taken in takes.join_all().await {
        taken.expect("commits");
    }
    let heard = rig.heard();
    let commits = heard.iter().filter(|call| **call == Call::Commit).count();
    assert_eq!(commits, conflicts + 2, "some go first: {heard:?}");
}

#[tokio::test]
async fn what_is_contended_for_is_pruned_by_a_hold() {
    let rig = Rig::new(true).await;
    let caller = Caller::user("test".parse().expect("app"), "ada".parse().expect("user"));
    let key = "k1".parse().expect("a key");
    let once = Idempotency::new(&caller, "group.take", &key, &1).expect("serialises");
    let remembered = take_by(&rig.engine, Command::on(group()).once(once), 1).await;
    remembered.expect("commits");
    rig.clock.advance(IDEMPOTENCY_MEMORY * 3);
    rig.heard();
    rig.contend().await;
    // With the one before so many that after one of them it is looked what has lapsed.
    for _ in 1..TURNS {
        take(&rig.engine, 1).await.expect("commits");
    }
    let mut heard = rig.heard();
    assert_eq!(heard.remove(0), Call::Commit, "the conflict");
    let (looks, prunes) = (1, 1);
    let held = [Call::Hold, Call::Commit].repeat(TURNS + prunes);
    assert_eq!(heard.len(), held.len() + looks, "{heard:?}");
    heard.retain(|call| *call != Call::Read);
    assert_eq!(heard, held);
    let prefix = Key::new(IDEMPOTENCY_PREFIX).expect("a key");
    let query = Query {
        select: vec![Selection::Prefix(prefix)],
        limit: 10,
    };
    let view = rig.engine.store().read(&group(), &query).await;
    assert_eq!(view.expect("reads").records.len(), 1, "the root alone");
}
