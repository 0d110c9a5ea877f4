//! Retention of what has more records than the store returns in one read.
#![cfg(feature = "conformance")]

mod orders;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use mp_core::{
    Command, Edits, Error, Family,
    conformance::{Call, HookedStore, Phase},
    store::{Limits, Partition, StoreErrorKind},
};

use self::orders::{AGE, LINES, Shop, partition};

/// Returns a way to the shop's store by which one read returns no more than three records.
fn narrow<F>(
    shop: &Shop,
    hook: impl Fn(Call, Phase, Option<&Partition>) -> F + Send + Sync + 'static,
) -> Arc<HookedStore>
where
    F: Future<Output = Result<(), StoreErrorKind>> + Send + 'static,
{
    let mut limits = Limits::STANDARD;
    (limits.read_max, limits.writes_max) = (3, 3);
    Arc::new(HookedStore::new(shop.store.clone(), hook).with_limits(limits))
}

#[tokio::test]
async fn what_is_larger_than_one_read_is_archived_whole() {
    let shop = Shop::new();
    shop.put(1, true).await;
    shop.put(2, false).await;
    let before = shop.all().await;
    shop.clock.advance(AGE);
    let store = narrow(&shop, |_, _, _| async { Ok(()) });
    let retention = shop.retention_over(store, shop.shelf.clone());
    let sweep = retention.sweep_all().await.expect("sweeps");
    assert_eq!((sweep.retired, sweep.live, sweep.unreadable), (1, 1, 0));
    assert_eq!(shop.look(&partition(1)).await.records.len(), 1, "the mark");
    assert_eq!(shop.all().await, before, "an auditor finds everything");
}

#[tokio::test]
async fn what_changes_while_it_is_read_is_left_alone() {
    let shop = Shop::new();
    shop.put(1, true).await;
    shop.clock.advance(AGE);
    let (engine, reads) = (shop.engine(), Arc::new(AtomicUsize::new(0)));
    let store = narrow(&shop, move |call, phase, _| {
        let first = (call, phase) == (Call::Read, Phase::After)
            && reads.fetch_add(1, Ordering::SeqCst) == 0;
        let engine = engine.clone();
        async move {
            if first {
                let shorten = |_: &Family, _| {
                    let mut edits = Edits::new();
                    edits.delete("l/0");
                    Ok::<_, Error>(edits.answer(()))
                };
                let command = Command::on(partition(1)).key("l/0");
                engine.run(command, shorten).await.expect("shortens");
            }
            Ok(())
        }
    });
    let retention = shop.retention_over(store, shop.shelf.clone());
    let sweep = retention.sweep_all().await.expect("sweeps");
    assert_eq!((sweep.retired, sweep.live, sweep.unreadable), (0, 1, 0));
    assert_eq!(shop.look(&partition(1)).await.records.len(), LINES);
    assert!(shop.shelf.0.lock().expect("no panic").is_empty());
}
