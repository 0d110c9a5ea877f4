//! How much of its tables the store touches, whether or not PostgreSQL has statistics of them.
#![cfg(feature = "postgres")]

use std::time::{Duration, Instant};

use mp_core::{
    Timestamp,
    store::{
        Batch, CommitId, DueQuery, Key, Outcome, Partition, PostgresOptions, PostgresStore, Query,
        Selection, SlotSet, Store, Version, Write,
    },
};
use throwaway_postgres::{Database, database};

const COMMITS: usize = 10;
const RECORDS: usize = 1_000;
const READS: usize = 100;

#[tokio::test(flavor = "multi_thread")]
async fn reading_a_record_of_a_young_store_leaves_the_others_alone() {
    let test = "reading_a_record_of_a_young_store_leaves_the_others_alone";
    let Some(database) = database(test).await else {
        return;
    };
    let store = PostgresStore::connect(database.url(), PostgresOptions::default()).await;
    let store = store.expect("connects");
    let partition = Partition::parse("market/rush/1").expect("a well-formed id");
    fill(&store, &partition).await;
    let before = touched(&database).await;
    for number in 0..READS {
        assert_eq!(read(&store, &partition, number).await, 2);
    }
    drop(store);
    let touched = told_touched(&database, before + READS as i64).await - before;
    assert!(
        touched <= 2 * READS as i64,
        "{touched} index entries for {READS} records"
    );
}

/// Reads the root and one record, and returns how many there were.
async fn read(store: &PostgresStore, partition: &Partition, number: usize) -> usize {
    let query = Query {
        select: vec![Selection::Key(member(number))],
        limit: 10,
    };
    let view = store.read(partition, &query).await;
    view.expect("reads").records.len()
}

/// Keys as long as those of remembered answers: they make the index by key a level deeper than the
/// others, and so a worse choice to a planner that thinks one record is all there is.
fn member(number: usize) -> Key {
    Key::new(&format!("m/{number:0100}")).expect("a valid key")
}

async fn fill(store: &PostgresStore, partition: &Partition) {
    let put = |key| Write::put(key, "{}".into());
    let mut head = Version::ABSENT;
    for commit in 0..COMMITS {
        let member = |number| member(commit * RECORDS + number);
        let batch = Batch {
            expect: head,
            commit_id: CommitId::random(),
            at: Timestamp::from_micros(1_795_000_000_000_000),
            writes: (0..RECORDS)
                .map(member)
                .chain([Key::root()])
                .map(put)
                .collect(),
        };
        head = store.commit(partition, batch).await.expect("commits");
    }
}

/// Returns how many entries of the records' indexes were read, as far as the server knows.
async fn touched(database: &Database) -> i64 {
    let sql = "SELECT sum(idx_tup_read)::bigint FROM pg_stat_user_indexes
               WHERE relname = 'mp_record'";
    let row = database.client().await.query_one(sql, &[]).await;
    row.expect("counts").get(0)
}

