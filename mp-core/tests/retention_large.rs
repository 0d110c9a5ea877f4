//! Retention of what has more records than the store returns in one read.
#![cfg(feature = "conformance")]

mod orders;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use mp_core::{
    Command, Edits, Error, Family, Timestamp,
    conformance::{Call, HookedStore, Phase},
    retention::{Archive, Archived},
    store::{
        Batch, CommitId, DueQuery, Key, Limits, Outcome, Partition, SlotSet, Store, StoreErrorKind,
        Write,
    },
    work::LEASE,
};

use self::orders::{AGE, LINES, Shelf, Shop, partition};

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
async fn what_a_clearing_left_that_broke_off_is_gone_after_the_next_sweep() {
    let shop = Shop::new();
    shop.put(1, true).await;
    shop.clock.advance(AGE);
    let commits = Arc::new(AtomicUsize::new(0));
    let store = narrow(&shop, move |call, phase, _| {
        let commit = (call, phase) == (Call::Commit, Phase::Before);
        let breaks = commit && commits.fetch_add(1, Ordering::SeqCst) == 1;
        async move {
            match breaks {
                true => Err(StoreErrorKind::Unavailable),
                false => Ok(()),
            }
        }
    });
    let retention = shop.retention_over(store, shop.shelf.clone());
    retention.sweep_all().await.expect_err("breaks off");
    assert!(shop.look(&partition(1)).await.records.len() > 3, "is left");
    retention.sweep_all().await.expect("sweeps");
    assert_eq!(shop.look(&partition(1)).await.records.len(), 1, "the mark");
}

/// Counts how often it was asked to keep anything.
#[derive(Debug)]
struct Counting(Arc<Shelf>, AtomicUsize);

#[async_trait]
impl Archive for Counting {
    async fn keep(&self, aggregates: Vec<Archived>, now: Timestamp) -> Result<String, Error> {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.keep(aggregates, now).await
    }
}

/// A hundred thousand records are more than what is archived together.
#[tokio::test]
async fn what_is_as_large_as_a_full_days_line_is_archived_by_itself() {
    let shop = Shop::new();
    for number in 1..=3 {
        shop.put(number, true).await;
    }
    for portion in 0..26 {
        let view = shop.look(&partition(2)).await;
        let line = |number: u32| {
            let key = Key::new(&format!("m/{:06}", portion * 4_000 + number)).expect("a key");
            Write::put(key, r#"{"kind":"order.line","format":1,"number":1}"#.into())
        };
        let batch = Batch {
            expect: view.head,
            commit_id: CommitId::random(),
            at: view.at,
            writes: (0..4_000).map(line).collect(),
        };
        let committed = shop.store.commit(&partition(2), batch).await;
        committed.expect("commits");
    }
    shop.clock.advance(AGE);
    let archive = Arc::new(Counting(shop.shelf.clone(), AtomicUsize::new(0)));
    let retention = shop.retention_over(shop.store.clone(), archive.clone());
    let sweep = retention.sweep_all().await.expect("sweeps");
    assert_eq!((sweep.retired, sweep.unreadable), (3, 0));
    assert_eq!(archive.1.load(Ordering::SeqCst), 2);
    let largest = {
        let kept = archive.0.0.lock().expect("no panic");
        kept.values().map(|kept| kept.records.len()).max()
    };
    assert_eq!(largest, Some(1 + LINES + 26 * 4_000));
    assert_eq!(shop.look(&partition(2)).await.records.len(), 1, "the mark");
}

/// Puts work into a partition, and gives it up.
async fn let_die(shop: &Shop, partition: &Partition, count: usize) {
    let view = shop.look(partition).await;
    let deliver = |number| {
        let key = Key::new(&format!("~o/mail/{number}")).expect("a key");
        Write::deliver(key, "{}".into(), view.at)
    };
    let root = Write::put(
        Key::root(),
        r#"{"kind":"order","format":1,"closed":true}"#.into(),
    );
    let batch = Batch {
        expect: view.head,
        commit_id: CommitId::random(),
        at: view.at,
        writes: (0..count).map(deliver).chain([root]).collect(),
    };
    let committed = shop.store.commit(partition, batch).await;
    committed.expect("commits");
    let query = DueQuery {
        slots: SlotSet::ALL,
        kind: "mail".to_owned(),
        now: view.at,
        lease: LEASE,
        limit: 1_000,
    };
    let leased = shop.store.due(&query).await.expect("leases");
    assert_eq!(leased.len(), count);
    let error = "no mail".to_owned();
    let dead = Outcome::Dead { error };
    let settles = leased.iter().map(|each| each.settle(dead.clone()));
    let settled = shop.store.settle(settles.collect()).await;
    settled.expect("settles");
}

#[tokio::test]
async fn of_much_dead_work_a_sweep_lists_no_more_than_tells_where_some_lies() {
    let shop = Shop::new();
    for number in 0..6 {
        shop.put(number, true).await;
    }
    for (number, dead) in [(1, 100), (2, 1), (4, 100)] {
        let_die(&shop, &partition(number), dead).await;
    }
    let beyond = Partition::parse("market/parcel/1").expect("an id");
    let_die(&shop, &beyond, 100).await;
    shop.clock.advance(AGE);
    let pages = Arc::new(AtomicUsize::new(0));
    let counted = pages.clone();
    let count = move |call, phase, _: Option<&Partition>| {
        if (call, phase) == (Call::Dead, Phase::Before) {
            counted.fetch_add(1, Ordering::SeqCst);
        }
        async { Ok(()) }
    };
    let mut limits = Limits::STANDARD;
    limits.due_max = 2;
    let store = HookedStore::new(shop.store.clone(), count).with_limits(limits);
    let retention = shop.retention_over(Arc::new(store), shop.shelf.clone());
    let sweep = retention.sweep_all().await.expect("sweeps");
    assert_eq!((sweep.retired, sweep.stuck), (3, 3));
    // Of the first, of the two after it, and what comes after those of the stretch.
    assert_eq!(pages.load(Ordering::SeqCst), 3);
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
