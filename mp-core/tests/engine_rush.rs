//! Two engines on one partition, as two processes have them, in one rush.
#![cfg(feature = "conformance")]

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use mp_core::{
    Command, Decision, Document, Edits, Engine, Error, Family,
    clock::SystemClock,
    conformance::{Call, HookedStore, Phase},
    entropy::SeededEntropy,
    store::{Batch, CommitId, Key, MemoryStore, Partition, Query, Store, Write},
};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
struct Counter {
    count: u64,
}

impl Document for Counter {
    const KIND: &'static str = "counter";
    const FORMAT: u32 = 1;
}

fn partition() -> Partition {
    Partition::parse("test/counter/rush").expect("a well-formed id")
}

fn engine(store: Arc<dyn Store>) -> Engine {
    Engine::new(
        store,
        Arc::new(SystemClock),
        Arc::new(SeededEntropy::new(1)),
    )
}

/// Adds one, and leaves a record of its own.
async fn add(engine: &Engine, name: &str) -> Result<u64, Error> {
    let key = format!("m/{name}");
    let command = Command::on(partition()).key(&key);
    let decide = move |family: &Family, _| -> Result<Decision<u64>, Error> {
        let count = family.root::<Counter>()?.map_or(0, |counter| counter.count) + 1;
        let mut edits = Edits::new();
        edits.put_root(Counter { count });
        edits.put(&key, Counter { count });
        Ok(edits.answer(count))
    };
    Ok(engine.run(command, decide).await?.answer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_is_told_contended_when_two_processes_share_a_rush() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    rush([engine(store.clone()), engine(store)]).await;
}

#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_is_told_contended_when_two_processes_share_a_rush_on_postgres() {
    use mp_core::store::{PostgresOptions, PostgresStore};

    let test = "nobody_is_told_contended_when_two_processes_share_a_rush_on_postgres";
    let Some(database) = throwaway_postgres::database(test).await else {
        return;
    };
    let connect = async || {
        let store = PostgresStore::connect(database.url(), PostgresOptions::default()).await;
        engine(Arc::new(store.expect("connects")))
    };
    rush([connect().await, connect().await]).await;
}

/// Has many tasks add by two engines at once, and demands that each addition counts.
async fn rush(engines: [Engine; 2]) {
    const TASKS: usize = 64;
    const EACH: usize = 20;
    let mut tasks = JoinSet::new();
    for task in 0..2 * TASKS {
        let engine = engines[task % 2].clone();
        tasks.spawn(async move {
            for turn in 0..EACH {
                let added = add(&engine, &format!("{task}-{turn}")).await;
                added.expect("everybody gets through");
            }
        });
    }
    tasks.join_all().await;
    let last = add(&engines[0], "last").await.expect("adds");
    assert_eq!(last as usize, 2 * TASKS * EACH + 1, "each counts once");
}

/// Another process's commit.
async fn move_head(store: &dyn Store) {
    let view = store.read(&partition(), &Query::default()).await;
    let view = view.expect("reads");
    let batch = Batch {
        expect: view.head,
        commit_id: CommitId::random(),
        at: view.at,
        writes: vec![Write::put(
            Key::new("other").expect("a key"),
            b"{}".to_vec().into(),
        )],
    };
    store.commit(&partition(), batch).await.expect("commits");
}

#[tokio::test]
async fn a_batch_that_is_always_overtaken_becomes_small_enough_to_get_in() {
    const IN_TIME_MAX: u64 = 8;
    const PEOPLE: usize = 200;
    let inner: Arc<dyn Store> = Arc::new(MemoryStore::new());
    add(&engine(inner.clone()), "first").await.expect("adds");
    // Another process commits whenever more than a few commands are decided between read and
    // commit.
    let decided = Arc::new(AtomicU64::new(0));
    let hook = {
        let (decided, inner) = (decided.clone(), inner.clone());
        move |call, phase, _: Option<&Partition>| {
            let (decided, inner) = (decided.clone(), inner.clone());
            async move {
                match (call, phase) {
                    (Call::Read, Phase::After) => decided.store(0, Ordering::SeqCst),
                    (Call::Commit, Phase::Before)
                        if decided.load(Ordering::SeqCst) > IN_TIME_MAX =>
                    {
                        move_head(&*inner).await;
                    }
                    _ => {}
                }
                Ok(())
            }
        }
    };
    let engine = engine(Arc::new(HookedStore::new(inner, hook)));
    let mut tasks = JoinSet::new();
    for person in 0..PEOPLE {
        let (engine, decided) = (engine.clone(), decided.clone());
        tasks.spawn(async move {
            let key = format!("m/{person}");
            let command = Command::on(partition()).key(&key);
            let decide = move |family: &Family, _| -> Result<Decision<u64>, Error> {
                decided.fetch_add(1, Ordering::SeqCst);
                let count = family.root::<Counter>()?.map_or(0, |counter| counter.count) + 1;
                let mut edits = Edits::new();
                edits.put_root(Counter { count });
                Ok(edits.answer(count))
            };
            let added = engine.run(command, decide).await;
            added.expect("everybody gets through").answer
        });
    }
    let mut counts = tasks.join_all().await;
    counts.sort_unstable();
    let expected: Vec<u64> = (2..).take(PEOPLE).collect();
    assert_eq!(counts, expected, "each counts once");
}
