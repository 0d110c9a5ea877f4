//! Random histories: the embedded store answers each step as the reference store does.
#![cfg(feature = "sqlite")]

mod histories;

use std::sync::Arc;

use mp_core::store::{Durability, SqliteOptions, SqliteStore};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn every_history_reads_the_same_on_both_stores(steps in histories::histories()) {
        let folder = tempfile::tempdir()?;
        // Nobody pulls the plug here.
        let options = SqliteOptions::default().with_durability(Durability::Normal);
        let store = SqliteStore::open(folder.path().join("mp.db"), options)?;
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        runtime.block_on(histories::replay(Arc::new(store), steps))?;
    }
}
