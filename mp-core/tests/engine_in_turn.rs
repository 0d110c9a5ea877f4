//! What the engine promises where several processes contend for a partition: they take turns.
#![cfg(feature = "conformance")]

use std::{
    future::ready,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use mp_core::{
    Command, Decision, Document, Edits, Engine, Error, ErrorKind, Family, Timestamp,
    clock::ManualClock,
    conformance::{Call, HookedStore, Phase},
    entropy::SeededEntropy,
    store::{MemoryStore, Partition, Store, StoreErrorKind},
};
use serde::{Deserialize, Serialize};
use tokio::{task::JoinHandle, time::sleep};

/// How many turns before which nobody else came it takes until none are taken any more.
const TURNS: usize = 8;

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

/// Two engines on one store, the first of which takes turns, and what the first has asked of it.
struct Rig {
    engine: Engine,
    rival: Engine,
    calls: Arc<Mutex<Vec<Call>>>,
    faults: Faults,
}

impl Rig {
    async fn new(turns: bool) -> Self {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let (calls, faults) = (Arc::default(), Faults::default());
        let mut hooked = hooked(store.clone(), &calls, &faults);
        if turns {
            hooked = hooked.with_turns();
        }
        let clock = clock();
        let rig = Self {
            engine: engine(Arc::new(hooked), &clock),
            rival: engine(store, &clock),
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
    Ok(engine.run(Command::on(group()), decide).await?.answer)
}

/// Lets a turn end that is kept for those who may be about to ask again.
async fn rest() {
    sleep(Duration::from_millis(20)).await;
}

/// A turn is worth more than one commit.
#[tokio::test(start_paused = true)]
async fn a_turn_is_kept_for_whoever_asks_again_at_once() {
    let rig = Rig::new(true).await;
    rig.contend().await;
    rig.heard();
    for _ in 0..3 {
        take(&rig.engine, 1).await.expect("commits");
    }
    assert_eq!(rig.heard(), [Call::Commit; 3]);
    rest().await;
    take(&rig.engine, 1).await.expect("commits");
    assert_eq!(rig.heard(), [Call::TakeTurn, Call::Commit]);
}

#[tokio::test(start_paused = true)]
async fn what_has_conflicted_is_committed_in_turn() {
    let rig = Rig::new(true).await;
    assert_eq!(rig.contend().await, 3);
    let calls = [Call::Commit, Call::Read, Call::TakeTurn, Call::Commit];
    assert_eq!(rig.heard(), calls);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_turn_where_nobody_contends() {
    let rig = Rig::new(true).await;
    for _ in 0..3 {
        take(&rig.engine, 1).await.expect("commits");
    }
    assert_eq!(rig.heard(), [Call::Commit; 3]);
}

#[tokio::test(start_paused = true)]
async fn those_who_only_look_wait_for_no_turn() {
    let rig = Rig::new(true).await;
    rig.contend().await;
    rig.heard();
    take(&rig.rival, 1).await.expect("commits");
    assert_eq!(count(&rig.engine).await, 4);
    assert_eq!(rig.heard(), [Call::Read; 2], "the head, then all of it");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_gives_no_turns_is_done_without() {
    let rig = Rig::new(false).await;
    assert_eq!(rig.contend().await, 3);
    assert_eq!(rig.heard(), [Call::Commit, Call::Read, Call::Commit]);
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_cannot_be_had_is_done_without() {
    let rig = Rig::new(true).await;
    rig.fault(Call::TakeTurn, Phase::Before, StoreErrorKind::Unavailable);
    assert_eq!(rig.contend().await, 3);
    take(&rig.engine, 1).await.expect("commits");
    let calls = [Call::Commit, Call::Read, Call::TakeTurn, Call::Commit];
    let later = [Call::TakeTurn, Call::Commit];
    assert_eq!(rig.heard(), [&calls[..], &later].concat());
}

/// What is decided while the turn is waited for rests on a state that others may have changed.
#[tokio::test(start_paused = true)]
async fn what_has_changed_before_a_turn_is_decided_anew() {
    let rig = Rig::new(true).await;
    rig.contend().await;
    rest().await;
    take(&rig.rival, 5).await.expect("commits");
    rig.heard();
    assert_eq!(take(&rig.engine, 1).await.expect("commits"), 9);
    assert_eq!(rig.heard(), [Call::TakeTurn, Call::Commit]);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_may_rest_on_what_a_turn_shows() {
    let rig = Rig::new(true).await;
    rig.contend().await;
    rest().await;
    take(&rig.rival, 99_997).await.expect("commits");
    rig.heard();
    let refused = take(&rig.engine, 1).await.expect_err("is full");
    assert_eq!(refused.code(), "full");
    assert_eq!(rig.heard(), [Call::TakeTurn], "no other look at the head");
}

#[tokio::test(start_paused = true)]
async fn turns_are_taken_until_nobody_has_come_between_for_a_while() {
    let rig = Rig::new(true).await;
    rig.contend().await;
    rig.heard();
    // One turn was taken already.
    for _ in 0..TURNS + 2 {
        rest().await;
        take(&rig.engine, 1).await.expect("commits");
    }
    let turns = [Call::TakeTurn, Call::Commit].repeat(TURNS - 1);
    assert_eq!(rig.heard(), [&turns[..], &[Call::Commit; 3]].concat());
}

/// Two engines, of which the first is to be told apart from those who come late.
type Pair = (Engine, Engine);

#[tokio::test(start_paused = true)]
async fn nothing_that_came_after_a_turn_has_begun_rests_on_what_was_read() {
    let memory: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let pair: Arc<OnceLock<Pair>> = Arc::default();
    let late: Arc<Mutex<Option<JoinHandle<u32>>>> = Arc::default();
    let (engines, asked) = (pair.clone(), late.clone());
    let hook = move |call, phase, _: Option<&Partition>| {
        let (engines, asked) = (engines.clone(), asked.clone());
        async move {
            if (call, phase) == (Call::TakeTurn, Phase::After)
                && let Some((engine, rival)) = engines.get().cloned()
            {
                // The rival commits in spite of the turn, and whoever asks now has heard of that.
                put(&rival, 7).await;
                let count = tokio::spawn(async move { count(&engine).await });
                tokio::task::yield_now().await;
                let mut asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
                asked.get_or_insert(count);
            }
            Ok(())
        }
    };
    let hooked = HookedStore::new(memory.clone(), hook).with_turns();
    let clock = clock();
    let (engine, rival) = (engine(Arc::new(hooked), &clock), engine(memory, &clock));
    for engine in [&engine, &rival, &engine] {
        take(engine, 1).await.expect("commits");
    }
    rest().await;
    put(&rival, 100_000).await;
    drop(pair.set((engine.clone(), rival)));
    // May be refused on what the turn shows: it was so when this was asked.
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
