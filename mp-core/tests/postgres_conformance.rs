//! The PostgreSQL store keeps the contract, at every isolation level that a server may prescribe.
#![cfg(all(feature = "conformance", feature = "postgres"))]

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use mp_core::{
    conformance::{StoreFactory, check_all},
    store::{Listing, PostgresOptions, PostgresStore, Store},
};
use throwaway_postgres::{Database, database};

/// Opens each store in a schema of its own.
#[derive(Debug)]
struct Postgres {
    database: Database,
    opened: AtomicUsize,
}

impl Postgres {
    async fn connect_anew(&self) -> Arc<PostgresStore> {
        self.connect(self.opened.fetch_add(1, Ordering::Relaxed) + 1)
            .await
    }

    async fn connect(&self, number: usize) -> Arc<PostgresStore> {
        let options = PostgresOptions::default().with_schema(format!("store {number}"));
        let store = PostgresStore::connect(self.database.url(), options).await;
        Arc::new(store.expect("connects"))
    }
}

#[async_trait]
impl StoreFactory for Postgres {
    async fn open(&self) -> Arc<dyn Store> {
        self.connect_anew().await
    }

    async fn reopen(&self, store: Arc<dyn Store>) -> Option<Arc<dyn Store>> {
        drop(store);
        Some(self.connect(self.opened.load(Ordering::Relaxed)).await)
    }

    async fn open_again(&self) -> Option<Arc<dyn Store>> {
        Some(self.connect(self.opened.load(Ordering::Relaxed)).await)
    }

    async fn open_listing(&self) -> Option<Arc<dyn Listing>> {
        Some(self.connect_anew().await)
    }
}

async fn the_contract_is_kept_at(isolation: &str) {
    let Some(database) = database(&format!("the_contract_is_kept_at_{isolation}")).await else {
        return;
    };
    let prescribe = format!(
        "ALTER DATABASE {} SET default_transaction_isolation = '{}'",
        database.name(),
        isolation.replace('_', " ")
    );
    let prescribed = database.client().await.batch_execute(&prescribe).await;
    prescribed.expect("prescribes");
    let factory = Postgres {
        database,
        opened: AtomicUsize::new(0),
    };
    let report = check_all(&factory).await;
    assert!(report.is_clean(), "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_contract_is_kept_at_read_committed() {
    the_contract_is_kept_at("read_committed").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_contract_is_kept_at_repeatable_read() {
    the_contract_is_kept_at("repeatable_read").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_contract_is_kept_at_serializable() {
    the_contract_is_kept_at("serializable").await;
}
