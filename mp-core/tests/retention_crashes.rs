//! Retention that breaks off at any call, of the store or of the archive, before it, after it, or
//! with its answer lost.
#![cfg(feature = "conformance")]

mod orders;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use mp_core::{
    Error, ErrorKind, Timestamp,
    conformance::{Call, HookedStore, Phase},
    retention::{Archive, Archived},
    store::{DELETION_MEMORY, Limits, Partition, Record, StoreErrorKind},
};

use self::orders::{AGE, LINES, Shelf, Shop, mark, partition};

const CLOSED: usize = 3;

/// Which call breaks off, and how.
#[derive(Clone, Copy, Debug)]
struct Crash {
    call: usize,
    phase: Phase,
}

/// Counts calls, and says which breaks off. After that nothing works any more: the process is dead.
#[derive(Debug)]
struct Fate {
    crash: Option<Crash>,
    calls: AtomicUsize,
}

impl Fate {
    fn breaks(&self, phase: Phase) -> bool {
        let call = match phase {
            Phase::Before => self.calls.fetch_add(1, Ordering::SeqCst),
            Phase::After => self.calls.load(Ordering::SeqCst).saturating_sub(1),
        };
        self.crash.is_some_and(|crash| match phase {
            Phase::Before if crash.phase == Phase::Before => call >= crash.call,
            Phase::Before => call > crash.call,
            Phase::After => crash.phase == Phase::After && call >= crash.call,
        })
    }
}

#[derive(Debug)]
struct Crashing(Arc<Shelf>, Arc<Fate>);

#[async_trait]
impl Archive for Crashing {
    async fn keep(&self, aggregates: Vec<Archived>, now: Timestamp) -> Result<String, Error> {
        let dead = || Error::new(ErrorKind::Unavailable, "dead", "the process is dead");
        if self.1.breaks(Phase::Before) {
            return Err(dead());
        }
        let place = self.0.keep(aggregates, now).await?;
        match self.1.breaks(Phase::After) {
            true => Err(dead()),
            false => Ok(place),
        }
    }
}

/// Sweeps three nights with a crash in between, and returns how many calls there were.
async fn nights(crash: Option<Crash>) -> usize {
    let shop = Shop::new();
    for number in 0..CLOSED {
        shop.put(number, true).await;
    }
    shop.put(CLOSED, false).await;
    let before = shop.all().await;
    shop.clock.advance(AGE);
    let crash = Arc::new(Fate {
        crash,
        calls: AtomicUsize::new(0),
    });
    for _ in 0..3 {
        // So few that an aggregate does not fit into one batch.
        let store = Arc::new(faulty(&shop, &crash));
        let archive = Arc::new(Crashing(shop.shelf.clone(), crash.clone()));
        let _ = shop.retention_over(store, archive).sweep_all().await;
        expect_nothing_lost(&shop, &before).await;
        shop.clock.advance(DELETION_MEMORY + Duration::from_secs(1));
    }
    // Healthy processes finish what is left.
    for _ in 0..4 {
        shop.retention().sweep_all().await.expect("sweeps");
        expect_nothing_lost(&shop, &before).await;
        shop.clock.advance(DELETION_MEMORY + Duration::from_secs(1));
    }
    for number in 0..CLOSED {
        let view = shop.look(&partition(number)).await;
        assert!(mark(&view).is_some_and(|mark| mark.emptied), "{crash:?}");
        assert_eq!(view.records.len(), 1);
    }
    let open = shop.look(&partition(CLOSED)).await;
    assert_eq!(open.records.len(), 1 + LINES);
    crash.calls.load(Ordering::SeqCst)
}

fn faulty(shop: &Shop, fate: &Arc<Fate>) -> HookedStore {
    let fate = fate.clone();
    let mut limits = Limits::STANDARD;
    limits.writes_max = 4;
    let hook = move |_, phase, _: Option<&Partition>| {
        let breaks = fate.breaks(phase);
        async move {
            match (breaks, phase) {
                (false, _) => Ok(()),
                (true, Phase::Before) => Err(StoreErrorKind::Unavailable),
                (true, Phase::After) => Err(StoreErrorKind::Unknown),
            }
        }
    };
    HookedStore::new(shop.store.clone(), hook).with_limits(limits)
}

/// At every moment an aggregate is either whole in the store, or whole in the archive under the
/// version that its mark names.
async fn expect_nothing_lost(shop: &Shop, before: &BTreeMap<Partition, Vec<Record>>) {
    assert_eq!(shop.all().await, *before);
}

#[tokio::test]
async fn a_sweep_that_breaks_off_anywhere_loses_nothing_and_the_next_goes_on() {
    let calls = nights(None).await;
    assert!(calls > 12, "{calls}");
    for call in 0..calls {
        for phase in [Phase::Before, Phase::After] {
            nights(Some(Crash { call, phase })).await;
        }
    }
    println!("{calls} calls, each broken off before and after");
}

#[tokio::test]
async fn two_sweeps_at_once_retire_each_aggregate_once() {
    let shop = Shop::new();
    for number in 0..CLOSED {
        shop.put(number, true).await;
    }
    let before = shop.all().await;
    shop.clock.advance(AGE);
    let (one, other) = (shop.retention(), shop.retention());
    let (one, other) = tokio::join!(one.sweep_all(), other.sweep_all());
    let retired = one.expect("sweeps").retired + other.expect("sweeps").retired;
    assert_eq!(retired, CLOSED as u64);
    assert_eq!(shop.all().await, before);
}

#[tokio::test]
async fn a_sweep_that_cannot_put_its_marks_says_so() {
    let shop = Shop::new();
    shop.put(0, true).await;
    shop.clock.advance(AGE);
    for (kind, told) in [
        (StoreErrorKind::Unavailable, true),
        (StoreErrorKind::Full, true),
        (StoreErrorKind::ReadOnly, true),
        (StoreErrorKind::Conflict, false),
        (StoreErrorKind::Unknown, false),
    ] {
        let refuses = move |call, phase, _: Option<&Partition>| async move {
            match (call, phase) {
                (Call::Commit, Phase::Before) => Err(kind),
                _ => Ok(()),
            }
        };
        let store = Arc::new(HookedStore::new(shop.store.clone(), refuses));
        let retention = shop.retention_over(store, shop.shelf.clone());
        match retention.sweep_all().await {
            Err(_) => assert!(told, "{kind:?}"),
            Ok(sweep) => assert_eq!((sweep.unsettled, told), (1, false), "{kind:?}"),
        }
    }
    let sweep = shop.retention().sweep_all().await.expect("sweeps");
    assert_eq!(sweep.retired, 1);
}
