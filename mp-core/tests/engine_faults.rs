//! What the engine promises when several commands share a fate, on stores and clocks that
//! misbehave at a chosen moment.
#![cfg(feature = "conformance")]

use std::{
    future::Future,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU32, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use mp_core::{
    Caller, Clock, Command, Decision, Document, Edits, Engine, Error, ErrorKind, Family, Timestamp,
    clock::ManualClock,
    entropy::SeededEntropy,
    idempotency::{IDEMPOTENCY_MEMORY, Idempotency},
    store::{
        Batch, CommitId, Key, Limits, MemoryStore, Partition, Query, Store, StoreErrorKind, Write,
    },
};
use serde::{Deserialize, Serialize};
use tokio::{sync::Notify, task::JoinHandle};

use mp_core::conformance::{Call, HookedStore, Phase};

const START: i64 = 1_800_000_000_000_000;

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
struct Counter {
    count: u64,
    #[serde(default)]
    note: String,
}

impl Counter {
    fn of(count: u64) -> Self {
        let note = String::new();
        Self { count, note }
    }
}

impl Document for Counter {
    const KIND: &'static str = "counter";
    const FORMAT: u32 = 1;
}

fn partition() -> Partition {
    Partition::parse("test/counter/1").expect("a well-formed id")
}

fn engine(store: Arc<dyn Store>) -> Engine {
    let clock = Arc::new(ManualClock::at(Timestamp::from_micros(START)));
    Engine::new(store, clock, Arc::new(SeededEntropy::new(1)))
}

fn add(family: &Family, note: usize) -> Result<Decision<u64>, Error> {
    let count = family.root::<Counter>()?.map_or(0, |counter| counter.count) + 1;
    let mut edits = Edits::new();
    edits.put_root(Counter::of(count));
    if note > 0 {
        let note = "x".repeat(note);
        edits.put("note", Counter { count, note });
    }
    Ok(edits.answer(count))
}

fn once(key: &str) -> Idempotency {
    let caller = Caller::user("test".parse().expect("app"), "ada".parse().expect("user"));
    Idempotency::new(&caller, "counter.add", &key.parse().expect("key"), &()).expect("serialises")
}

/// Adds one and writes a note of so many bytes.
fn adding(engine: &Engine, key: Option<&str>, note: usize) -> JoinHandle<Result<u64, Error>> {
    let mut command = Command::on(partition()).key("note");
    if let Some(key) = key {
        command = command.once(once(key));
    }
    let engine = engine.clone();
    tokio::spawn(async move {
        let run = engine.run(command, move |family, _| add(family, note));
        Ok(run.await?.answer)
    })
}

async fn count(store: &dyn Store) -> u64 {
    let view = store
        .read(&partition(), &Query::default())
        .await
        .expect("reads");
    let root = view.records.first().map(|root| root.value.clone());
    root.map_or(0, |bytes| {
        let (counter, _) = mp_core::document::decode::<Counter>(&bytes).expect("a counter");
        counter.count
    })
}

/// Another process's commit: it sets the counter, whatever it was.
async fn set(store: &dyn Store, count: u64) {
    set_at(store, count, Timestamp::MIN).await;
}

/// Another process's commit at this time, or when the head was made.
async fn set_at(store: &dyn Store, count: u64, at: Timestamp) {
    let view = store
        .read(&partition(), &Query::default())
        .await
        .expect("reads");
    let value = mp_core::document::encode(&Counter::of(count), None).expect("encodes");
    let batch = Batch {
        expect: view.head,
        commit_id: CommitId::random(),
        at: view.at.max(at),
        writes: vec![Write::put(Key::root(), value)],
    };
    store.commit(&partition(), batch).await.expect("commits");
}

/// A store whose first call of a kind waits, after it was done, for a sign; and how to give it.
fn held(inner: Arc<dyn Store>, which: Call) -> (HookedStore, Arc<Notify>, Arc<Notify>) {
    let (reached, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (at, sign, calls) = (reached.clone(), go.clone(), Arc::new(AtomicU32::new(0)));
    let hook = move |call: Call, phase: Phase, _: Option<&Partition>| {
        let first =
            call == which && phase == Phase::After && calls.fetch_add(1, Ordering::SeqCst) == 0;
        let (at, sign) = (at.clone(), sign.clone());
        async move {
            if first {
                at.notify_one();
                sign.notified().await;
            }
            Ok(())
        }
    };
    (HookedStore::new(inner, hook), reached, go)
}

#[tokio::test]
async fn a_refusal_never_rests_on_a_read_older_than_the_call() {
    let inner: Arc<dyn Store> = Arc::new(MemoryStore::new());
    set(&*inner, 5).await;
    let (store, reached, go) = held(inner.clone(), Call::Read);
    let engine = engine(Arc::new(store));
    let take = |engine: &Engine| {
        let engine = engine.clone();
        tokio::spawn(async move {
            let decide = |family: &Family, _| {
                let count = family.root::<Counter>()?.map_or(0, |counter| counter.count);
                match count {
                    5 => Err(Error::new(ErrorKind::Refused, "full", "full")),
                    _ => Ok(Decision::unchanged(count)),
                }
            };
            engine.run(Command::on(partition()), decide).await
        })
    };
    let early = take(&engine);
    reached.notified().await;
    set(&*inner, 0).await;
    let late = take(&engine);
    tokio::task::yield_now().await;
    go.notify_one();
    assert_eq!(
        early.await.expect("joins").expect_err("was full").code(),
        "full"
    );
    assert_eq!(late.await.expect("joins").expect("has room").answer, 0);
}

#[tokio::test]
async fn one_command_that_cannot_be_written_does_not_fail_its_neighbours() {
    let inner: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let (store, reached, go) = held(inner.clone(), Call::Read);
    let engine = engine(Arc::new(store));
    let first = adding(&engine, None, 0);
    reached.notified().await;
    let sizes = [0, Limits::STANDARD.value_max, 0, 0];
    let others: Vec<_> = sizes.map(|note| adding(&engine, None, note)).into();
    tokio::task::yield_now().await;
    go.notify_one();
    assert_eq!(first.await.expect("joins").expect("adds"), 1);
    let mut answers = Vec::new();
    for other in others {
        answers.push(other.await.expect("joins").map_err(|error| error.code()));
    }
    assert_eq!(answers, [Ok(2), Err("store_limit"), Ok(3), Ok(4)]);
    assert_eq!(count(&*inner).await, 4);
}

#[tokio::test(start_paused = true)]
async fn after_a_lost_answer_no_later_failure_means_that_nothing_was_written() {
    let inner: Arc<dyn Store> = Arc::new(MemoryStore::new());
    set(&*inner, 0).await;
    let commits = Arc::new(AtomicU32::new(0));
    // The first commit is applied and its answer lost; then the store is out of reach for a while.
    let hook = move |call: Call, phase: Phase, _: Option<&Partition>| {
        let number = match (call, phase) {
            (Call::Commit, Phase::Before) => commits.fetch_add(1, Ordering::SeqCst) + 1,
            _ => commits.load(Ordering::SeqCst),
        };
        async move {
            match (call, phase, number) {
                (Call::Commit, Phase::After, 1) => Err(StoreErrorKind::Unknown),
                (Call::Read, Phase::Before, 1) | (Call::Commit, Phase::Before, 2) => {
                    Err(StoreErrorKind::Unavailable)
                }
                _ => Ok(()),
            }
        }
    };
    let engine = engine(Arc::new(HookedStore::new(inner.clone(), hook)));
    let answer = adding(&engine, None, 0).await.expect("joins");
    assert_eq!(answer.expect("it was applied, and can be found out"), 1);
    assert_eq!(count(&*inner).await, 1);
}

#[tokio::test]
async fn a_command_with_a_key_learns_its_outcome_whatever_its_neighbours_can() {
    let inner: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let (store, reached, go) = held(inner.clone(), Call::Read);
    let commits = Arc::new(AtomicU32::new(0));
    let other = inner.clone();
    // The second commit is applied, another process's follows, and the answer gets lost.
    let hook = move |call: Call, phase: Phase, _: Option<&Partition>| {
        let second = call == Call::Commit
            && phase == Phase::After
            && commits.fetch_add(1, Ordering::SeqCst) == 1;
        let other = other.clone();
        async move {
            if second {
                set(&*other, 100).await;
                return Err(StoreErrorKind::Unknown);
            }
            Ok(())
        }
    };
    let engine = engine(Arc::new(HookedStore::new(Arc::new(store), hook)));
    let first = adding(&engine, None, 0);
    reached.notified().await;
    let keyed = adding(&engine, Some("k"), 0);
    let keyless = adding(&engine, None, 0);
    tokio::task::yield_now().await;
    go.notify_one();
    assert_eq!(first.await.expect("joins").expect("adds"), 1);
    assert_eq!(keyed.await.expect("joins").expect("is recalled"), 2);
    let error = keyless.await.expect("joins").expect_err("nobody can tell");
    assert_eq!(error.kind(), ErrorKind::Unknown);
    assert_eq!(count(&*inner).await, 100, "nothing was done twice");
}

#[tokio::test]
async fn an_outage_after_an_unclear_outcome_does_not_mean_that_nothing_was_written() {
    let inner: Arc<dyn Store> = Arc::new(MemoryStore::new());
    set(&*inner, 0).await;
    let reads = Arc::new(AtomicU32::new(0));
    let (other, asked) = (inner.clone(), reads.clone());
    // The commit is applied, another process's follows, and the answer gets lost; the head is read,
    // which tells nothing, and then the store is out of reach for once.
    let hook = move |call: Call, phase: Phase, _: Option<&Partition>| {
        let committed = call == Call::Commit && phase == Phase::After;
        let read = call == Call::Read && phase == Phase::Before;
        let number = if read {
            asked.fetch_add(1, Ordering::SeqCst) + 1
        } else {
            0
        };
        let other = other.clone();
        async move {
            if committed {
                set(&*other, 100).await;
                return Err(StoreErrorKind::Unknown);
            }
            match number {
                3 => Err(StoreErrorKind::Unavailable),
                _ => Ok(()),
            }
        }
    };
    let engine = engine(Arc::new(HookedStore::new(inner.clone(), hook)));
    let lost = adding(&engine, Some("k"), 0).await.expect("joins");
    assert_eq!(reads.load(Ordering::SeqCst), 3, "decided, asked, and again");
    let error = lost.expect_err("nobody can tell yet");
    assert_eq!(error.kind(), ErrorKind::Unknown, "{error}");
    let recalled = adding(&engine, Some("k"), 0).await.expect("joins");
    assert_eq!(recalled.expect("the key tells"), 1);
    assert_eq!(count(&*inner).await, 100, "nothing was done twice");
}

/// Adds one under a key, but only from a hundred on.
fn adding_late(engine: &Engine, key: &str) -> JoinHandle<Result<u64, Error>> {
    let command = Command::on(partition()).key("note").once(once(key));
    let engine = engine.clone();
    let decide = |family: &Family, _| match family.root::<Counter>()? {
        Some(counter) if counter.count >= 100 => add(family, 0),
        _ => Err(Error::new(ErrorKind::Refused, "early", "early")),
    };
    tokio::spawn(async move { Ok(engine.run(command, decide).await?.answer) })
}

#[tokio::test]
async fn whoever_may_have_been_served_is_told_so_though_a_neighbour_writes_in_vain() {
    let inner: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let (store, reached, go) = held(inner.clone(), Call::Read);
    let commits = Arc::new(AtomicU32::new(0));
    let other = inner.clone();
    // The second commit is applied, another process's follows, and the answer gets lost; the third one
    // meets a store that is out of reach.
    let hook = move |call: Call, phase: Phase, _: Option<&Partition>| {
        let number = match (call, phase) {
            (Call::Commit, Phase::Before) => commits.fetch_add(1, Ordering::SeqCst) + 1,
            _ => commits.load(Ordering::SeqCst),
        };
        let other = other.clone();
        async move {
            match (call, phase, number) {
                (Call::Commit, Phase::After, 2) => {
                    set(&*other, 100).await;
                    Err(StoreErrorKind::Unknown)
                }
                (Call::Commit, Phase::Before, 3) => Err(StoreErrorKind::Unavailable),
                _ => Ok(()),
            }
        }
    };
    let engine = engine(Arc::new(HookedStore::new(Arc::new(store), hook)));
    let first = adding(&engine, None, 0);
    reached.notified().await;
    let served = adding(&engine, Some("k"), 0);
    let neighbour = adding_late(&engine, "l");
    tokio::task::yield_now().await;
    go.notify_one();
    assert_eq!(first.await.expect("joins").expect("adds"), 1);
    let error = served.await.expect("joins").expect_err("nobody can tell");
    assert_eq!(error.kind(), ErrorKind::Unknown, "{error}");
    let error = neighbour.await.expect("joins").expect_err("wrote in vain");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    let recalled = adding(&engine, Some("k"), 0).await.expect("joins");
    assert_eq!(recalled.expect("the key tells"), 2);
    assert_eq!(count(&*inner).await, 100, "nothing was done twice");
}

#[tokio::test]
async fn a_panicking_decision_takes_nobody_with_it() {
    let inner: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let (store, reached, go) = held(inner.clone(), Call::Read);
    let engine = engine(Arc::new(store));
    let first = adding(&engine, None, 0);
    reached.notified().await;
    let before = adding(&engine, None, 0);
    let panicking = {
        let engine = engine.clone();
        let panics = |_: &Family, _| -> Result<Decision<()>, Error> { panic!("a bug") };
        tokio::spawn(async move { engine.run(Command::on(partition()), panics).await })
    };
    let after = adding(&engine, None, 0);
    tokio::task::yield_now().await;
    go.notify_one();
    assert_eq!(first.await.expect("joins").expect("adds"), 1);
    assert_eq!(before.await.expect("joins").expect("adds"), 2);
    let error = panicking.await.expect("joins").expect_err("is told");
    assert_eq!(error.code(), "abandoned");
    assert_eq!(after.await.expect("joins").expect("adds"), 3);
}

/// A clock that runs by one microsecond with every look at it.
#[derive(Debug)]
struct Ticking(AtomicI64);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.fetch_add(1, Ordering::SeqCst))
    }
}

