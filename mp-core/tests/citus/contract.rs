//! The contract is kept, and random histories read as on the reference store.

use std::sync::Arc;

use async_trait::async_trait;
use mp_core::{
    conformance::{StoreFactory, check_all},
    store::{Listing, PostgresOptions, Store},
};
use proptest::{prelude::*, test_runner::TestRunner};
use tokio::runtime::Runtime;

use crate::{histories, tables::Tables};

#[async_trait]
impl StoreFactory for Tables {
    async fn open(&self) -> Arc<dyn Store> {
        self.empty().await;
        Arc::new(Self::open(self, PostgresOptions::default()).await)
    }

    async fn reopen(&self, store: Arc<dyn Store>) -> Option<Arc<dyn Store>> {
        drop(store);
        Some(Arc::new(Self::open(self, PostgresOptions::default()).await))
    }

    async fn open_again(&self) -> Option<Arc<dyn Store>> {
        Some(Arc::new(Self::open(self, PostgresOptions::default()).await))
    }

    async fn open_listing(&self) -> Option<Arc<dyn Listing>> {
        self.empty().await;
        Some(Arc::new(Self::open(self, PostgresOptions::default()).await))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_contract_is_kept_on_citus() {
    let Some(tables) = Tables::make("the_contract_is_kept_on_citus").await else {
        return;
    };
    let report = check_all(&tables).await;
    assert!(report.is_clean(), "{report}");
}

#[test]
fn every_history_reads_the_same_on_citus() {
    let runtime = Runtime::new().expect("a runtime");
    let test = "every_history_reads_the_same_on_citus";
    let Some(tables) = runtime.block_on(Tables::make(test)) else {
        return;
    };
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 24,
        ..ProptestConfig::default()
    });
    let outcome = runner.run(&histories::histories(), |steps| {
        runtime.block_on(async {
            let store = StoreFactory::open(&tables).await;
            histories::replay(store, steps).await
        })
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
