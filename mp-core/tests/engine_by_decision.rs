//! What the engine promises of commands whose decision tells a repetition by itself.
#![cfg(feature = "conformance")]

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use mp_core::{
    Caller, Command, Decision, Document, Edits, Engine, Error, Family, Timestamp,
    clock::ManualClock,
    conformance::{Call, HookedStore, Phase},
    entropy::SeededEntropy,
    idempotency::Idempotency,
    store::{Key, MemoryStore, Partition, Query, Selection, Store, StoreErrorKind},
};
use serde::{Deserialize, Serialize};

/// Who took which number.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
struct Register {
    numbers: BTreeMap<String, u64>,
}

impl Document for Register {
    const KIND: &'static str = "register";
    const FORMAT: u32 = 1;
}

fn partition() -> Partition {
    Partition::parse("test/register/1").expect("a well-formed id")
}

fn engine(store: Arc<dyn Store>) -> Engine {
    let clock = ManualClock::at(Timestamp::from_micros(1_800_000_000_000_001));
    Engine::new(store, Arc::new(clock), Arc::new(SeededEntropy::new(1)))
}

fn once(key: &str) -> Idempotency {
    let caller = Caller::user("test".parse().expect("app"), "ada".parse().expect("user"));
    Idempotency::new(&caller, "register.take", &key.parse().expect("key"), &()).expect("serialises")
}

/// Takes the next number under a key, or tells the one that was taken under it.
fn take(key: &str) -> impl Fn(&Family, Timestamp) -> Result<Decision<u64>, Error> + Send + 'static {
    let key = key.to_owned();
    move |family, _| {
        let register = family.root::<Register>()?.unwrap_or_default();
        if let Some(known) = register.numbers.get(&key) {
            return Ok(Decision::unchanged(*known));
        }
        let mut register = Register::clone(&register);
        let number = register.numbers.len() as u64 + 1;
        register.numbers.insert(key.clone(), number);
        let mut edits = Edits::new();
        edits.put_root(register);
        Ok(edits.answer(number))
    }
}

fn taking(key: &str) -> Command {
    Command::on(partition()).once_by_decision(once(key))
}

async fn keys(store: &dyn Store) -> Vec<String> {
    let query = Query {
        select: vec![Selection::Prefix(Key::root())],
        limit: 100,
    };
    let view = store.read(&partition(), &query).await.expect("reads");
    let records = view.records.into_iter();
    records.map(|it| it.key.as_str().to_owned()).collect()
}

#[tokio::test]
async fn what_the_decision_tells_by_itself_is_remembered_nowhere_else() {
    let store = Arc::new(MemoryStore::new());
    let engine = engine(store.clone());
    for _ in 0..2 {
        for (key, number) in [("a", 1), ("b", 2)] {
            let taken = engine.run(taking(key), take(key)).await.expect("takes");
            assert_eq!(taken.answer, number);
        }
    }
    assert_eq!(keys(&*store).await, [""]);
}

#[tokio::test]
async fn after_a_lost_answer_the_decision_tells_whether_it_was_carried_out() {
    let inner: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let other = engine(inner.clone());
    let commits = AtomicU32::new(0);
    // The first commit is applied, another process's follows, and the answer gets lost.
    let hook = move |call: Call, phase: Phase, _: Option<&Partition>| {
        let commit = call == Call::Commit && phase == Phase::After;
        let lost = commit && commits.fetch_add(1, Ordering::SeqCst) == 0;
        let other = other.clone();
        async move {
            if lost {
                let taken = other.run(taking("other"), take("other")).await;
                assert_eq!(taken.expect("takes").answer, 2);
                return Err(StoreErrorKind::Unknown);
            }
            Ok(())
        }
    };
    let engine = engine(Arc::new(HookedStore::new(inner.clone(), hook)));
    let taken = engine.run(taking("mine"), take("mine")).await;
    assert_eq!(taken.expect("it was carried out").answer, 1);
    let third = engine.run(taking("third"), take("third")).await;
    assert_eq!(third.expect("takes").answer, 3, "nothing was done twice");
}

#[tokio::test]
async fn an_answer_that_was_remembered_before_is_told_to_a_decision_that_tells_by_itself() {
    let engine = engine(Arc::new(MemoryStore::new()));
    let command = Command::on(partition()).once(once("a"));
    engine.run(command, take("former")).await.expect("takes");
    let again = engine.run(taking("a"), take("a")).await.expect("is known");
    assert_eq!((again.answer, again.replayed), (1, true));
}
