//! Groups of several processes over the same partitions wait for one another, and never in a ring.
#![cfg(feature = "postgres")]

mod crowd;

use std::{
    num::NonZeroUsize,
    time::{Duration, Instant},
};

use mp_core::store::{Batch, Partition, PostgresOptions, PostgresStore, Store, Version};
use throwaway_postgres::{Database, database};

use self::crowd::{MANY, head, partition, root};

const ROUNDS: usize = 3;

/// Has each row that is written take a moment, so that groups are sure to be under way together.
const SLOWLY: &str = "
CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_sleep(0.001); RETURN new; END $$;
CREATE TRIGGER dawdle BEFORE INSERT OR UPDATE ON mp_partition
FOR EACH ROW EXECUTE FUNCTION dawdle()";

#[tokio::test(flavor = "multi_thread")]
async fn groups_of_two_processes_never_wait_in_a_ring() {
    let Some(pair) = Pair::new("groups_of_two_processes_never_wait_in_a_ring").await else {
        return;
    };
    for _ in 0..ROUNDS {
        let heads = pair.heads().await;
        let all = (0..MANY).map(|n| (partition(n), root(heads[n])));
        let reversed = all.clone().rev();
        pair.commit(all.collect(), reversed.collect()).await;
    }
    pair.expect_no_deadlock().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_creates_what_others_have_created_waits_in_no_ring() {
    let test = "who_creates_what_others_have_created_waits_in_no_ring";
    let Some(pair) = Pair::new(test).await else {
        return;
    };
    for round in 0..ROUNDS {
        let heads = pair.heads().await;
        let all = (0..MANY).map(|n| (partition(n), root(heads[n])));
        // Either half comes first in one of the rounds.
        let believed = |n| match n % 2 == round % 2 {
            true => Version::ABSENT,
            false => heads[n],
        };
        let late = (0..MANY).map(|n| (partition(n), root(believed(n))));
        pair.commit(all.collect(), late.collect()).await;
    }
    pair.expect_no_deadlock().await;
}

/// Two processes with a lane each, on one database with some partitions.
struct Pair {
    stores: [PostgresStore; 2],
    database: Database,
}

impl Pair {
    async fn new(test: &str) -> Option<Self> {
        let database = database(test).await?;
        let stores = [connect(&database).await, connect(&database).await];
        let created = (0..MANY).map(|n| (partition(n), root(Version::ABSENT)));
        for answer in stores[0].commit_many(created.collect()).await {
            answer.expect("creates");
        }
        let client = database.client().await;
        client.batch_execute(SLOWLY).await.expect("slows down");
        Some(Self { stores, database })
    }

    async fn heads(&self) -> Vec<Version> {
        let mut heads = Vec::new();
        for n in 0..MANY {
            heads.push(head(&self.stores[0], n).await);
        }
        heads
    }

    /// Has each process commit a group at the same time, and demands that of each partition one gets
    /// through.
    async fn commit(&self, one: Vec<(Partition, Batch)>, other: Vec<(Partition, Batch)>) {
        let [first, second] = &self.stores;
        let before = self.heads().await;
        let (one, other) = tokio::join!(first.commit_many(one), second.commit_many(other));
        let won = one.iter().chain(&other).filter(|answer| answer.is_ok());
        assert_eq!(won.count(), MANY);
        let after = self.heads().await;
        assert!(
            before
                .iter()
                .zip(&after)
                .all(|(before, after)| before < after)
        );
    }

    /// Ends the stores, and with them their sessions, which tell at the end what they met.
    async fn expect_no_deadlock(self) {
        let Self { stores, database } = self;
        drop(stores);
        let client = database.client().await;
        let count = async |sql| -> i64 {
            let row = client.query_one(sql, &[]).await;
            row.expect("counts").get(0)
        };
        let others = "SELECT count(*) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()
                 AND backend_type = 'client backend'";
        let until = Instant::now() + Duration::from_secs(20);
        while count(others).await > 0 {
            assert!(Instant::now() < until, "the sessions do not end");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
        assert_eq!(count(deadlocks).await, 0);
    }
}

async fn connect(database: &Database) -> PostgresStore {
    let options = PostgresOptions::default()
        .with_lanes(NonZeroUsize::MIN)
        .with_lock_timeout(Duration::from_secs(60))
        .with_statement_timeout(Duration::from_secs(60));
    let store = PostgresStore::connect(database.url(), options).await;
    store.expect("connects")
}
