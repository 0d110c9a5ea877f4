//! What it means on PostgreSQL to take turns at a partition.
#![cfg(feature = "postgres")]

use std::{
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use mp_core::{
    Command, Decision, Document, Edits, Engine, Error, Family, Timestamp,
    clock::{Clock, SystemClock},
    entropy::SystemEntropy,
    store::{
        Batch, CommitId, InTurn, Key, Partition, PostgresOptions, PostgresStore, Query, Store,
        Version, Write,
    },
};
use serde::{Deserialize, Serialize};
use throwaway_postgres::{Database, database};
use tokio::{
    runtime::Runtime,
    task::JoinSet,
    time::{sleep, timeout},
};

fn hot() -> Partition {
    Partition::parse("market/group/hot").expect("a partition")
}

fn put(key: &str) -> Write {
    Write::put(Key::new(key).expect("a key"), Bytes::from_static(b"{}"))
}

fn batch(expect: Version, writes: Vec<Write>) -> Batch {
    Batch {
        expect,
        commit_id: CommitId::random(),
        at: SystemClock.now(),
        writes,
    }
}

async fn connect(database: &Database) -> Arc<PostgresStore> {
    let store = PostgresStore::connect(database.url(), PostgresOptions::default()).await;
    Arc::new(store.expect("connects"))
}

async fn create(store: &PostgresStore) -> Version {
    let created = batch(Version::ABSENT, vec![put("")]);
    store.commit(&hot(), created).await.expect("creates")
}

async fn turn(store: &PostgresStore) -> InTurn {
    let taken = store.take_turn(&hot(), &Query::default()).await;
    taken.expect("asks").expect("there is room")
}

#[tokio::test(flavor = "multi_thread")]
async fn others_wait_for_whoever_has_a_turn() {
    let test = "others_wait_for_whoever_has_a_turn";
    others_wait(test, "read committed").await;
}

/// Whatever the database prescribes, what is read is what is there once one's turn has come.
#[tokio::test(flavor = "multi_thread")]
async fn others_wait_for_whoever_has_a_turn_at_serializable() {
    let test = "others_wait_for_whoever_has_a_turn_at_serializable";
    others_wait(test, "serializable").await;
}

/// Whoever would have a turn while somebody has one waits, and is shown what was committed meanwhile.
async fn others_wait(test: &str, isolation: &str) {
    let Some(database) = database(test).await else {
        return;
    };
    let sql = "SELECT format('ALTER DATABASE %I SET default_transaction_isolation = %L',
        current_database(), $1::text)";
    let client = database.client().await;
    let row = client.query_one(sql, &[&isolation]).await;
    let alter: String = row.expect("formats").get(0);
    client.batch_execute(&alter).await.expect("alters");
    let (one, other) = (connect(&database).await, connect(&database).await);
    let head = create(&one).await;
    let began = Instant::now();
    let InTurn { view, turn: first } = turn(&one).await;
    assert_eq!(view.head, head);
    let mut next = tokio::spawn(async move { turn(&other).await });
    let early = timeout(Duration::from_millis(50), &mut next).await;
    assert!(early.is_err(), "it did not wait: {early:?}");
    let made = one.commit(&hot(), batch(head, vec![put("a")])).await;
    let made = made.expect("commits");
    drop(first);
    // Later than that the store may have taken the turn away.
    let in_time = began.elapsed() < Duration::from_millis(400);
    let next = next.await;
    if in_time {
        let InTurn { view, .. } = next.expect("no panic");
        assert_eq!(view.head, made, "what was committed before is seen");
    }
}

/// A process that stands still keeps a partition's turn for a second.
#[tokio::test(flavor = "multi_thread")]
async fn a_turn_of_an_owner_who_stands_still_ends() {
    let Some(database) = database("a_turn_of_an_owner_who_stands_still_ends").await else {
        return;
    };
    let (one, other) = (connect(&database).await, connect(&database).await);
    create(&one).await;
    let began = Instant::now();
    let still = turn(&one).await;
    let in_turn = async {
        // Who waits gives up sooner, and asks again.
        while other.take_turn(&hot(), &Query::default()).await.is_err() {}
    };
    let ended = timeout(Duration::from_secs(5), in_turn).await;
    ended.expect("the turn has ended");
    assert!(began.elapsed() >= Duration::from_millis(900), "it waited");
    drop(still);
    drop(turn(&one).await);
}

