//! Random histories: the PostgreSQL store answers each step as the reference store does.
#![cfg(feature = "postgres")]

mod histories;

use std::sync::Arc;

use mp_core::store::{PostgresOptions, PostgresStore, Store};
use proptest::{prelude::*, test_runner::TestRunner};
use throwaway_postgres::database;
use tokio::runtime::Runtime;

#[test]
fn every_history_reads_the_same_on_both_stores() {
    let runtime = Runtime::new().expect("a runtime");
    let test = "every_history_reads_the_same_on_both_stores";
    let Some(database) = runtime.block_on(database(test)) else {
        return;
    };
    let store = PostgresStore::connect(database.url(), PostgresOptions::default());
    let store: Arc<dyn Store> = Arc::new(runtime.block_on(store).expect("connects"));
    let client = runtime.block_on(database.client());
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 128,
        ..ProptestConfig::default()
    });
    let outcome = runner.run(&histories::histories(), |steps| {
        runtime.block_on(async {
            let empty = "TRUNCATE mp_partition, mp_record, mp_delivery";
            client.batch_execute(empty).await?;
            histories::replay(store.clone(), steps).await
        })
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
