//! Heads that somebody holds for a while, a host in a transaction of its own: what waits for them keeps
//! nobody from the others.
#![cfg(feature = "postgres")]

mod crowd;

use std::{sync::Arc, time::Duration};

use mp_core::store::{PostgresOptions, PostgresStore, Store, StoreError, Version};
use throwaway_postgres::{Database, database};
use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_postgres::Client;

use self::crowd::{head, partition, root};

/// A store with partitions, and sessions beside it that can hold them.
struct Rig {
    store: Arc<PostgresStore>,
    database: Database,
}

impl Rig {
    async fn new(test: &str, options: PostgresOptions, partitions: usize) -> Option<Self> {
        let database = database(test).await?;
        let store = PostgresStore::connect(database.url(), options).await;
        let store = Arc::new(store.expect("connects"));
        let created = (0..partitions).map(|n| (partition(n), root(Version::ABSENT)));
        for answer in store.commit_many(created.collect()).await {
            answer.expect("creates");
        }
        Some(Self { store, database })
    }

    /// Holds a partition's head until the session ends or rolls back.
    async fn hold(&self, n: usize) -> Client {
        let client = self.database.client().await;
        let hold = format!(
            "BEGIN; SELECT FROM mp_partition WHERE partition = '{}' FOR UPDATE",
            partition(n)
        );
        client.batch_execute(&hold).await.expect("holds");
        client
    }

    /// Begins a commit on the present head of a partition.
    async fn commit(&self, n: usize) -> JoinHandle<Result<Version, StoreError>> {
        let (store, batch) = (self.store.clone(), root(head(&*self.store, n).await));
        tokio::spawn(async move { store.commit(&partition(n), batch).await })
    }

    /// Waits until so many sessions wait for locks.
    async fn stand_still(&self, count: i64) {
        let client = self.database.client().await;
        let sql = "SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let waiting = async || -> i64 {
            let row = client.query_one(sql, &[]).await;
            row.expect("counts").get(0)
        };
        let all = async {
            while waiting().await < count {
                sleep(Duration::from_millis(1)).await;
            }
        };
        let all = timeout(Duration::from_secs(10), all).await;
        all.expect("they wait");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_heads_that_are_held_keep_nobody_from_a_third() {
    let test = "two_heads_that_are_held_keep_nobody_from_a_third";
    let options = PostgresOptions::default().with_lock_timeout(Duration::from_secs(8));
    let Some(rig) = Rig::new(test, options, 3).await else {
        return;
    };
    let mut held = Vec::new();
    for n in 0..2 {
        let holder = rig.hold(n).await;
        let commit = rig.commit(n).await;
        held.push((holder, commit));
        rig.stand_still(i64::try_from(held.len()).expect("fits"))
            .await;
    }
    let third = rig.commit(2).await;
    let answer = timeout(Duration::from_secs(1), third).await;
    let answer = answer.expect("is done meanwhile");
    answer.expect("no panic").expect("commits");
    for (holder, commit) in held {
        holder.batch_execute("ROLLBACK").await.expect("lets go");
        commit.await.expect("no panic").expect("commits after");
    }
}
