//! Hints that there is work: they shorten the pause of an idle worker, here and in other processes.
#![cfg(feature = "postgres")]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use mp_core::{
    Document, Engine,
    clock::{Clock, SystemClock},
    document,
    entropy::SeededEntropy,
    store::{
        Batch, CommitId, Key, Partition, PostgresOptions, PostgresStore, Store, Version, Write,
    },
    work::{self, Done, Worker, WorkerOptions},
};
use serde::{Deserialize, Serialize};
use throwaway_postgres::{Database, database};
use tokio::{
    sync::{Notify, watch},
    time::{sleep, timeout},
};

/// How long the worker would pause without hints.
const IDLE: Duration = Duration::from_secs(3_600);

#[derive(Deserialize, Serialize)]
struct Letter {}

impl Document for Letter {
    const KIND: &'static str = "test.letter";
    const FORMAT: u32 = 1;
}

async fn connect(database: &Database, notify: bool) -> PostgresStore {
    let options = PostgresOptions::default().with_notify(notify);
    let store = PostgresStore::connect(database.url(), options).await;
    store.expect("connects")
}

async fn send(store: &PostgresStore, number: u32) {
    let partition = Partition::parse(&format!("test/desk/{number}")).expect("a valid id");
    let at = SystemClock.now();
    let value = || document::encode(&Letter {}, None).expect("encodes");
    let writes = vec![
        Write::put(Key::root(), value()),
        Write::deliver(
            Key::new("~o/test.letter/1").expect("a valid key"),
            value(),
            at,
        ),
    ];
    let batch = Batch {
        expect: Version::ABSENT,
        commit_id: CommitId::random(),
        at,
        writes,
    };
    store.commit(&partition, batch).await.expect("commits");
}

/// A worker that pauses for an hour, and what it tells when it has handled a letter.
fn start(store: PostgresStore) -> (Arc<Notify>, watch::Sender<bool>) {
    let hints = store.hints();
    let handled = Arc::new(Notify::new());
    let told = handled.clone();
    let handler = work::on(move |_, _: Letter| {
        told.notify_one();
        async { Ok(Done::Finished) }
    });
    let clock = Arc::new(SystemClock);
    let engine = Engine::new(Arc::new(store), clock, Arc::new(SeededEntropy::new(1)));
    let worker = Worker::new(&engine, WorkerOptions::default().with_idle(IDLE));
    let worker = worker.with([handler]).with_hints(hints);
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move { worker.run(stopped).await });
    (handled, stop)
}

/// Sends letters until one is handled: hints get lost while those who exchange them connect.
async fn wake(sender: &PostgresStore, numbers: std::ops::Range<u32>, handled: &Notify) {
    for number in numbers {
        send(sender, number).await;
        let handled = timeout(Duration::from_millis(200), handled.notified()).await;
        if handled.is_ok() {
            return;
        }
    }
    panic!("no hint came");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_is_woken_by_the_commits_of_another_process() {
    let test = "a_worker_is_woken_by_the_commits_of_another_process";
    let Some(database) = database(test).await else {
        return;
    };
    let (handled, _stop) = start(connect(&database, true).await);
    let other = connect(&database, true).await;
    wake(&other, 0..200, &handled).await;
    // The session that listens is made anew when it breaks.
    database.terminate_backends().await;
    let other = connect(&database, true).await;
    wake(&other, 1_000..1_200, &handled).await;
}

/// Were the pauses to go on doubling, these would come to six seconds at the least.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_listened_is_made_anew_after_the_first_pause_each_time() {
    const TIMES: usize = 7;
    let test = "a_session_that_listened_is_made_anew_after_the_first_pause_each_time";
    let Some(database) = database(test).await else {
        return;
    };
    let _store = connect(&database, true).await;
    let client = database.client().await;
    let sql = "SELECT pid FROM pg_stat_activity
        WHERE datname = current_database() AND query = 'LISTEN mp_work' AND state = 'idle'";
    // The one that was ended can be shown a little longer than the next one waits.
    let listener = async |before: Option<i32>| -> Option<i32> {
        let rows = client.query(sql, &[]).await.expect("tells");
        let mut pids = rows.iter().map(|row| row.get(0));
        pids.find(|pid| Some(*pid) != before)
    };
    let mut before = None;
    let mut began = Instant::now();
    for time in 0..=TIMES {
        let present = loop {
            match listener(before).await {
                Some(present) => break present,
                None => sleep(Duration::from_millis(2)).await,
            }
        };
        if time == 0 {
            began = Instant::now();
        }
        before = Some(present);
        let end = format!("SELECT pg_terminate_backend({present})");
        client.batch_execute(&end).await.expect("ends it");
    }
    assert!(
        began.elapsed() < Duration::from_secs(4),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_of_the_same_process_are_hinted_at_without_the_server() {
    let test = "commits_of_the_same_process_are_hinted_at_without_the_server";
    let Some(database) = database(test).await else {
        return;
    };
    let store = connect(&database, false).await;
    let mut hints = store.hints();
    hints.mark_unchanged();
    send(&store, 1).await;
    timeout(Duration::from_secs(10), hints.changed())
        .await
        .expect("a hint comes")
        .expect("the store is there");
}