/// Waits until the server knows of so many at least: sessions tell it what they did with a delay,
/// and at their end.
async fn told_touched(database: &Database, least: i64) -> i64 {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let told = touched(database).await;
        if told >= least {
            return told;
        }
        assert!(Instant::now() < until, "{told} of {least}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// How many index entries one call of any kind may read, on average of all kinds: a few for each
/// record that it is about.
const ENTRIES_MAX: i64 = 25;

#[tokio::test(flavor = "multi_thread")]
async fn no_call_goes_through_a_table_or_a_partition() {
    let test = "no_call_goes_through_a_table_or_a_partition";
    for statistics in [false, true] {
        let Some(database) = database(test).await else {
            return;
        };
        let store = PostgresStore::connect(database.url(), PostgresOptions::default()).await;
        let store = store.expect("connects");
        let crowded = Partition::parse("market/rush/1").expect("a well-formed id");
        fill(&store, &crowded).await;
        for number in 0..200 {
            call_all(&store, number, &crowded).await;
        }
        if statistics {
            let client = database.client().await;
            client.batch_execute("ANALYZE").await.expect("analyses");
        }
        let (read, scans) = (
            told(&database, READ, 1).await,
            told(&database, SCANS, 0).await,
        );
        let mut calls = 0;
        for number in 200..300 {
            calls += call_all(&store, number, &crowded).await;
        }
        drop(store);
        let read = told(&database, READ, read + calls).await - read;
        assert!(
            read <= ENTRIES_MAX * calls,
            "{read} entries for {calls} calls"
        );
        assert_eq!(
            told(&database, SCANS, scans).await,
            scans,
            "tables were scanned"
        );
    }
}

/// Makes calls of every kind, and returns how many.
async fn call_all(store: &PostgresStore, number: usize, crowded: &Partition) -> i64 {
    let partition = |n| Partition::parse(&format!("market/stall/{number}-{n}")).expect("valid");
    let mut calls = 0;
    let mut heads = [Version::ABSENT; 4];
    for round in 0..4 {
        let expected = heads;
        let batch = |n: usize| batch(expected[n], round);
        // One alone, and several in one transaction.
        heads[0] = store
            .commit(&partition(0), batch(0))
            .await
            .expect("commits");
        let many = (1..4).map(|n| (partition(n), batch(n))).collect();
        for (head, answer) in heads[1..].iter_mut().zip(store.commit_many(many).await) {
            *head = answer.expect("commits");
        }
        calls += 4;
    }
    let crowd = Query {
        select: vec![Selection::Key(member(number)), Selection::Prefix(member(7))],
        limit: 10,
    };
    let view = store.read(crowded, &crowd).await.expect("reads");
    let changes = store.changes(crowded, view.head, 3);
    changes.await.expect("follows");
    let (stall, since) = (partition(1), Version(heads[1].0 - 1));
    let changes = store.changes(&stall, since, 3);
    changes.await.expect("follows");
    let due = DueQuery {
        slots: SlotSet::ALL,
        kind: "mail".to_owned(),
        now: NOW,
        lease: Duration::from_secs(60),
        limit: 3,
    };
    let leased = store.due(&due).await.expect("leases");
    let settles = leased.iter().map(|delivery| delivery.settle(Outcome::Done));
    store.settle(settles.collect()).await.expect("settles");
    store.dead(None, 10).await.expect("lists");
    calls + 6
}

const NOW: Timestamp = Timestamp::from_micros(1_795_000_000_000_000);

/// Writes everything there is to write; the later rounds over what the first has written.
fn batch(expect: Version, round: usize) -> Batch {
    let key = |text: &str| Key::new(text).expect("a valid key");
    let put = |text: &str| Write::put(key(text), "{}".into());
    let mut writes = vec![put(""), put("m/1"), put("m/2")];
    if round > 0 {
        let deleted = ["m/3", "~o/mail/2"].map(|text| Write::Delete { key: key(text) });
        writes.extend(deleted);
    } else {
        writes.push(put("m/3"));
    }
    writes.push(Write::deliver(
        key(["~o/mail/1", "~o/mail/2"][usize::from(round == 0)]),
        "{}".into(),
        NOW,
    ));
    Batch {
        expect,
        commit_id: CommitId::random(),
        at: NOW,
        writes,
    }
}

const READ: &str = "SELECT sum(idx_tup_read)::bigint FROM pg_stat_user_indexes
    WHERE relname <> 'mp_meta'";
const SCANS: &str = "SELECT sum(seq_scan)::bigint FROM pg_stat_user_tables
    WHERE relname <> 'mp_meta'";

/// Waits until the server's count is so much at least, and goes up no more.
async fn told(database: &Database, sql: &str, least: i64) -> i64 {
    let until = Instant::now() + Duration::from_secs(20);
    let mut last = -1;
    loop {
        let row = database.client().await.query_one(sql, &[]).await;
        let told: i64 = row.expect("counts").get(0);
        if told >= least && told == last {
            return told;
        }
        assert!(Instant::now() < until, "{told} of {least}");
        last = told;
        // Longer than a session keeps to itself what it has done.
        tokio::time::sleep(Duration::from_millis(1_200)).await;
    }
}
