//! What the engine promises of commands that presume their partition absent.
#![cfg(feature = "conformance")]

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU32, Ordering},
};

use mp_core::{
    Caller, Command, Decision, Document, Edits, Engine, Error, ErrorKind, Family, Timestamp,
    clock::ManualClock,
    conformance::{Call, HookedStore, Phase},
    entropy::SeededEntropy,
    idempotency::Idempotency,
    store::{MemoryStore, Partition, Store, StoreErrorKind},
};
use serde::{Deserialize, Serialize};

/// Versions begin with it; one that is no multiple of 64 has no answers pruned.
const START: i64 = 1_800_000_000_000_001;

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Counter {
    count: u64,
}

impl Document for Counter {
    const KIND: &'static str = "counter";
    const FORMAT: u32 = 1;
}

/// What was asked of a store, in order.
type Calls = Arc<Mutex<Vec<Call>>>;

fn partition() -> Partition {
    Partition::parse("test/counter/1").expect("a well-formed id")
}

fn engine(store: Arc<dyn Store>) -> Engine {
    let clock = Arc::new(ManualClock::at(Timestamp::from_micros(START)));
    Engine::new(store, clock, Arc::new(SeededEntropy::new(1)))
}

/// Notes each call, and loses the answer to the first commit if told so.
fn noted(inner: Arc<dyn Store>, loses: bool) -> (Engine, Calls) {
    let calls = Calls::default();
    let noted = calls.clone();
    let hook = move |call: Call, phase: Phase, _: Option<&Partition>| {
        let mut noted = noted.lock().unwrap_or_else(PoisonError::into_inner);
        if phase == Phase::Before {
            noted.push(call);
        }
        let commits = noted.iter().filter(|call| **call == Call::Commit).count();
        let lost = loses && call == Call::Commit && phase == Phase::After && commits == 1;
        async move {
            if lost {
                Err(StoreErrorKind::Unknown)
            } else {
                Ok(())
            }
        }
    };
    (engine(Arc::new(HookedStore::new(inner, hook))), calls)
}

fn taken(calls: &Calls) -> Vec<Call> {
    std::mem::take(&mut calls.lock().unwrap_or_else(PoisonError::into_inner))
}

fn add(family: &Family, _: Timestamp) -> Result<Decision<u64>, Error> {
    let count = family.root::<Counter>()?.map_or(0, |counter| counter.count) + 1;
    let mut edits = Edits::new();
    edits.put_root(Counter { count });
    Ok(edits.answer(count))
}

/// Opens the counter; there is one at most.
fn open(family: &Family, _: Timestamp) -> Result<Decision<u64>, Error> {
    if family.exists() {
        return Err(Error::new(ErrorKind::Refused, "open", "it is open"));
    }
    let mut edits = Edits::new();
    edits.put_root(Counter { count: 0 });
    Ok(edits.answer(0))
}

/// Adds to a counter that is open.
fn add_to_open(family: &Family, now: Timestamp) -> Result<Decision<u64>, Error> {
    if !family.exists() {
        return Err(Error::not_found("counter"));
    }
    add(family, now)
}

fn presuming() -> Command {
    Command::on(partition()).presume_absent()
}

fn once(key: &str) -> Idempotency {
    let caller = Caller::user("test".parse().expect("app"), "ada".parse().expect("user"));
    Idempotency::new(&caller, "counter.add", &key.parse().expect("key"), &()).expect("serialises")
}

#[tokio::test]
async fn what_is_presumed_absent_is_created_without_a_read() {
    let (engine, calls) = noted(Arc::new(MemoryStore::new()), false);
    let command = presuming().once(once("k"));
    let opened = engine.run(command.clone(), open).await.expect("opens");
    assert!(!opened.replayed);
    assert_eq!(taken(&calls), [Call::Commit]);
    let again = engine.run(command, open).await.expect("is remembered");
    assert!(again.replayed);
}