/// Half of the connections are left to those who read.
#[tokio::test(flavor = "multi_thread")]
async fn turns_leave_room_for_readers() {
    let Some(database) = database("turns_leave_room_for_readers").await else {
        return;
    };
    let two = NonZeroUsize::new(2).expect("is not zero");
    let options = PostgresOptions::default().with_connections(two);
    let store = PostgresStore::connect(database.url(), options).await;
    let store = store.expect("connects");
    create(&store).await;
    let first = turn(&store).await;
    let another = Partition::parse("market/group/other").expect("a partition");
    let second = store.take_turn(&another, &Query::default()).await;
    assert!(second.expect("asks").is_none(), "a second turn");
    store.read(&hot(), &Query::default()).await.expect("reads");
    drop(first);
    // It is let go of in the background.
    let again = async {
        while store
            .take_turn(&another, &Query::default())
            .await
            .expect("asks")
            .is_none()
        {
            sleep(Duration::from_millis(1)).await;
        }
    };
    let room = timeout(Duration::from_secs(5), again).await;
    room.expect("there is room again");
}

/// Nothing is written in the transaction of somebody who had a turn, and that nobody would end.
#[tokio::test(flavor = "multi_thread")]
async fn a_turn_whose_runtime_has_ended_takes_its_session_with_it() {
    let Some(database) = database("a_turn_whose_runtime_has_ended_takes_its_session_with_it").await
    else {
        return;
    };
    let store = connect(&database).await;
    create(&store).await;
    let taken = turn(&store).await;
    let ended = Runtime::new().expect("a runtime");
    let handle = ended.handle().clone();
    ended.shutdown_background();
    let inside = handle.enter();
    drop(taken);
    drop(inside);
    let client = database.client().await;
    let sql = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
    let ends = async {
        while client
            .query_one(sql, &[])
            .await
            .expect("counts")
            .get::<_, i64>(0)
            > 0
        {
            sleep(Duration::from_millis(1)).await;
        }
    };
    // Before the server would end it.
    let ended = timeout(Duration::from_millis(700), ends).await;
    ended.expect("no transaction is left open");
}

#[derive(Deserialize, Serialize)]
struct Counter {
    taken: u64,
}

impl Document for Counter {
    const KIND: &'static str = "counter";
    const FORMAT: u32 = 1;
}

/// How many joins each process makes in a rush, and with how many tasks.
const JOINS: usize = 4_000;
const TASKS: usize = 16;

/// Of so many rushes the middle one counts: in any one the machine may have left a process aside.
const RUSHES: usize = 3;

/// Two processes that join one group without a pause both get on: when the first has made its joins,
/// the other has made a third of its own at least.
#[tokio::test(flavor = "multi_thread")]
async fn processes_that_contend_get_on_alike() {
    let Some(database) = database("processes_that_contend_get_on_alike").await else {
        return;
    };
    let engines = [process(&database).await, process(&database).await];
    let (mut shares, mut made) = (Vec::new(), 0);
    for _ in 0..RUSHES {
        let rush = Rush::of(&engines).await;
        // In thousandths of what the other one has made.
        shares.push(rush.least * 1_000 / rush.most);
        made += rush.made;
    }
    shares.sort_unstable();
    assert!(shares[RUSHES / 2] * 3 >= 1_000, "{shares:?} thousandths");
    let command = Command::on(hot());
    let count = |family: &Family, _: Timestamp| {
        let taken = family.root::<Counter>()?.map_or(0, |counter| counter.taken);
        Ok::<_, Error>(Decision::unchanged(taken))
    };
    let taken = engines[0].run(command, count).await.expect("reads").answer;
    assert_eq!(usize::try_from(taken).expect("a count"), made);
}

/// What two processes have made that joined one group without a pause.
struct Rush {
    /// By either, when the first of them had made all its joins.
    least: usize,
    most: usize,
    /// In the end, by both.
    made: usize,
}

impl Rush {
    async fn of(engines: &[Engine; 2]) -> Self {
        let done = engines.each_ref().map(|_| Arc::<AtomicUsize>::default());
        let mut rushes = JoinSet::new();
        for (engine, done) in engines.iter().zip(&done) {
            for _ in 0..TASKS {
                rushes.spawn(join(engine.clone(), done.clone()));
            }
        }
        let first = rushes.join_next().await;
        first.expect("is there").expect("no panic");
        let made = done.each_ref().map(|done| done.load(Ordering::Relaxed));
        rushes.join_all().await;
        Self {
            least: made[0].min(made[1]),
            most: made[0].max(made[1]),
            made: done.iter().map(|done| done.load(Ordering::Relaxed)).sum(),
        }
    }
}

async fn process(database: &Database) -> Engine {
    let store = connect(database).await;
    Engine::new(store, Arc::new(SystemClock), Arc::new(SystemEntropy::new()))
}

/// Joins until its process has made all its joins.
async fn join(engine: Engine, done: Arc<AtomicUsize>) {
    while done.load(Ordering::Relaxed) < JOINS {
        let decide = |family: &Family, _: Timestamp| {
            let taken = family.root::<Counter>()?.map_or(0, |counter| counter.taken);
            let mut edits = Edits::new();
            edits.put_root(Counter { taken: taken + 1 });
            Ok::<_, Error>(edits.answer(()))
        };
        engine.run(Command::on(hot()), decide).await.expect("joins");
        done.fetch_add(1, Ordering::Relaxed);
    }
}
