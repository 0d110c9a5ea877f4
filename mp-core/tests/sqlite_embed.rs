//! What the embedded store promises to a host that commits a batch inside its own transaction.
#![cfg(feature = "sqlite")]

mod counter;

use std::{path::Path, sync::Arc};

use mp_core::{
    Command, Engine,
    engine::Planned,
    store::{Durability, Query, SqliteOptions, SqliteStore, Store, StoreErrorKind, Version},
};
use rusqlite::{Connection, Transaction, TransactionBehavior};

use self::counter::{Counter, count, once, partition};

struct Rig {
    store: Arc<SqliteStore>,
    engine: Engine,
    host: Connection,
    folder: tempfile::TempDir,
}

impl Rig {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("shop.db");
        let store = Arc::new(open(&path));
        let engine = counter::engine(store.clone());
        let host = Connection::open(&path).expect("the host opens the same file");
        host.busy_timeout(std::time::Duration::from_secs(5))
            .expect("waits");
        host.execute_batch("CREATE TABLE orders (id INTEGER PRIMARY KEY)")
            .expect("creates");
        Self {
            store,
            engine,
            host,
            folder,
        }
    }

    async fn plan(&self) -> Planned<u64> {
        let planned = self.engine.plan(Command::on(partition()), count).await;
        planned.expect("plans")
    }

    fn begin(&mut self) -> Transaction<'_> {
        let begun = self
            .host
            .transaction_with_behavior(TransactionBehavior::Immediate);
        begun.expect("begins")
    }

    async fn head(&self) -> Version {
        counter::head(&*self.store).await
    }

    fn orders(&self) -> u64 {
        let count = "SELECT count(*) FROM orders";
        let orders = self.host.query_row(count, [], |row| row.get::<_, u32>(0));
        orders.expect("counts").into()
    }
}

fn open(path: &Path) -> SqliteStore {
    let options = SqliteOptions::default().with_durability(Durability::Normal);
    SqliteStore::open(path, options).expect("opens")
}

fn order(transaction: &Transaction<'_>) {
    let placed = transaction.execute("INSERT INTO orders DEFAULT VALUES", []);
    placed.expect("inserts");
}

#[tokio::test]
async fn the_hosts_row_and_our_record_exist_both_or_not_at_all() {
    let mut rig = Rig::new();
    for (commits, orders) in [(false, 0), (true, 1)] {
        let Planned {
            partition, batch, ..
        } = rig.plan().await;
        let (store, batch) = (rig.store.clone(), batch.expect("writes"));
        let mut transaction = rig.begin();
        order(&transaction);
        let version = store.commit_in(&mut transaction, &partition, &batch);
        let version = version.expect("applies");
        match commits {
            true => transaction.commit().expect("commits"),
            false => transaction.rollback().expect("rolls back"),
        }
        assert_eq!(rig.orders(), orders);
        let expected = if commits { version } else { Version::ABSENT };
        assert_eq!(rig.head().await, expected);
    }
}

#[tokio::test]
async fn a_conflict_writes_nothing_and_leaves_the_transaction_to_the_host() {
    let mut rig = Rig::new();
    let (stale, store) = (rig.plan().await, rig.store.clone());
    let counted = rig.engine.run(Command::on(partition()), count).await;
    assert_eq!(counted.expect("counts").answer, 1);
    let head = rig.head().await;
    let mut transaction = rig.begin();
    order(&transaction);
    let batch = stale.batch.expect("writes");
    let refused = store.commit_in(&mut transaction, &partition(), &batch);
    assert_eq!(
        refused.expect_err("is stale").kind(),
        StoreErrorKind::Conflict
    );
    transaction.commit().expect("commits what is the host's");
    assert_eq!((rig.orders(), rig.head().await), (1, head));
}

#[tokio::test]
async fn a_transaction_on_another_file_is_refused() {
    let rig = Rig::new();
    let batch = rig.plan().await.batch.expect("writes");
    let other = rig.folder.path().join("other.db");
    drop(open(&other));
    let mut connection = Connection::open(&other).expect("opens");
    let mut transaction = connection.transaction().expect("begins");
    let refused = rig
        .store
        .commit_in(&mut transaction, &partition(), &batch)
        .expect_err("is refused");
    assert_eq!(refused.kind(), StoreErrorKind::Invalid);
}

/// As a host does that was not told what became of its COMMIT: with nobody in between, and with
/// somebody who has committed since.
#[tokio::test]
async fn a_host_finds_out_what_became_of_its_commit() {
    let mut rig = Rig::new();
    for (key, came) in [("order-1", true), ("order-2", false)] {
        let planned = rig.engine.plan(once(key), count).await;
        let batch = planned.expect("plans").batch.expect("writes");
        let store = rig.store.clone();
        let mut transaction = rig.begin();
        let applied = store.commit_in(&mut transaction, &partition(), &batch);
        applied.expect("applies");
        let twice = store.commit_in(&mut transaction, &partition(), &batch);
        let twice = twice.expect_err("is the second of the partition");
        assert_eq!(twice.kind(), StoreErrorKind::Conflict);
        match came {
            true => transaction.commit().expect("commits"),
            false => transaction.rollback().expect("rolls back"),
        }
        let view = store.read(&partition(), &Query::default()).await;
        let view = view.expect("reads");
        assert_eq!(view.commit_id == batch.commit_id, came);
        assert_eq!(view.head == batch.expect, !came);

        let counted = rig.engine.run(Command::on(partition()), count).await;
        counted.expect("counts");
        let again = store.commit_in(&mut rig.begin(), &partition(), &batch);
        let again = again.expect_err("has been overtaken").kind();
        assert_eq!(again, StoreErrorKind::Conflict);
        let planned = rig.engine.plan(once(key), count).await;
        assert_eq!(planned.expect("plans").batch.is_none(), came);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn embedded_commits_and_the_engines_own_lose_nothing_to_each_other() {
    const EACH: u64 = 100;
    let mut rig = Rig::new();
    let engine = rig.engine.clone();
    let running = tokio::spawn(async move {
        for _ in 0..EACH {
            let counted = engine.run(Command::on(partition()), count).await;
            counted.expect("counts");
        }
    });
    let mut placed = 0;
    while placed < EACH {
        let batch = rig.plan().await.batch.expect("writes");
        let store = rig.store.clone();
        let mut transaction = rig.begin();
        order(&transaction);
        match store.commit_in(&mut transaction, &partition(), &batch) {
            Ok(_) => {
                transaction.commit().expect("commits");
                placed += 1;
            }
            Err(error) => {
                assert_eq!(error.kind(), StoreErrorKind::Conflict, "{error:?}");
                transaction.rollback().expect("rolls back");
            }
        }
    }
    running.await.expect("runs to the end");
    let counted = rig.engine.read(Command::on(partition())).await;
    let counter = counted.expect("reads").root::<Counter>().expect("reads");
    assert_eq!(counter.expect("is there").count, 2 * EACH);
    assert_eq!(rig.orders(), EACH);
}
