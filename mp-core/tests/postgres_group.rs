//! Group commit: many share one transaction, and each still succeeds or fails alone.
#![cfg(feature = "postgres")]

mod crowd;

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use bytes::Bytes;
use mp_core::store::{
    Batch, Key, PostgresOptions, PostgresStore, Store, StoreErrorKind, Version, Write,
};
use throwaway_postgres::{Database, database};
use tokio::task::JoinSet;
use tokio_postgres::Client;

use self::crowd::{
    MANY, POISONED, create_together, expect_all_but_the_poisoned, head, partition, root,
};

fn root_and_mail(expect: Version) -> Batch {
    let mut batch = root(expect);
    batch.writes.push(Write::deliver(
        Key::new("~o/mail/1").expect("a valid key"),
        Bytes::from_static(b"{}"),
        batch.at,
    ));
    batch
}

/// A store with one lane, and a session beside it that can be in its way.
struct Rig {
    store: Arc<PostgresStore>,
    other: Client,
    database: Database,
}

impl Rig {
    async fn new(test: &str) -> Option<Self> {
        let database = database(test).await?;
        let store = Arc::new(connect(&database).await);
        let other = database.client().await;
        Some(Self {
            store,
            other,
            database,
        })
    }

    async fn run(&self, sql: &str) {
        self.other.batch_execute(sql).await.expect("runs");
    }

    /// Creates many partitions while the table is locked, so that they wait for one another, and
    /// returns how each fared.
    async fn create_together(&self) -> Vec<Result<Version, StoreErrorKind>> {
        self.run("BEGIN; LOCK TABLE mp_partition IN SHARE MODE")
            .await;
        create_together(self.store.clone(), root_and_mail, self.run("COMMIT")).await
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

#[tokio::test]
async fn commits_that_wait_together_share_a_transaction() {
    let test = "commits_that_wait_together_share_a_transaction";
    let Some(rig) = Rig::new(test).await else {
        return;
    };
    let answers = rig.create_together().await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    // The first may have gone ahead before the others came.
    let transactions = rig.store.transactions();
    assert!(
        (1..=2).contains(&transactions),
        "{transactions} transactions"
    );
}

#[tokio::test]
async fn a_conflict_leaves_the_others_of_its_group_alone() {
    let test = "a_conflict_leaves_the_others_of_its_group_alone";
    let Some(rig) = Rig::new(test).await else {
        return;
    };
    let created = root(Version::ABSENT);
    let created = rig.store.commit(&partition(POISONED), created).await;
    let created = created.expect("creates");
    let before = rig.store.transactions();
    let answers = rig.create_together().await;
    for (n, answer) in answers.iter().enumerate() {
        let conflict = *answer == Err(StoreErrorKind::Conflict);
        assert_eq!(conflict, n == POISONED, "{n}: {answer:?}");
    }
    assert_eq!(head(&*rig.store, POISONED).await, created);
    let mail = rig.other.query("SELECT FROM mp_delivery", &[]).await;
    let mail = mail.expect("counts").len();
    assert_eq!(mail, MANY - 1, "what conflicts writes nothing");
    let transactions = rig.store.transactions() - before;
    assert!(
        (1..=2).contains(&transactions),
        "{transactions} transactions"
    );
}

#[tokio::test]
async fn a_member_that_fails_leaves_the_others_of_its_group_alone() {
    let test = "a_member_that_fails_leaves_the_others_of_its_group_alone";
    let Some(rig) = Rig::new(test).await else {
        return;
    };
    poison(&rig, "BEFORE INSERT ON mp_partition").await;
    let answers = rig.create_together().await;
    expect_all_but_the_poisoned(&*rig.store, &answers).await;
}

#[tokio::test]
async fn a_member_that_fails_at_the_end_leaves_the_others_of_its_group_alone() {
    let test = "a_member_that_fails_at_the_end_leaves_the_others_of_its_group_alone";
    let Some(rig) = Rig::new(test).await else {
        return;
    };
    // When the transaction commits, and not before.
    poison(
        &rig,
        "AFTER INSERT ON mp_delivery DEFERRABLE INITIALLY DEFERRED",
    )
    .await;
    let answers = rig.create_together().await;
    expect_all_but_the_poisoned(&*rig.store, &answers).await;
    assert_ne!(answers[POISONED], Err(StoreErrorKind::Unknown));
}

/// Makes a write of the poisoned partition fail.
async fn poison(rig: &Rig, when: &str) {
    let (event, deferred) = when.split_at(when.find(" DEFERRABLE").unwrap_or(when.len()));
    let constraint = if deferred.is_empty() {
        ""
    } else {
        "CONSTRAINT"
    };
    rig.run(&format!(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN RAISE EXCEPTION 'poisoned'; END $$;
         CREATE {constraint} TRIGGER poison {event} {deferred} FOR EACH ROW
         WHEN (new.partition = '{}') EXECUTE FUNCTION refuse()",
        partition(POISONED)
    ))
    .await;
}

#[tokio::test]
async fn commits_of_one_partition_go_one_after_another() {
    let test = "commits_of_one_partition_go_one_after_another";
    let Some(rig) = Rig::new(test).await else {
        return;
    };
    rig.run("BEGIN; LOCK TABLE mp_partition IN SHARE MODE")
        .await;
    let mut tasks = JoinSet::new();
    for _ in 0..MANY {
        let store = rig.store.clone();
        tasks.spawn(async move { store.commit(&partition(1), root(Version::ABSENT)).await });
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    rig.run("COMMIT").await;
    let answers = tasks.join_all().await;
    let won = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(won, 1, "of many creators one wins");
    assert_eq!(rig.store.transactions(), MANY as u64);
}

#[tokio::test]
async fn dropping_the_store_carries_out_what_it_accepted() {
    let test = "dropping_the_store_carries_out_what_it_accepted";
    let Some(rig) = Rig::new(test).await else {
        return;
    };
    for n in 0..MANY {
        let store = rig.store.clone();
        // Gives up the answer right after the commit was handed over.
        let commit = async move { store.commit(&partition(n), root(Version::ABSENT)).await };
        let given_up = tokio::time::timeout(Duration::ZERO, commit).await;
        drop(given_up);
    }
    drop(rig.store);
    let store = connect(&rig.database).await;
    for n in 0..MANY {
        let done = async {
            while head(&store, n).await == Version::ABSENT {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let done = tokio::time::timeout(Duration::from_secs(10), done).await;
        done.unwrap_or_else(|_| panic!("{n} was accepted and not done"));
    }
}
