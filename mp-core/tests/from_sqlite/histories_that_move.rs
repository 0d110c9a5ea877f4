use std::sync::Arc;

use proptest::{prelude::*, test_runner::TestRunner};
use tokio::runtime::Runtime;

use crate::{
    histories::{Pair, histories},
    route::Route,
};

/// Reads, changes, leases and their settlement, what is dead, commits and their conflicts: whatever
/// was called before the move and after it, the answers are those of a store that never moved.
#[test]
fn a_history_goes_on_after_the_move_as_if_nothing_had_moved() {
    let runtime = Runtime::new().expect("a runtime");
    let test = "a_history_goes_on_after_the_move_as_if_nothing_had_moved";
    let Some(route) = runtime.block_on(Route::plan(test)) else {
        return;
    };
    let end = Arc::new(runtime.block_on(route.end()));
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 24,
        ..ProptestConfig::default()
    });
    let outcome = runner.run(&(histories(), histories()), |(before, after)| {
        runtime.block_on(async {
            route.clear().await;
            let mut pair = Pair::new(Arc::new(route.start())).await?;
            pair.take_all(before).await?;
            // The file is closed with the store.
            pair.go_on_with(end.clone());
            route.travel().map_err(TestCaseError::fail)?;
            pair.take_all(after).await
        })
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
