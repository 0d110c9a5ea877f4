//! A store that outgrew its file: moved by `from_sqlite.sh`, it goes on where it was.

use std::{path::Path, process::Command, sync::Arc};

use mp_core::store::{PostgresOptions, SqliteOptions, SqliteStore};
use proptest::{prelude::*, test_runner::TestRunner};
use tokio::runtime::Runtime;

use crate::{
    histories::{Pair, histories},
    tables::Tables,
};

#[test]
fn a_history_that_began_in_a_file_goes_on_on_citus() {
    let runtime = Runtime::new().expect("a runtime");
    let test = "a_history_that_began_in_a_file_goes_on_on_citus";
    let Some(tables) = runtime.block_on(Tables::make(test)) else {
        return;
    };
    let end = runtime.block_on(tables.open(PostgresOptions::default()));
    let end = Arc::new(end);
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 8,
        ..ProptestConfig::default()
    });
    let outcome = runner.run(&(histories(), histories()), |(before, after)| {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("mp.db");
        runtime.block_on(async {
            tables.empty().await;
            let start = SqliteStore::open(&file, SqliteOptions::default())?;
            let mut pair = Pair::new(Arc::new(start)).await?;
            pair.take_all(before).await?;
            // The file is closed with the store.
            pair.go_on_with(end.clone());
            travel(&file, tables.url())?;
            pair.take_all(after).await
        })
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

fn travel(file: &Path, url: &str) -> Result<(), TestCaseError> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/postgres/from_sqlite.sh");
    let mut command = Command::new("bash");
    let output = command.arg(script).arg(file).arg(url).output()?;
    let told = String::from_utf8_lossy(&output.stderr);
    prop_assert!(output.status.success(), "{told}");
    Ok(())
}
