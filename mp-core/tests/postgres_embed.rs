//! What the PostgreSQL store promises to a host that commits a batch inside its own transaction.
#![cfg(feature = "postgres")]

mod counter;

use std::{sync::Arc, time::Duration};

use mp_core::{
    Command, Engine,
    engine::Planned,
    store::{
        Batch, PostgresOptions, PostgresStore, Query, Store, StoreError, StoreErrorKind, Version,
    },
};
use throwaway_postgres::{Database, database};
use tokio::time::sleep;
use tokio_postgres::{Client, IsolationLevel, Transaction};

use self::counter::{Counter, count, once, partition};

/// The sessions that wait for others.
const WAITING: &str = "SELECT FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'";

struct Rig {
    store: Arc<PostgresStore>,
    engine: Engine,
    host: Client,
    database: Database,
}

impl Rig {
    async fn new(test: &str, options: PostgresOptions) -> Option<Self> {
        let database = database(test).await?;
        let store = PostgresStore::connect(database.url(), options).await;
        let store = Arc::new(store.expect("connects"));
        let engine = counter::engine(store.clone());
        let host = database.client().await;
        host.batch_execute("CREATE TABLE orders (id bigserial PRIMARY KEY)")
            .await
            .expect("creates");
        Some(Self {
            store,
            engine,
            host,
            database,
        })
    }

    async fn plan(&self) -> Batch {
        let planned = self.engine.plan(Command::on(partition()), count).await;
        let Planned { batch, .. } = planned.expect("plans");
        batch.expect("writes")
    }

    /// Places an order and applies the batch, both in one transaction of the host's.
    async fn place(&mut self, batch: &Batch, commits: bool) -> Result<Version, StoreError> {
        let mut transaction = self.host.transaction().await.expect("begins");
        order(&transaction).await;
        let applied = self
            .store
            .commit_in(&mut transaction, &partition(), batch)
            .await;
        match commits {
            true => transaction.commit().await.expect("commits"),
            false => transaction.rollback().await.expect("rolls back"),
        }
        applied
    }

    async fn head(&self) -> Version {
        counter::head(&*self.store).await
    }

    async fn orders(&self) -> i64 {
        let orders = self.host.query_one("SELECT count(*) FROM orders", &[]);
        orders.await.expect("counts").get(0)
    }
}

async fn order(transaction: &Transaction<'_>) {
    let placed = transaction.execute("INSERT INTO orders DEFAULT VALUES", &[]);
    placed.await.expect("inserts");
}

fn kind(refused: Result<Version, StoreError>) -> StoreErrorKind {
    refused.expect_err("is refused").kind()
}

#[tokio::test]
async fn the_hosts_row_and_our_record_exist_both_or_not_at_all() {
    let test = "the_hosts_row_and_our_record_exist_both_or_not_at_all";
    let Some(mut rig) = Rig::new(test, PostgresOptions::default()).await else {
        return;
    };
    let batch = rig.plan().await;
    rig.place(&batch, false).await.expect("applies");
    assert_eq!((rig.orders().await, rig.head().await), (0, Version::ABSENT));
    let version = rig.place(&batch, true).await.expect("applies");
    assert_eq!((rig.orders().await, rig.head().await), (1, version));
}

#[tokio::test]
async fn a_conflict_writes_nothing_and_leaves_the_transaction_to_the_host() {
    let test = "a_conflict_writes_nothing_and_leaves_the_transaction_to_the_host";
    let Some(mut rig) = Rig::new(test, PostgresOptions::default()).await else {
        return;
    };
    let stale = rig.plan().await;
    let counted = rig.engine.run(Command::on(partition()), count).await;
    assert_eq!(counted.expect("counts").answer, 1);
    let head = rig.head().await;
    let refused = rig.place(&stale, true).await;
    assert_eq!(kind(refused), StoreErrorKind::Conflict);
    assert_eq!((rig.orders().await, rig.head().await), (1, head));
}

#[tokio::test]
async fn a_host_that_saw_an_older_state_meets_a_conflict() {
    let test = "a_host_that_saw_an_older_state_meets_a_conflict";
    let Some(mut rig) = Rig::new(test, PostgresOptions::default()).await else {
        return;
    };
    let counted = rig.engine.run(Command::on(partition()), count).await;
    counted.expect("counts");
    let repeatable = rig.host.build_transaction();
    let mut transaction = repeatable
        .isolation_level(IsolationLevel::RepeatableRead)
        .start()
        .await
        .expect("begins");
    order(&transaction).await;
    let counted = rig.engine.run(Command::on(partition()), count).await;
    counted.expect("counts");
    let planned = rig.engine.plan(Command::on(partition()), count).await;
    let batch = planned.expect("plans").batch.expect("writes");
    let refused = rig
        .store
        .commit_in(&mut transaction, &partition(), &batch)
        .await;
    assert_eq!(kind(refused), StoreErrorKind::Conflict);
    order(&transaction).await;
    transaction.commit().await.expect("commits what is its own");
    assert_eq!(rig.orders().await, 2);
}

#[tokio::test]
async fn the_schema_of_the_store_and_the_path_of_the_host_are_two_things() {
    let test = "the_schema_of_the_store_and_the_path_of_the_host_are_two_things";
    let options = PostgresOptions::default().with_schema("our \"own\"");
    let Some(mut rig) = Rig::new(test, options).await else {
        return;
    };
    let batch = rig.plan().await;
    let mut transaction = rig.host.transaction().await.expect("begins");
    transaction
        .batch_execute("SET LOCAL search_path = 'public', pg_temp")
        .await
        .expect("sets");
    let applied = rig
        .store
        .commit_in(&mut transaction, &partition(), &batch)
        .await;
    applied.expect("applies");
    let path = transaction.query_one("SHOW search_path", &[]).await;
    assert_eq!(path.expect("shows").get::<_, &str>(0), "public, pg_temp");
    order(&transaction).await;
    transaction.commit().await.expect("commits");
    assert_ne!(rig.head().await, Version::ABSENT);
}

