//! The engine's promises, on the reference store and on one that loses answers.
#![cfg(feature = "conformance")]

mod lossy;

use std::{sync::Arc, time::Duration};

use mp_core::{
    Caller, Command, Decision, Document, Edits, Engine, Error, ErrorKind,
    clock::{ManualClock, Timestamp},
    entropy::SeededEntropy,
    id::IdempotencyKey,
    idempotency::{IDEMPOTENCY_MEMORY, Idempotency},
    store::{MemoryStore, Partition, Query, Selection, Store},
};
use serde::{Deserialize, Serialize};

use self::lossy::{Lose, Loss};

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
struct Counter {
    count: u64,
}

impl Document for Counter {
    const KIND: &'static str = "counter";
    const FORMAT: u32 = 1;
}

const FULL: u64 = 100;

fn partition() -> Partition {
    Partition::parse("test/counter/1").expect("a well-formed id")
}

fn engine(store: Arc<dyn Store>) -> (Engine, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(Timestamp::from_micros(
        1_800_000_000_000_000,
    )));
    (
        Engine::new(store, clock.clone(), Arc::new(SeededEntropy::new(1))),
        clock,
    )
}

fn once(key: &str, command: u64) -> Idempotency {
    let caller = Caller::user("test".parse().expect("app"), "ada".parse().expect("user"));
    let key: IdempotencyKey = key.parse().expect("key");
    Idempotency::new(&caller, "counter.add", &key, &command).expect("serialises")
}

/// Adds one, up to [`FULL`], and leaves a mark of its own.
async fn add(engine: &Engine, mark: u64, key: Option<&str>) -> Result<(u64, bool), Error> {
    let path = format!("m/{mark}");
    let mut command = Command::on(partition()).key(&path);
    if let Some(key) = key {
        command = command.once(once(key, mark));
    }
    let decide = move |family: &mp_core::Family, _: Timestamp| {
        let counter = family.root::<Counter>()?.map_or(0, |counter| counter.count);
        if counter >= FULL {
            return Err(Error::new(
                ErrorKind::Refused,
                "full",
                "the counter is full",
            ));
        }
        let mut edits = Edits::new();
        edits.put_root(Counter { count: counter + 1 });
        edits.put(&path, Counter { count: mark });
        Ok(edits.answer(counter + 1))
    };
    let committed = engine.run(command, decide).await?;
    Ok((committed.answer, committed.replayed))
}

async fn count(engine: &Engine) -> (u64, usize) {
    let family = engine
        .read(Command::on(partition()).prefix("m/"))
        .await
        .expect("reads");
    let root = family
        .root::<Counter>()
        .expect("decodes")
        .map_or(0, |counter| counter.count);
    (root, family.count("m/").expect("selected"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_commands_on_one_partition_are_all_counted_once_and_never_over_the_limit() {
    let store = Arc::new(MemoryStore::new());
    // Two engines on one store are two processes: each has a state of its own that goes stale.
    let (one, _) = engine(store.clone());
    let (two, _) = engine(store);
    let mut tasks = tokio::task::JoinSet::new();
    for mark in 0..300 {
        let engine = if mark % 2 == 0 {
            one.clone()
        } else {
            two.clone()
        };
        tasks.spawn(async move { add(&engine, mark, None).await });
    }
    let outcomes = tasks.join_all().await;
    let mut numbers: Vec<u64> = outcomes
        .iter()
        .filter_map(|outcome| Some(outcome.as_ref().ok()?.0))
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=FULL).collect::<Vec<_>>());
    let refused = outcomes.into_iter().filter_map(Result::err);
    assert!(refused.into_iter().all(|error| error.code() == "full"));
    assert_eq!(count(&one).await, (FULL, FULL as usize));
}

#[tokio::test]
async fn a_repeated_key_is_answered_the_same_and_changes_nothing() {
    let (engine, _) = engine(Arc::new(MemoryStore::new()));
    assert_eq!(add(&engine, 7, Some("k")).await.expect("adds"), (1, false));
    assert_eq!(
        add(&engine, 7, Some("k")).await.expect("replays"),
        (1, true)
    );
    assert_eq!(count(&engine).await, (1, 1));
}

#[tokio::test]
async fn a_repetition_is_told_the_time_of_its_own_answer() {
    let (engine, clock) = engine(Arc::new(MemoryStore::new()));
    let open = |_: &mp_core::Family, now: Timestamp| {
        let mut edits = Edits::new();
        edits.put_root(Counter { count: 0 });
        Ok::<_, Error>(edits.answer(now))
    };
    let opening = || engine.run(Command::on(partition()).once(once("k", 1)), open);
    let first = opening().await.expect("opens");
    clock.advance(Duration::from_secs(1));
    let again = opening().await.expect("is remembered");
    assert_eq!((again.answer, again.replayed), (first.at, true));
    assert_eq!(again.at, first.at.plus(Duration::from_secs(1)));
}

#[tokio::test]
async fn a_key_with_which_nothing_was_made_is_answered_and_decided_anew() {
    let (engine, _) = engine(Arc::new(MemoryStore::new()));
    for _ in 0..2 {
        let command = Command::on(partition()).once(once("k", 1));
        let decide = |family: &mp_core::Family, _: Timestamp| {
            Ok::<_, Error>(Decision::unchanged(family.exists()))
        };
        let looked = engine.run(command.clone(), decide).await.expect("answers");
        assert_eq!((looked.answer, looked.replayed), (false, false));
        let planned = engine.plan(command, decide).await.expect("answers");
        assert!(planned.batch.is_none(), "nothing is there to be committed");
    }
    assert_eq!(add(&engine, 1, Some("k")).await.expect("adds"), (1, false));
    assert_eq!(add(&engine, 1, Some("k")).await.expect("adds"), (1, true));
}

#[tokio::test]
async fn a_key_reused_for_another_command_is_refused() {
    let (engine, _) = engine(Arc::new(MemoryStore::new()));
    add(&engine, 7, Some("k")).await.expect("adds");
    let error = add(&engine, 8, Some("k")).await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::KeyReused);
    assert_eq!(error.field(), Some("idempotency_key"));
    assert_eq!(count(&engine).await, (1, 1));
}

