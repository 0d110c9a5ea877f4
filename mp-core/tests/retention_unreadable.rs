//! Retention over a store of which a part does not read back.
#![cfg(feature = "conformance")]

mod orders;

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use mp_core::{
    ErrorKind,
    conformance::{Call, HookedStore, Phase},
    store::{Limits, Partition, StoreErrorKind},
};

use self::orders::{AGE, Shop, mark, partition};

const BROKEN: usize = 1;

/// Returns whether a call reads the partition that does not read back.
fn meets_it(call: Call, phase: Phase, place: Option<&Partition>) -> bool {
    (call, phase) == (Call::Read, Phase::Before) && place == Some(&partition(BROKEN))
}

#[tokio::test]
async fn one_partition_that_does_not_read_back_keeps_no_other_from_being_retired() {
    let shop = Shop::new();
    for number in 0..4 {
        shop.put(number, true).await;
    }
    shop.clock.advance(AGE);
    let hook = |call, phase, place: Option<&Partition>| {
        let broken = meets_it(call, phase, place);
        async move {
            if broken {
                Err(StoreErrorKind::Corrupt)
            } else {
                Ok(())
            }
        }
    };
    let store = Arc::new(HookedStore::new(shop.store.clone(), hook));
    let retention = shop.retention_over(store, shop.shelf.clone());
    let sweep = retention.sweep_all().await.expect("sweeps");
    assert_eq!((sweep.seen, sweep.retired, sweep.unreadable), (4, 3, 1));
    assert_eq!(mark(&shop.look(&partition(BROKEN)).await), None, "it stays");
}

#[tokio::test]
async fn what_does_not_read_back_further_on_is_left_as_it_is() {
    let shop = Shop::new();
    for number in 0..4 {
        shop.put(number, true).await;
    }
    shop.clock.advance(AGE);
    let reads = Arc::new(AtomicU32::new(0));
    let hook = move |call, phase, place: Option<&Partition>| {
        let broken = meets_it(call, phase, place) && reads.fetch_add(1, Ordering::SeqCst) > 0;
        async move {
            if broken {
                Err(StoreErrorKind::Corrupt)
            } else {
                Ok(())
            }
        }
    };
    let mut limits = Limits::STANDARD;
    limits.read_max = 2;
    let store = HookedStore::new(shop.store.clone(), hook).with_limits(limits);
    let retention = shop.retention_over(Arc::new(store), shop.shelf.clone());
    let sweep = retention.sweep_all().await.expect("sweeps");
    assert_eq!((sweep.seen, sweep.retired, sweep.unreadable), (4, 3, 1));
}

#[tokio::test]
async fn a_store_that_is_out_of_reach_still_ends_the_sweep() {
    let shop = Shop::new();
    shop.put(BROKEN, true).await;
    shop.clock.advance(AGE);
    let hook = |call, phase, place: Option<&Partition>| {
        let away = meets_it(call, phase, place);
        async move {
            if away {
                Err(StoreErrorKind::Unavailable)
            } else {
                Ok(())
            }
        }
    };
    let store = Arc::new(HookedStore::new(shop.store.clone(), hook));
    let retention = shop.retention_over(store, shop.shelf.clone());
    let error = retention.sweep_all().await.expect_err("is told");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}
