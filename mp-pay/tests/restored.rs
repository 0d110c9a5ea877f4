//! A store that was put back from a copy, beside a provider that remembers what came later.
#![cfg(feature = "csv")]

mod support;

use std::{path::Path, sync::Arc, time::Duration};

use mp_core::{
    clock::ManualClock,
    store::{MemoryStore, SqliteOptions, SqliteStore},
};
use mp_pay::{
    SandboxBackend,
    backend::{Capabilities, sandbox::Fees},
    payments::RefundIntent,
    reconciliation::{
        Reconciliation, Report, Window,
        csv::{Mapping, ReportReader},
    },
};

use self::support::{CLASSES, World, app, clock, engine, eur, idem, staff};

const HOUR: Duration = Duration::from_secs(60 * 60);

/// Opens the store at a path, beside a provider whose books stand elsewhere.
fn open(path: &Path, clock: &Arc<ManualClock>, sandbox: &SandboxBackend) -> World {
    let store = SqliteStore::open(path, SqliteOptions::default()).expect("opens");
    let backend = Arc::new(sandbox.clone());
    World::on(Arc::new(store), clock.clone(), sandbox.clone(), backend)
}

/// Waits for whoever still holds the store, as a process that has ended does not.
async fn close(world: World) {
    let store = world.store.clone();
    drop(world);
    while Arc::strong_count(&store) > 1 {
        tokio::task::yield_now().await;
    }
}

async fn buy(world: &World, order: &str) {
    let intent = world.create("pm_ok", false, order).await;
    world.confirm(intent.id, order).await;
}

/// Asks for what the copy does not know: an order, and a refund of one that it does.
async fn later(world: &World) {
    buy(world, "later").await;
    let kept = world.create("pm_ok", false, "kept").await;
    let refund = RefundIntent::of(kept.id).with_amount(eur(30));
    let (staff, key) = (staff(), idem("cold"));
    let refunded = world.payments.refund(&staff, refund, &key).await;
    refunded.expect("refunds");
}

/// Lives past a copy, puts it back, and returns what is there then and what to reconcile.
async fn restored(can: Capabilities, folder: &Path) -> (World, Window) {
    let clock = clock();
    let provider = engine(Arc::new(MemoryStore::new()), &clock);
    let account = "acme".parse().expect("a name");
    let sandbox = SandboxBackend::on(&provider, &account).with_capabilities(can);
    let (path, copy) = (folder.join("mp.db"), folder.join("copy.db"));
    let world = open(&path, &clock, &sandbox);
    let opened = world.engine.now();
    clock.advance(HOUR);
    buy(&world, "kept").await;
    let store = SqliteStore::open(&path, SqliteOptions::default()).expect("opens");
    store.back_up(&copy).await.expect("copies");
    drop(store);
    clock.advance(HOUR);
    later(&world).await;
    close(world).await;
    clock.advance(HOUR * 10);
    SqliteStore::restore(&copy, &path).await.expect("restores");
    let window = Window::new(opened, opened.plus(HOUR * 9)).expect("a time");
    (open(&path, &clock, &sandbox), window)
}

async fn reconcile(world: &World, path: &Path, window: Window) -> Report {
    let (app, fees) = (app(), Fees::default());
    let written = world.sandbox.settlement_report(&app, window, fees).await;
    let written = written.expect("writes");
    let lines = ReportReader::new(&written[..], &Mapping::sandbox()).expect("opens");
    let listing = SqliteStore::open(path, SqliteOptions::default()).expect("opens");
    let reconciliation =
        Reconciliation::new(&world.payments, window).with_listing(Arc::new(listing));
    let reconciled = reconciliation.run(&staff(), lines).await;
    reconciled.expect("reconciles").report
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_copy_does_not_know_is_found_by_the_report_and_comes_back_under_its_keys() {
    let folder = tempfile::tempdir().expect("a folder");
    let (world, window) = restored(CLASSES[0], folder.path()).await;
    let path = folder.path().join("mp.db");
    let report = reconcile(&world, &path, window).await;
    let found = (report.matched, report.extra.count, report.missing.count);
    assert_eq!(found, (1, 2, 0), "{report}");

    later(&world).await;
    assert_eq!(world.moved().await.len(), 3, "nothing has moved again");
    let report = reconcile(&world, &path, window).await;
    assert!(report.is_clean() && report.matched == 3, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_replays_nothing_acts_again_on_a_call_that_the_copy_does_not_know() {
    let folder = tempfile::tempdir().expect("a folder");
    let (world, _) = restored(CLASSES[1], folder.path()).await;
    later(&world).await;
    assert_eq!(world.moved().await.len(), 5);
}