#[tokio::test]
async fn a_database_without_the_tables_is_refused() {
    let test = "a_database_without_the_tables_is_refused";
    let Some(rig) = Rig::new(test, PostgresOptions::default()).await else {
        return;
    };
    let batch = rig.plan().await;
    let Some(other) = database(test).await else {
        return;
    };
    let mut elsewhere = other.client().await;
    let mut transaction = elsewhere.transaction().await.expect("begins");
    let refused = rig
        .store
        .commit_in(&mut transaction, &partition(), &batch)
        .await;
    assert_eq!(kind(refused), StoreErrorKind::Invalid);
    assert_ne!(rig.database.name(), other.name());
}

#[tokio::test]
async fn of_two_batches_of_a_partition_in_one_transaction_the_second_conflicts() {
    let test = "of_two_batches_of_a_partition_in_one_transaction_the_second_conflicts";
    let Some(mut rig) = Rig::new(test, PostgresOptions::default()).await else {
        return;
    };
    let mut transaction = rig.host.transaction().await.expect("begins");
    for refused in [false, true] {
        let planned = rig.engine.plan(Command::on(partition()), count).await;
        let batch = planned.expect("plans").batch.expect("writes");
        let applied = rig
            .store
            .commit_in(&mut transaction, &partition(), &batch)
            .await;
        let conflict = applied.is_err_and(|error| error.kind() == StoreErrorKind::Conflict);
        assert_eq!(conflict, refused);
    }
}

/// As a host does that was not told what became of its COMMIT: with nobody in between, and with
/// somebody who has committed since.
#[tokio::test]
async fn a_host_finds_out_what_became_of_its_commit() {
    let test = "a_host_finds_out_what_became_of_its_commit";
    let Some(mut rig) = Rig::new(test, PostgresOptions::default()).await else {
        return;
    };
    for (key, came) in [("order-1", true), ("order-2", false)] {
        let planned = rig.engine.plan(once(key), count).await;
        let batch = planned.expect("plans").batch.expect("writes");
        rig.place(&batch, came).await.expect("applies");
        let view = rig.store.read(&partition(), &Query::default()).await;
        let view = view.expect("reads");
        assert_eq!(view.commit_id == batch.commit_id, came);
        assert_eq!(view.head == batch.expect, !came);

        let counted = rig.engine.run(Command::on(partition()), count).await;
        counted.expect("counts");
        let again = rig.place(&batch, false).await;
        assert_eq!(kind(again), StoreErrorKind::Conflict);
        let planned = rig.engine.plan(once(key), count).await;
        assert_eq!(planned.expect("plans").batch.is_none(), came);
    }
}

/// Sent again while the COMMIT is under way, it waits for that.
#[tokio::test]
async fn a_batch_that_is_sent_again_gets_through_once() {
    let test = "a_batch_that_is_sent_again_gets_through_once";
    let Some(mut rig) = Rig::new(test, PostgresOptions::default()).await else {
        return;
    };
    let batch = rig.plan().await;
    let mut other = rig.database.client().await;
    let mut under_way = other.transaction().await.expect("begins");
    order(&under_way).await;
    let applied = rig
        .store
        .commit_in(&mut under_way, &partition(), &batch)
        .await;
    applied.expect("applies");
    assert_eq!(rig.head().await, batch.expect);
    let third = rig.database.client().await;
    let commits = async {
        while third.query(WAITING, &[]).await.expect("tells").is_empty() {
            sleep(Duration::from_millis(1)).await;
        }
        under_way.commit().await.expect("commits");
    };
    let (again, ()) = tokio::join!(rig.place(&batch, false), commits);
    assert_eq!(kind(again), StoreErrorKind::Conflict);
    assert_eq!(rig.orders().await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn embedded_commits_and_the_engines_own_lose_nothing_to_each_other() {
    const EACH: u64 = 100;
    let test = "embedded_commits_and_the_engines_own_lose_nothing_to_each_other";
    let Some(mut rig) = Rig::new(test, PostgresOptions::default()).await else {
        return;
    };
    let engine = rig.engine.clone();
    let running = tokio::spawn(async move {
        for _ in 0..EACH {
            let counted = engine.run(Command::on(partition()), count).await;
            counted.expect("counts");
        }
    });
    let mut placed = 0;
    while placed < EACH {
        let batch = rig.plan().await;
        let mut transaction = rig.host.transaction().await.expect("begins");
        order(&transaction).await;
        let applied = rig
            .store
            .commit_in(&mut transaction, &partition(), &batch)
            .await;
        match applied {
            Ok(_) => {
                transaction.commit().await.expect("commits");
                placed += 1;
            }
            Err(error) => {
                assert_eq!(error.kind(), StoreErrorKind::Conflict, "{error:?}");
                transaction.rollback().await.expect("rolls back");
            }
        }
    }
    running.await.expect("runs to the end");
    let counted = rig.engine.read(Command::on(partition())).await;
    let counter = counted.expect("reads").root::<Counter>().expect("reads");
    assert_eq!(counter.expect("is there").count, 2 * EACH);
    assert_eq!(rig.orders().await, i64::try_from(EACH).expect("fits"));
}