#[tokio::test]
async fn a_command_that_meets_midnight_is_carried_out_all_the_same() {
    let day = i64::try_from(IDEMPOTENCY_MEMORY.as_micros()).expect("fits");
    let midnight = START / day * day + day;
    for early in 0..12 {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        adding(&engine(store.clone()), None, 0)
            .await
            .expect("joins")
            .expect("adds");
        let clock = Arc::new(Ticking(AtomicI64::new(midnight - early)));
        let engine = Engine::new(store, clock, Arc::new(SeededEntropy::new(1)));
        let answer = adding(&engine, Some("k"), 0).await.expect("joins");
        answer.unwrap_or_else(|error| panic!("{early} early: {error}"));
    }
}

#[tokio::test]
async fn the_time_of_what_is_planned_does_not_run_back_at_midnight() {
    let day = i64::try_from(IDEMPOTENCY_MEMORY.as_micros()).expect("fits");
    let midnight = START / day * day + day;
    let later = Timestamp::from_micros(midnight).plus(Duration::from_secs(5));
    let inner: Arc<dyn Store> = Arc::new(MemoryStore::new());
    set(&*inner, 6).await;
    let (other, reads) = (inner.clone(), Arc::new(AtomicU32::new(0)));
    // What is to be read changes at midnight; before it is read again, another process commits, whose
    // clock is ahead.
    let hook = move |call: Call, phase: Phase, _: Option<&Partition>| {
        let read = (call, phase) == (Call::Read, Phase::Before);
        let second = read && reads.fetch_add(1, Ordering::SeqCst) == 1;
        let other = other.clone();
        async move {
            if second {
                set_at(&*other, 7, later).await;
            }
            Ok(())
        }
    };
    let store = Arc::new(HookedStore::new(inner, hook));
    let clock = Arc::new(Ticking(AtomicI64::new(midnight - 1)));
    let engine = Engine::new(store, clock, Arc::new(SeededEntropy::new(1)));
    let command = Command::on(partition()).key("note").once(once("k"));
    let planned = engine.plan(command, |family, _| add(family, 0)).await;
    let planned = planned.expect("plans");
    assert_eq!(planned.answer, 8, "it saw what the other has done");
    let at = planned.batch.expect("it writes").at;
    assert!(at >= later, "{at} is before {later}");
}