#[tokio::test]
async fn answers_are_remembered_for_a_day_and_then_pruned() {
    let store = Arc::new(MemoryStore::new());
    let (engine, clock) = engine(store.clone());
    add(&engine, 7, Some("k")).await.expect("adds");
    clock.advance(IDEMPOTENCY_MEMORY - Duration::from_secs(1));
    assert_eq!(
        add(&engine, 7, Some("k")).await.expect("replays"),
        (1, true)
    );
    clock.advance(IDEMPOTENCY_MEMORY * 2);
    for mark in 10..80 {
        add(&engine, mark, None).await.expect("adds");
    }
    let prefix = Selection::Prefix(mp_core::store::Key::new("i/").expect("key"));
    let query = Query {
        select: vec![prefix],
        limit: 10,
    };
    let view = store.read(&partition(), &query).await.expect("reads");
    assert_eq!(view.records.len(), 1, "only the root is left");
}

#[tokio::test]
async fn a_refusal_never_rests_on_a_stale_state() {
    let store = Arc::new(MemoryStore::new());
    let (one, _) = engine(store.clone());
    let (two, _) = engine(store);
    for mark in 0..FULL {
        add(&one, mark, None).await.expect("adds");
    }
    add(&one, 999, None).await.expect_err("full");
    let reset = |_: &mp_core::Family, _: Timestamp| {
        let mut edits = Edits::new();
        edits.put_root(Counter { count: 0 });
        Ok::<Decision<()>, Error>(edits.answer(()))
    };
    two.run(Command::on(partition()), reset)
        .await
        .expect("resets");
    assert_eq!(add(&one, 999, None).await.expect("adds"), (1, false));
}

#[tokio::test]
async fn time_never_runs_back_inside_a_partition() {
    let (engine, clock) = engine(Arc::new(MemoryStore::new()));
    let stamp = |_: &mp_core::Family, now: Timestamp| {
        let mut edits = Edits::new();
        edits.put_root(Counter {
            count: now.as_millis(),
        });
        Ok::<Decision<Timestamp>, Error>(edits.answer(now))
    };
    let first = engine
        .run(Command::on(partition()), stamp)
        .await
        .expect("commits")
        .answer;
    clock.set(first.minus(Duration::from_secs(60)));
    let second = engine
        .run(Command::on(partition()), stamp)
        .await
        .expect("commits")
        .answer;
    assert_eq!(second, first);
}

#[tokio::test]
async fn reading_or_writing_what_was_not_selected_is_an_error_not_an_absence() {
    let store = Arc::new(MemoryStore::new());
    let (other, _) = engine(store.clone());
    add(&other, 1, None).await.expect("adds");
    let (engine, _) = engine(store);
    let peek = |family: &mp_core::Family, _: Timestamp| {
        family
            .get::<Counter>("m/1")
            .map(|found| Decision::unchanged(found.is_some()))
    };
    let error = engine
        .run(Command::on(partition()), peek)
        .await
        .expect_err("not loaded");
    assert_eq!(error.code(), "not_loaded");
    let poke = |_: &mp_core::Family, _: Timestamp| {
        let mut edits = Edits::new();
        edits.put("m/1", Counter { count: 9 });
        Ok::<_, Error>(edits.answer(()))
    };
    let error = engine
        .run(Command::on(partition()), poke)
        .await
        .expect_err("not loaded");
    assert_eq!(error.code(), "not_loaded");
}

