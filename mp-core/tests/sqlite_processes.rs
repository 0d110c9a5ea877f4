//! Several users of one file, and the sudden death of one.
#![cfg(feature = "sqlite")]

use std::{
    collections::HashMap,
    hint::spin_loop,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use killed_processes::{Program, say, told};
use mp_core::{
    clock::Timestamp,
    store::{
        Batch, CommitId, DueQuery, Key, Partition, Query, Selection, SlotSet, SqliteOptions,
        SqliteStore, Store, StoreErrorKind, Version, View, Write,
    },
};
use rusqlite::Connection;
use tokio::task::JoinSet;

const NOW: Timestamp = Timestamp::from_micros(1_795_000_000_000_000);

fn partition(n: usize) -> Partition {
    Partition::parse(&format!("market/counter/{n}")).expect("a valid id")
}

fn everything() -> Query {
    Query {
        select: vec![Selection::Prefix(Key::root())],
        limit: 100_000,
    }
}

/// Writes the next number in three ways: in the root, as a record, and as a delivery.
fn count(view: &View) -> (u64, Batch) {
    let number = view.records.len().saturating_sub(1) as u64;
    let value = Bytes::from(number.to_string());
    let key = |text: String| Key::new(&text).expect("a valid key");
    let writes = vec![
        Write::put(Key::root(), value.clone()),
        Write::put(key(format!("n/{number}")), value.clone()),
        Write::deliver(key(format!("~o/mail/{number}")), value, NOW),
    ];
    let batch = Batch {
        expect: view.head,
        commit_id: CommitId::random(),
        at: NOW,
        writes,
    };
    (number, batch)
}

/// Demands that root, records and deliveries of a counter agree, and returns its count.
async fn counted(store: &SqliteStore, n: usize) -> u64 {
    let view = store
        .read(&partition(n), &everything())
        .await
        .expect("reads");
    let Some(root) = view.records.first() else {
        return 0;
    };
    let records = view.records.len() as u64 - 1;
    assert_eq!(root.value, (records - 1).to_string(), "{n}");
    records
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_stores_on_one_file_lose_nothing() {
    const TASKS: usize = 8;
    const EACH: usize = 25;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mp.db");
    let open = || Arc::new(SqliteStore::open(&path, SqliteOptions::default()).expect("opens"));
    let stores = [open(), open()];
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let store = stores[task % 2].clone();
        tasks.spawn(async move {
            let (mut done, mut conflicts) = (0, 0);
            while done < EACH {
                let view = store
                    .read(&partition(0), &everything())
                    .await
                    .expect("reads");
                match store.commit(&partition(0), count(&view).1).await {
                    Ok(_) => done += 1,
                    Err(error) if error.kind() == StoreErrorKind::Conflict => conflicts += 1,
                    Err(error) => panic!("{error}: {:?}", std::error::Error::source(&error)),
                }
            }
            conflicts
        });
    }
    let conflicts: usize = tasks.join_all().await.into_iter().sum();
    assert!(conflicts > 0, "the stores never met");
    assert_eq!(counted(&stores[0], 0).await, (TASKS * EACH) as u64);
    assert_eq!(counted(&stores[1], 0).await, (TASKS * EACH) as u64);
}

const CHILD: &str = "MP_SQLITE_KILLED_CHILD";
const COUNTERS: usize = 16;

/// Run as a child, commits to the file for ever and prints what was acknowledged; run by itself,
/// kills such children in mid-load and looks at what they left.
#[test]
fn a_killed_process_loses_no_acknowledged_commit() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    if let Some(path) = told(CHILD) {
        runtime.block_on(commit_for_ever(Path::new(&path)));
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mp.db");
    for round in 1..=4 {
        let acknowledged = run_and_kill(&path, Duration::from_millis(150 * round));
        assert!(
            !acknowledged.is_empty(),
            "the child was killed before it committed"
        );
        runtime.block_on(check(&path, &acknowledged));
    }
}

async fn commit_for_ever(path: &Path) {
    let store = Arc::new(SqliteStore::open(path, SqliteOptions::default()).expect("opens"));
    let mut tasks = JoinSet::new();
    for n in 0..COUNTERS {
        let store = store.clone();
        tasks.spawn(async move {
            loop {
                let view = store
                    .read(&partition(n), &everything())
                    .await
                    .expect("reads");
                let (number, batch) = count(&view);
                store.commit(&partition(n), batch).await.expect("commits");
                say(format_args!("acknowledged {n} {number}"));
            }
        });
    }
    tasks.join_next().await;
}

/// Lets a child run for some time after its first acknowledgement, kills it, and returns the last
/// number acknowledged for each counter.
fn run_and_kill(path: &Path, time: Duration) -> HashMap<usize, u64> {
    let mut child = Program::of_test("a_killed_process_loses_no_acknowledged_commit")
        .told(CHILD, path)
        .without_complaints()
        .start();
    let mut acknowledged = HashMap::new();
    let mut ends_at = None;
    while let Some(line) = child.line() {
        if let Some((counter, number)) = acknowledgement(&line) {
            acknowledged.insert(counter, number);
            ends_at.get_or_insert_with(|| Instant::now() + time);
        }
        if ends_at.is_some_and(|at| Instant::now() >= at) {
            child.kill();
        }
    }
    acknowledged
}

fn acknowledgement(line: &str) -> Option<(usize, u64)> {
    let (counter, number) = line.strip_prefix("acknowledged ")?.split_once(' ')?;
    Some((counter.parse().ok()?, number.parse().ok()?))
}

async fn check(path: &Path, acknowledged: &HashMap<usize, u64>) {
    let options = SqliteOptions::default().with_quick_check(true);
    let store = SqliteStore::open(path, options).expect("the file is whole");
    let mut records = 0;
    for n in 0..COUNTERS {
        let counted = counted(&store, n).await;
        let last = acknowledged.get(&n).copied().unwrap_or(0);
        assert!(
            counted > last || acknowledged.get(&n).is_none(),
            "{n}: {counted} of {last}"
        );
        records += counted;
    }
    let all = DueQuery {
        slots: SlotSet::ALL,
        kind: "mail".to_owned(),
        now: NOW,
        lease: Duration::ZERO,
        limit: 10_000,
    };
    let due = store.due(&all).await.expect("leases").len() as u64;
    assert_eq!(due, records.min(10_000), "every record has its delivery");
    assert_eq!(
        store
            .read(&partition(COUNTERS), &everything())
            .await
            .expect("reads")
            .head,
        Version::ABSENT
    );
}

/// As a process does that writes on a slow disk: it holds the file nearly all of the time.
fn write_without_a_pause(path: &Path, stop: &AtomicBool) {
    const HELD: Duration = Duration::from_millis(50);
    const FREE: Duration = Duration::from_millis(2);
    let file = Connection::open(path).expect("opens");
    file.busy_timeout(Duration::from_secs(60)).expect("is set");
    while !stop.load(Ordering::Relaxed) {
        file.execute_batch("BEGIN IMMEDIATE").expect("begins");
        thread::sleep(HELD);
        file.execute_batch("COMMIT").expect("commits");
        let free = Instant::now();
        // Asleep it would leave the file for longer than that.
        while free.elapsed() < FREE {
            spin_loop();
        }
    }
}

#[tokio::test]
async fn whoever_writes_without_a_pause_keeps_nobody_from_writing() {
    const COMMITS: usize = 20;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mp.db");
    let options = || SqliteOptions::default().with_busy_timeout(Duration::from_secs(2));
    drop(SqliteStore::open(&path, options()).expect("creates the file"));
    let stop = Arc::new(AtomicBool::new(false));
    let writer = {
        let (path, stop) = (path.clone(), stop.clone());
        thread::spawn(move || write_without_a_pause(&path, &stop))
    };
    for n in 0..COMMITS {
        let store = SqliteStore::open(&path, options()).expect("opens beside the other");
        let (_, batch) = count(&View::default());
        let committed = store.commit(&partition(n), batch).await;
        committed.expect("commits beside the other");
    }
    stop.store(true, Ordering::Relaxed);
    writer.join().expect("has written all the while");
}
