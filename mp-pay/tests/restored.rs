//! A store that was put back from a copy, beside a provider that remembers what came later.
#![cfg(feature = "csv")]

mod support;

use std::{path::PathBuf, sync::Arc, time::Duration};

use mp_core::{
    Clock,
    clock::ManualClock,
    store::{MemoryStore, SqliteOptions, SqliteStore},
};
use mp_pay::{
    SandboxBackend,
    backend::{
        Capabilities, Outcome, Reference,
        sandbox::{Behaviour, Fees},
    },
    operation::{OperationKey, Step},
    payments::{Notice, RefundIntent},
    reconciliation::{
        Reconciliation, Report, Window,
        csv::{Mapping, ReportReader},
    },
};
use tempfile::TempDir;

use self::support::{CLASSES, World, app, clock, engine, eur, idem, staff};

const HOUR: Duration = Duration::from_secs(60 * 60);

/// A store in a file, and a provider whose books stand elsewhere.
struct Shop {
    folder: TempDir,
    clock: Arc<ManualClock>,
    sandbox: SandboxBackend,
}

impl Shop {
    fn new(can: Capabilities) -> Self {
        let clock = clock();
        let provider = engine(Arc::new(MemoryStore::new()), &clock);
        let account = "acme".parse().expect("a name");
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            clock,
            sandbox: SandboxBackend::on(&provider, &account).with_capabilities(can),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn store(&self) -> SqliteStore {
        SqliteStore::open(self.path("mp.db"), SqliteOptions::default()).expect("opens")
    }

    fn open(&self) -> World {
        let backend = Arc::new(self.sandbox.clone());
        let store = Arc::new(self.store());
        World::on(store, self.clock.clone(), self.sandbox.clone(), backend)
    }

    async fn copy(&self) {
        let copied = self.store().back_up(self.path("copy.db")).await;
        copied.expect("copies");
        self.clock.advance(HOUR);
    }

    /// Ends what runs, and returns what runs on the copy.
    async fn put_back(&self, world: World) -> World {
        let store = world.store.clone();
        drop(world);
        // As a process that has ended holds nothing.
        while Arc::strong_count(&store) > 1 {
            tokio::task::yield_now().await;
        }
        drop(store);
        self.clock.advance(HOUR);
        let restored = SqliteStore::restore(self.path("copy.db"), self.path("mp.db")).await;
        restored.expect("restores");
        self.open()
    }

    async fn reconcile(&self, world: &World) -> Report {
        let opened = clock().now();
        let day = Window::new(opened, opened.plus(HOUR * 9)).expect("a time");
        let (app, fees) = (app(), Fees::default());
        let written = self.sandbox.settlement_report(&app, day, fees).await;
        let written = written.expect("writes");
        let lines = ReportReader::new(&written[..], &Mapping::sandbox()).expect("opens");
        let reconciliation = Reconciliation::new(&world.payments, day);
        let reconciliation = reconciliation.with_listing(Arc::new(self.store()));
        let reconciled = reconciliation.run(&staff(), lines).await;
        reconciled.expect("reconciles").report
    }

    /// Lives past a copy, and returns what runs on it then.
    async fn lose(&self) -> World {
        let world = self.open();
        self.clock.advance(HOUR);
        buy(&world, "kept").await;
        self.copy().await;
        ask_later(&world).await;
        let world = self.put_back(world).await;
        self.clock.advance(HOUR * 9);
        world
    }
}

async fn buy(world: &World, order: &str) {
    let intent = world.create("pm_ok", false, order).await;
    world.confirm(intent.id, order).await;
}

/// Asks for what the copy does not know: an order, and a refund of one that it does.
async fn ask_later(world: &World) {
    buy(world, "later").await;
    let kept = world.create("pm_ok", false, "kept").await;
    let refund = RefundIntent::of(kept.id).with_amount(eur(30));
    let (staff, key) = (staff(), idem("cold"));
    let refunded = world.payments.refund(&staff, refund, &key).await;
    refunded.expect("refunds");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_copy_does_not_know_is_found_by_the_report_and_comes_back_under_its_keys() {
    let shop = Shop::new(CLASSES[0]);
    let world = shop.lose().await;
    let report = shop.reconcile(&world).await;
    let found = (report.matched, report.extra.count, report.missing.count);
    assert_eq!(found, (1, 2, 0), "{report}");

    ask_later(&world).await;
    assert_eq!(world.moved().await.len(), 3, "nothing has moved again");
    let report = shop.reconcile(&world).await;
    assert!(report.is_clean() && report.matched == 3, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_replays_nothing_acts_again_on_a_call_that_the_copy_does_not_know() {
    let shop = Shop::new(CLASSES[1]);
    let world = shop.lose().await;
    ask_later(&world).await;
    assert_eq!(world.moved().await.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_copy_has_only_planned_is_sent_again_unless_it_is_told_before() {
    for is_told in [true, false] {
        let shop = Shop::new(CLASSES[1]);
        let world = shop.open();
        shop.sandbox.script(Behaviour::Unavailable);
        let intent = world.create("pm_ok", false, "order").await.id;
        world.confirm(intent, "order").await;
        shop.copy().await;
        world.worker().drain().await.expect("works");
        assert_eq!(world.moved().await, [100]);

        let world = shop.put_back(world).await;
        let report = shop.reconcile(&world).await;
        assert_eq!(report.differing.count, 1, "{report}");
        if is_told {
            let step = Step::Charge(1);
            let operation = OperationKey { intent, step };
            let outcome = Outcome::settled(Reference::new("ch_1").expect("a name"));
            let notice = Notice { operation, outcome };
            let told = world.payments.observe(&staff(), notice).await;
            told.expect("takes");
        }
        world.worker().drain().await.expect("works");
        let times = if is_told { 1 } else { 2 };
        assert_eq!(world.moved().await, vec![100; times]);
    }
}
