//! How much of its tables the store touches while PostgreSQL has no statistics of them yet.
#![cfg(feature = "postgres")]

use std::time::{Duration, Instant};

use mp_core::{
    Timestamp,
    store::{
        Batch, CommitId, Key, Partition, PostgresOptions, PostgresStore, Query, Selection, Store,
        Version, Write,
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
    let put = |key| Write::Put {
        key,
        value: "{}".into(),
    };
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