#[test]
fn a_runtime_that_stops_before_a_command_ran_does_not_lock_its_partition() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_time().build().expect("a runtime")
    };
    let engine = engine(Arc::new(MemoryStore::new()));
    let first = runtime();
    let accepted = first.block_on(async {
        let mut call = pin!(engine.run(Command::on(partition()), |family, _| add(family, 0)));
        call.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    });
    assert!(matches!(accepted, Poll::Pending));
    drop(first);
    let answer = runtime().block_on(async {
        let call = adding(&engine, None, 0);
        tokio::time::timeout(Duration::from_secs(5), call).await
    });
    let answer = answer.expect("is not locked").expect("joins");
    assert_eq!(answer.expect("adds"), 1);
}

#[tokio::test]
async fn a_store_with_small_limits_is_filled_in_order() {
    let inner: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let (store, reached, go) = held(inner.clone(), Call::Read);
    let mut limits = inner.limits();
    limits.writes_max = 4;
    let engine = engine(Arc::new(store.with_limits(limits)));
    let first = adding(&engine, None, 0);
    reached.notified().await;
    let keys: Vec<String> = (0..20).map(|number| format!("k{number}")).collect();
    let others: Vec<_> = keys
        .iter()
        .map(|key| adding(&engine, Some(key), 0))
        .collect();
    tokio::task::yield_now().await;
    go.notify_one();
    assert_eq!(first.await.expect("joins").expect("adds"), 1);
    let mut answers = Vec::new();
    for other in others {
        answers.push(other.await.expect("joins").expect("adds"));
    }
    assert_eq!(
        answers,
        (2..=21).collect::<Vec<_>>(),
        "first come, first served"
    );
}

#[tokio::test]
async fn a_refusal_prunes_nothing() {
    let inner: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let reads = Arc::new(AtomicU32::new(0));
    let counted = reads.clone();
    let hook = move |call: Call, phase: Phase, _: Option<&Partition>| {
        if (call, phase) == (Call::Read, Phase::Before) {
            counted.fetch_add(1, Ordering::SeqCst);
        }
        async { Ok(()) }
    };
    let engine = engine(Arc::new(HookedStore::new(inner.clone(), hook)));
    // Every version is tried, because some are those at which old answers are pruned.
    for number in 0..130 {
        set(&*inner, number).await;
        reads.store(0, Ordering::SeqCst);
        for most in [2, 1] {
            let refuse = |_: &Family, _| -> Result<Decision<()>, Error> {
                Err(Error::new(ErrorKind::Refused, "full", "full"))
            };
            let refusal = engine.run(Command::on(partition()), refuse).await;
            assert_eq!(refusal.expect_err("refuses").code(), "full");
            let reads = reads.swap(0, Ordering::SeqCst);
            assert!(reads <= most, "{reads} reads, commit {number}");
        }
    }
}
