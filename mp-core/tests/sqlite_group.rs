//! Group commit: many share one transaction, and each still succeeds or fails alone.
#![cfg(feature = "sqlite")]

mod crowd;

use std::{path::PathBuf, sync::Arc, time::Duration};

use mp_core::store::{SqliteOptions, SqliteStore, Store, StoreErrorKind, Version};
use rusqlite::Connection;
use tempfile::TempDir;

use self::crowd::{
    MANY, POISONED, create_together, expect_all_but_the_poisoned, head, partition, root,
};

/// A store, and another connection to its file that can be in its way.
struct Rig {
    store: Arc<SqliteStore>,
    other: Connection,
    path: PathBuf,
    _folder: TempDir,
}

impl Rig {
    fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("mp.db");
        let options = SqliteOptions::default().with_busy_timeout(Duration::from_secs(10));
        let store = Arc::new(SqliteStore::open(&path, options).expect("opens"));
        let other = Connection::open(&path).expect("opens");
        Self {
            store,
            other,
            path,
            _folder: folder,
        }
    }

    /// Creates many partitions while the file is locked, so that they wait for one another, and
    /// returns how each fared.
    async fn create_together(&self) -> Vec<Result<Version, StoreErrorKind>> {
        self.other.execute_batch("BEGIN IMMEDIATE").expect("locks");
        let unlock = async { self.other.execute_batch("COMMIT").expect("unlocks") };
        create_together(self.store.clone(), root, unlock).await
    }
}

#[tokio::test]
async fn commits_that_wait_together_share_a_transaction() {
    let rig = Rig::new();
    let before = rig.store.transactions();
    let answers = rig.create_together().await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    // The first may have gone ahead before the others came.
    let transactions = rig.store.transactions() - before;
    assert!(
        (1..=2).contains(&transactions),
        "{transactions} transactions"
    );
}

#[tokio::test]
async fn a_conflict_leaves_the_others_of_its_group_alone() {
    let rig = Rig::new();
    rig.store
        .commit(&partition(POISONED), root(Version::ABSENT))
        .await
        .expect("creates");
    let before = rig.store.transactions();
    let answers = rig.create_together().await;
    for (n, answer) in answers.iter().enumerate() {
        let conflict = *answer == Err(StoreErrorKind::Conflict);
        assert_eq!(conflict, n == POISONED, "{n}: {answer:?}");
    }
    let transactions = rig.store.transactions() - before;
    assert!(
        (1..=2).contains(&transactions),
        "{transactions} transactions"
    );
}

#[tokio::test]
async fn a_member_that_fails_leaves_the_others_of_its_group_alone() {
    let rig = Rig::new();
    let trigger = format!(
        "CREATE TRIGGER poison BEFORE INSERT ON mp_partition WHEN new.partition = '{}'
         BEGIN SELECT raise(ABORT, 'poisoned'); END",
        partition(POISONED)
    );
    rig.other.execute_batch(&trigger).expect("arms");
    let answers = rig.create_together().await;
    expect_all_but_the_poisoned(&*rig.store, &answers).await;
}

/// Makes COMMIT itself fail for the poisoned partition: a foreign key that is checked only then.
fn arm_commit(rig: &Rig) {
    let sql = format!(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY);
         CREATE TABLE child (id INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED);
         CREATE TRIGGER poison AFTER INSERT ON mp_partition WHEN new.partition = '{}'
         BEGIN INSERT INTO child VALUES (1); END",
        partition(POISONED)
    );
    rig.other.execute_batch(&sql).expect("arms");
}

#[tokio::test]
async fn a_commit_that_fails_is_told_from_one_that_was_done() {
    let rig = Rig::new();
    arm_commit(&rig);
    let answers = rig.create_together().await;
    expect_all_but_the_poisoned(&*rig.store, &answers).await;
    assert_ne!(answers[POISONED], Err(StoreErrorKind::Unknown));
}

#[tokio::test]
async fn a_commit_whose_outcome_cannot_be_found_out_is_unknown() {
    let rig = Rig::new();
    arm_commit(&rig);
    let trigger = "CREATE TRIGGER no_fence BEFORE UPDATE ON mp_meta
         BEGIN SELECT raise(ABORT, 'no fence'); END";
    rig.other.execute_batch(trigger).expect("arms");
    let answer = rig
        .store
        .commit(&partition(POISONED), root(Version::ABSENT))
        .await;
    assert_eq!(answer.expect_err("fails").kind(), StoreErrorKind::Unknown);
    // The store goes on.
    rig.store
        .commit(&partition(1), root(Version::ABSENT))
        .await
        .expect("commits");
}

#[tokio::test]
async fn a_file_that_stays_locked_is_unavailable_and_nothing_is_written() {
    let rig = Rig::new();
    let options = SqliteOptions::default().with_busy_timeout(Duration::from_millis(50));
    let hasty = SqliteStore::open(&rig.path, options).expect("opens");
    rig.other.execute_batch("BEGIN IMMEDIATE").expect("locks");
    let answer = hasty.commit(&partition(1), root(Version::ABSENT)).await;
    assert_eq!(
        answer.expect_err("fails").kind(),
        StoreErrorKind::Unavailable
    );
    // Readers do not wait for the writer.
    assert_eq!(head(&*rig.store, 1).await, Version::ABSENT);
    rig.other.execute_batch("COMMIT").expect("unlocks");
    hasty
        .commit(&partition(1), root(Version::ABSENT))
        .await
        .expect("commits");
}

#[tokio::test]
async fn dropping_the_store_carries_out_what_it_accepted() {
    let rig = Rig::new();
    for n in 0..MANY {
        let store = rig.store.clone();
        // Gives up the answer right after the commit was handed over.
        let commit = async move { store.commit(&partition(n), root(Version::ABSENT)).await };
        let given_up = tokio::time::timeout(Duration::ZERO, commit).await;
        drop(given_up);
    }
    drop(rig.store);
    let store = SqliteStore::open(&rig.path, SqliteOptions::default()).expect("opens");
    for n in 0..MANY {
        assert_ne!(head(&store, n).await, Version::ABSENT, "{n}");
    }
}
