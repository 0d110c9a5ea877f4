//! Kinds of work that go their own way beside one another.

mod desk;

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use mp_core::work::{Done, HANDLING_MAX, Worker, WorkerOptions};
use tokio::{sync::watch, time::sleep};

use self::desk::RuntimeClock;

#[tokio::test(start_paused = true)]
async fn a_kind_whose_handlers_hang_keeps_no_other_waiting() {
    let store = desk::store();
    desk::put(&store, "hangs", 1_000).await;
    desk::put(&store, "quick", 1_000).await;
    let hanging = Arc::new(AtomicUsize::new(0));
    let (hangs, stuck) = (hanging.clone(), hanging.clone());
    let handlers = [
        desk::on("hangs", move |_| {
            hangs.fetch_add(1, Ordering::SeqCst);
            pending()
        }),
        desk::on("quick", |_| async {
            sleep(Duration::from_millis(10)).await;
            Ok(Done::Finished)
        }),
    ];
    let engine = desk::engine(&store, RuntimeClock::exact());
    let options = WorkerOptions::default().with_concurrency(8);
    let worker = Arc::new(Worker::new(&engine, options).with(handlers));
    let (_go_on, stop) = watch::channel(false);
    let running = worker.clone();
    let running = tokio::spawn(async move { running.run(stop).await });
    // A quarter of the places are its own, at 100 a second each.
    sleep(Duration::from_secs(1_000 / 2 / 100 + 1)).await;
    assert_eq!(worker.report()["quick"].finished, 1_000);
    assert_eq!(
        stuck.load(Ordering::SeqCst),
        6,
        "they have all other places"
    );
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn a_flood_and_a_trickle_share_the_places() {
    let store = desk::store();
    desk::put(&store, "flood", 4_000).await;
    desk::put(&store, "trickle", 50).await;
    let slow = |kind| {
        desk::on(kind, |_| async {
            sleep(Duration::from_millis(100)).await;
            Ok(Done::Finished)
        })
    };
    let engine = desk::engine(&store, RuntimeClock::exact());
    let options = WorkerOptions::default().with_concurrency(20);
    let handlers = [slow("flood"), slow("trickle")];
    let worker = Arc::new(Worker::new(&engine, options).with(handlers));
    let (_go_on, stop) = watch::channel(false);
    let running = worker.clone();
    let running = tokio::spawn(async move { running.run(stop).await });
    // Five places are its own, at ten a second each.
    sleep(Duration::from_millis(1_200)).await;
    let report = worker.report();
    assert_eq!(report["trickle"].finished, 50);
    assert!(report["flood"].finished >= 100, "{report:?}");
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn the_lag_grows_while_nobody_looks() {
    let store = desk::store();
    desk::put(&store, "hung", 9).await;
    let engine = desk::engine(&store, RuntimeClock::exact());
    let hung = desk::on("hung", |_| pending());
    let options = WorkerOptions::default().with_concurrency(1);
    let worker = Arc::new(Worker::new(&engine, options).with([hung]));
    let (_go_on, stop) = watch::channel(false);
    let running = worker.clone();
    tokio::spawn(async move { running.run(stop).await });
    let lag = || worker.report()["hung"].lag.as_secs();
    sleep(Duration::from_millis(500)).await;
    assert_eq!(lag(), 60, "due for a minute when the first was taken");
    sleep(Duration::from_secs(20)).await;
    assert_eq!(lag(), 80);
    // The handler is broken off, and the next one hangs.
    sleep(HANDLING_MAX).await;
    assert!((100..=130).contains(&lag()), "{}", lag());
}