#[tokio::test]
async fn a_wrong_presumption_is_decided_on_what_is_there() {
    let inner = Arc::new(MemoryStore::new());
    let (there, _) = noted(inner.clone(), false);
    let key = Command::on(partition()).once(once("k"));
    there.run(key, add).await.expect("adds");

    let (other, calls) = noted(inner.clone(), false);
    assert_eq!(other.run(presuming(), add).await.expect("adds").answer, 2);
    assert_eq!(taken(&calls), [Call::Commit, Call::Read, Call::Commit]);

    let (third, _) = noted(inner.clone(), false);
    let refused = third.run(presuming(), open).await.expect_err("it is there");
    assert_eq!(refused.code(), "open");

    let (fourth, _) = noted(inner, false);
    let recalled = fourth.run(presuming().once(once("k")), add).await;
    let recalled = recalled.expect("is remembered");
    assert_eq!((recalled.answer, recalled.replayed), (1, true));
}

#[tokio::test]
async fn no_refusal_rests_on_a_presumption() {
    let inner = Arc::new(MemoryStore::new());
    let (absent, calls) = noted(inner.clone(), false);
    let refused = absent.run(presuming(), add_to_open).await;
    assert_eq!(
        refused.expect_err("it is not there").kind(),
        ErrorKind::NotFound
    );
    assert_eq!(taken(&calls), [Call::Read], "the store was asked");

    let (there, _) = noted(inner.clone(), false);
    there
        .run(Command::on(partition()), open)
        .await
        .expect("opens");
    let (other, _) = noted(inner, false);
    let added = other.run(presuming(), add_to_open).await;
    assert_eq!(added.expect("it is there").answer, 1);
}

#[tokio::test(start_paused = true)]
async fn a_presumed_creation_whose_answer_is_lost_happens_once() {
    let inner = Arc::new(MemoryStore::new());
    let (engine, _) = noted(inner.clone(), true);
    let opened = engine.run(presuming().once(once("k")), open).await;
    assert_eq!(
        opened.expect("it was applied, and can be found out").answer,
        0
    );
    let (other, _) = noted(inner, false);
    let added = other.run(presuming(), add_to_open).await;
    assert_eq!(added.expect("it is there").answer, 1);
}

/// Another process's commit: it sets the counter, whatever it was.
async fn set(store: Arc<dyn Store>, count: u64) {
    let put = move |_: &Family, _: Timestamp| {
        let mut edits = Edits::new();
        edits.put_root(Counter { count });
        Ok::<_, Error>(edits.answer(()))
    };
    let other = engine(store);
    other
        .run(Command::on(partition()), put)
        .await
        .expect("puts");
}

/// Adds to a counter from a hundred on.
fn add_late(family: &Family, now: Timestamp) -> Result<Decision<u64>, Error> {
    match family.root::<Counter>()? {
        Some(counter) if counter.count >= 100 => add(family, now),
        _ => Err(Error::new(ErrorKind::Refused, "early", "early")),
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_may_have_been_served_is_told_so_whatever_is_presumed_afterwards() {
    let inner: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let (other, commits) = (inner.clone(), AtomicU32::new(0));
    // The first commit is applied, another process's follows, and the answer gets lost. The second one
    // conflicts, which parts the two commands, and from then on the store is out of reach.
    let hook = move |call: Call, phase: Phase, _: Option<&Partition>| {
        let number = match (call, phase) {
            (Call::Commit, Phase::Before) => commits.fetch_add(1, Ordering::SeqCst) + 1,
            _ => commits.load(Ordering::SeqCst),
        };
        let other = other.clone();
        async move {
            match (call, phase, number) {
                (Call::Commit, Phase::After, 1) => {
                    set(other, 100).await;
                    Err(StoreErrorKind::Unknown)
                }
                (Call::Commit, Phase::Before, 2) => Err(StoreErrorKind::Conflict),
                (_, _, 2..) => Err(StoreErrorKind::Unavailable),
                _ => Ok(()),
            }
        }
    };
    let engine = engine(Arc::new(HookedStore::new(inner.clone(), hook)));
    let open_once = |family: &Family, now: Timestamp| match family.exists() {
        true => Ok(Decision::unchanged(0)),
        false => open(family, now),
    };
    let (neighbour, served) = tokio::join!(
        engine.run(presuming().once(once("l")), add_late),
        engine.run(presuming().once_by_decision(once("k")), open_once),
    );
    let error = neighbour.expect_err("wrote in vain");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    let error = served.expect_err("nobody can tell");
    assert_eq!(error.kind(), ErrorKind::Unknown, "{error}");
}