#[tokio::test]
async fn a_planned_batch_is_committed_by_the_host_or_not_at_all() {
    let store = Arc::new(MemoryStore::new());
    let (engine, _) = engine(store.clone());
    let decide = |_: &mp_core::Family, _: Timestamp| {
        let mut edits = Edits::new();
        edits.put_root(Counter { count: 5 });
        Ok::<_, Error>(edits.answer(5))
    };
    let planned = engine
        .plan(Command::on(partition()), decide)
        .await
        .expect("plans");
    assert_eq!(count(&engine).await, (0, 0));
    let batch = planned.batch.expect("something to write");
    store
        .commit(&planned.partition, batch.clone())
        .await
        .expect("commits");
    assert_eq!(count(&engine).await, (5, 0));
    store
        .commit(&planned.partition, batch)
        .await
        .expect_err("a second time conflicts");
}

#[tokio::test]
async fn a_dropped_future_neither_loses_nor_doubles_a_command() {
    let (engine, _) = engine(Arc::new(MemoryStore::new()));
    for mark in 0..20 {
        let call = add(&engine, mark, None);
        // Polled once, it is accepted; then nobody waits for it any more.
        let _ = tokio::time::timeout(Duration::ZERO, call).await;
    }
    while count(&engine).await.0 < 20 {
        tokio::task::yield_now().await;
    }
    assert_eq!(count(&engine).await, (20, 20));
}

#[tokio::test]
async fn a_panicking_decision_is_told_and_does_not_block_its_partition() {
    let (engine, _) = engine(Arc::new(MemoryStore::new()));
    let panics = |_: &mp_core::Family, _: Timestamp| -> Result<Decision<()>, Error> {
        panic!("a decision with a bug");
    };
    let error = engine
        .run(Command::on(partition()), panics)
        .await
        .expect_err("abandoned");
    assert_eq!(error.code(), "abandoned");
    assert_eq!(add(&engine, 1, None).await.expect("adds"), (1, false));
}

#[tokio::test]
async fn a_lost_answer_is_found_out_and_never_applied_twice() {
    for lose in [Lose::Before, Lose::After, Lose::AfterAndMove] {
        let loss = Loss::new(lose);
        let (engine, _) = engine(loss.store());
        add(&engine, 0, None).await.expect("adds");
        loss.lose_next();
        let answer = add(&engine, 1, Some("k"))
            .await
            .expect("its outcome is found out");
        assert_eq!(answer.0, 2, "{lose:?}");
        assert_eq!(count(&engine).await, (2, 2), "{lose:?}");
        assert_eq!(loss.lost(), 1, "{lose:?}");
    }
}

#[tokio::test]
async fn a_lost_answer_without_a_key_is_reported_unknown_when_the_head_moved() {
    let loss = Loss::new(Lose::AfterAndMove);
    let (engine, _) = engine(loss.store());
    add(&engine, 0, None).await.expect("adds");
    loss.lose_next();
    let error = add(&engine, 1, None).await.expect_err("nobody can tell");
    assert_eq!(error.kind(), ErrorKind::Unknown);
    assert_eq!(count(&engine).await, (2, 2));
}

/// The counter as an operation sees it that has a type of its own.
#[derive(Debug, Deserialize, Serialize)]
struct Tally {
    count: u64,
}

impl Document for Tally {
    const KIND: &'static str = "counter";
    const FORMAT: u32 = 1;
}

#[tokio::test]
async fn a_record_may_be_read_as_any_type_of_its_kind() {
    let (engine, _) = engine(Arc::new(MemoryStore::new()));
    assert_eq!(add(&engine, 1, None).await.expect("adds"), (1, false));
    let told = |family: &mp_core::Family, _| {
        let tally = family.root::<Tally>()?;
        Ok::<_, Error>(Decision::unchanged(tally.map(|tally| tally.count)))
    };
    let answer = engine.run(Command::on(partition()), told).await;
    assert_eq!(answer.expect("reads").answer, Some(1));
    assert_eq!(add(&engine, 2, None).await.expect("adds"), (2, false));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_command_that_would_read_deliveries_is_refused_and_holds_up_nobody() {
    let (engine, _) = engine(Arc::new(MemoryStore::new()));
    let nothing = |_: &mp_core::Family, _: Timestamp| Ok::<_, Error>(Edits::new().answer(()));
    for command in [
        Command::on(partition()).key("~o/counter.add/1"),
        Command::on(partition()).prefix("~o/"),
        Command::on(partition()).key("m/1").prefix("~"),
    ] {
        let soon = Duration::from_secs(10);
        let answer = tokio::time::timeout(soon, engine.run(command.clone(), nothing)).await;
        let ran = answer.expect("is answered").map(drop);
        let read = engine.read(command).await.map(drop);
        for refused in [ran, read] {
            let error = refused.expect_err("is refused");
            assert_eq!(
                (error.code(), error.field()),
                ("invalid_field", Some("key"))
            );
        }
    }
    add(&engine, 1, None).await.expect("the partition goes on");
    let whole = engine.read(Command::on(partition()).prefix("")).await;
    let whole = whole.expect("reads");
    let scanned = whole
        .scan::<Counter>("~o/")
        .expect_err("is none of its reads");
    assert_eq!(scanned.code(), "not_loaded");
}
