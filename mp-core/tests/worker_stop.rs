//! How a worker stops, and what it does while the store is away.
#![cfg(feature = "conformance")]

mod desk;

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use mp_core::{
    conformance::{Call, HookedStore, Phase},
    store::{Partition, Store, StoreErrorKind},
    work::{
        ATTEMPTS_MAX, DeadLetters, Done, Handler, LAST_SETTLEMENTS_MAX, LEASE, Worker,
        WorkerOptions,
    },
};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use self::desk::RuntimeClock;

const GRACE: Duration = Duration::from_secs(7);

/// A worker that runs, and what stops it.
struct Running {
    worker: Arc<Worker>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Running {
    fn start(store: &Arc<dyn Store>, handler: Arc<dyn Handler>) -> Self {
        let engine = desk::engine(store, RuntimeClock::exact());
        let options = WorkerOptions::default()
            .with_concurrency(4)
            .with_grace(GRACE);
        let worker = Arc::new(Worker::new(&engine, options).with([handler]));
        let (stop, stopped) = watch::channel(false);
        let running = worker.clone();
        let task = tokio::spawn(async move { running.run(stopped).await });
        Self { worker, stop, task }
    }

    /// Stops it, and returns how long that took.
    async fn stop(self) -> Duration {
        let started = Instant::now();
        self.stop.send(true).expect("it runs");
        let ended = timeout(Duration::from_secs(3_600), self.task).await;
        ended.expect("it stops").expect("without a panic");
        started.elapsed()
    }
}

fn lasting(span: Duration, begun: &Arc<AtomicUsize>) -> Arc<dyn Handler> {
    let begun = begun.clone();
    desk::on("test", move |_| {
        begun.fetch_add(1, Ordering::SeqCst);
        async move {
            sleep(span).await;
            Ok(Done::Finished)
        }
    })
}

async fn left(store: &Arc<dyn Store>) -> u64 {
    let handler = desk::on("test", |_| async { Ok(Done::Finished) });
    // Later than anything here takes, earlier than the end of a lease.
    let clock = RuntimeClock::ahead(LEASE / 2);
    let engine = desk::engine(store, clock);
    let worker = Worker::new(&engine, WorkerOptions::default()).with([handler]);
    worker.drain().await.expect("works")
}

#[tokio::test(start_paused = true)]
async fn a_stopped_worker_finishes_what_it_has_leased_and_leases_nothing_more() {
    let store = desk::store();
    desk::put(&store, "test", 100).await;
    let begun = Arc::new(AtomicUsize::new(0));
    let running = Running::start(&store, lasting(Duration::from_secs(5), &begun));
    sleep(Duration::from_secs(1)).await;
    let worker = running.worker.clone();
    assert_eq!(
        running.stop().await.as_secs(),
        4,
        "the rest of five seconds"
    );
    assert_eq!(begun.load(Ordering::SeqCst), 4);
    assert_eq!(worker.report()["test"].finished, 4);
    assert_eq!(left(&store).await, 96, "nothing lies leased");
}

#[tokio::test(start_paused = true)]
async fn work_that_outlasts_the_grace_is_broken_off_and_due_again_at_once() {
    let store = desk::store();
    desk::put(&store, "test", 100).await;
    let begun = Arc::new(AtomicUsize::new(0));
    let running = Running::start(&store, lasting(Duration::from_secs(30), &begun));
    sleep(Duration::from_secs(1)).await;
    let worker = running.worker.clone();
    assert_eq!(running.stop().await.as_secs(), GRACE.as_secs());
    assert_eq!(worker.report()["test"].broken_off, 4);
    assert_eq!(left(&store).await, 100, "nothing lies leased");
}

/// Stops one worker after the other in the middle of the work, until that lies dead.
#[tokio::test(start_paused = true)]
async fn restarts_that_break_work_off_make_it_dead_no_sooner_than_an_outage_does() {
    let store = desk::store();
    desk::put(&store, "test", 1).await;
    let (clock, begun) = (RuntimeClock::exact(), Arc::default());
    let (first, engine) = (Instant::now(), desk::engine(&store, clock));
    let mut restarts = 0;
    let letters = DeadLetters::of(&engine);
    while letters.list(None, 1).await.expect("lists").is_empty() {
        let options = WorkerOptions::default().with_grace(Duration::ZERO);
        let handler = lasting(LEASE / 2, &begun);
        let worker = Worker::new(&engine, options).with([handler]);
        let (stop, stopped) = watch::channel(false);
        let running = tokio::spawn(async move { worker.run(stopped).await });
        sleep(Duration::from_secs(10)).await;
        stop.send(true).expect("it runs");
        running.await.expect("without a panic");
        restarts += 1;
        assert!(restarts < 10_000, "it is given up in the end");
    }
    let hours = first.elapsed().as_secs_f64() / 3_600.0;
    assert!((3.0..7.0).contains(&hours), "{hours} hours");
    assert_eq!(begun.load(Ordering::SeqCst), ATTEMPTS_MAX as usize);
}

#[tokio::test(start_paused = true)]
async fn a_worker_stops_in_time_even_if_the_store_does_not_answer() {
    for call in [Call::Due, Call::Settle] {
        let inner = desk::store();
        desk::put(&inner, "test", 100).await;
        let hangs = move |called, phase, _: Option<&Partition>| async move {
            if called == call && phase == Phase::Before {
                pending::<()>().await;
            }
            Ok(())
        };
        let store: Arc<dyn Store> = Arc::new(HookedStore::new(inner, hangs));
        let begun = Arc::default();
        let running = Running::start(&store, lasting(Duration::from_secs(1), &begun));
        sleep(Duration::from_secs(3)).await;
        let took = running.stop().await;
        assert!(
            took <= GRACE + LAST_SETTLEMENTS_MAX + Duration::from_millis(2),
            "{took:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_lag_of_a_worker_that_has_never_looked_grows() {
    let fails = move |call, phase, _: Option<&Partition>| async move {
        match (call, phase) {
            (Call::Due, Phase::Before) => Err(StoreErrorKind::Unavailable),
            _ => Ok(()),
        }
    };
    let store: Arc<dyn Store> = Arc::new(HookedStore::new(desk::store(), fails));
    let running = Running::start(&store, lasting(Duration::ZERO, &Arc::default()));
    sleep(Duration::from_secs(60)).await;
    let lag = running.worker.report()["test"].lag.as_secs();
    assert!((50..=60).contains(&lag), "{lag}");
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_was_done_while_the_store_was_away_is_settled_when_it_is_back() {
    let inner = desk::store();
    desk::put(&inner, "test", 10).await;
    let away = Arc::new(AtomicBool::new(true));
    let (is_away, begun) = (away.clone(), Arc::default());
    let outage = move |call, phase, _: Option<&Partition>| {
        let away = is_away.load(Ordering::SeqCst);
        async move {
            match (call, phase) {
                (Call::Settle, Phase::Before) if away => Err(StoreErrorKind::Unavailable),
                _ => Ok(()),
            }
        }
    };
    let store: Arc<dyn Store> = Arc::new(HookedStore::new(inner.clone(), outage));
    let running = Running::start(&store, lasting(Duration::from_secs(1), &begun));
    sleep(Duration::from_secs(20)).await;
    away.store(false, Ordering::SeqCst);
    sleep(Duration::from_secs(60 * 10)).await;
    running.stop().await;
    assert_eq!(
        begun.load(Ordering::SeqCst),
        10,
        "nothing was handled twice"
    );
    assert_eq!(left(&inner).await, 0);
}

#[tokio::test(start_paused = true)]
async fn what_the_store_does_not_take_keeps_nothing_else_unsettled() {
    for hangs in [false, true] {
        let inner = desk::store();
        desk::put(&inner, "test", 2).await;
        let (calls, settled) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
        let counted = settled.clone();
        let hook = move |call, phase, _: Option<&Partition>| {
            let settles = call == Call::Settle;
            let first =
                settles && phase == Phase::Before && calls.fetch_add(1, Ordering::SeqCst) == 0;
            if settles && phase == Phase::After {
                counted.fetch_add(1, Ordering::SeqCst);
            }
            async move {
                match first {
                    true if hangs => pending().await,
                    true => Err(StoreErrorKind::Unavailable),
                    false => Ok(()),
                }
            }
        };
        let store: Arc<dyn Store> = Arc::new(HookedStore::new(inner, hook));
        let begun = Arc::new(AtomicUsize::new(0));
        let handler = desk::on("test", move |_| {
            let turn = begun.fetch_add(1, Ordering::SeqCst);
            async move {
                sleep(Duration::from_millis(100) * u32::from(turn > 0)).await;
                Ok(Done::Finished)
            }
        });
        let running = Running::start(&store, handler);
        // Before what failed is tried again, and before what hangs is taken to.
        sleep(Duration::from_millis(if hangs { 600 } else { 300 })).await;
        assert_eq!(settled.load(Ordering::SeqCst), 1, "hangs: {hangs}");
        running.stop().await;
    }
}

#[tokio::test]
#[should_panic(expected = "the store is broken")]
async fn a_panic_of_the_store_is_not_kept_secret() {
    let broken = |call, _, _: Option<&Partition>| async move {
        assert_ne!(call, Call::Due, "the store is broken");
        Ok(())
    };
    let store: Arc<dyn Store> = Arc::new(HookedStore::new(desk::store(), broken));
    let running = Running::start(&store, lasting(Duration::ZERO, &Arc::default()));
    let panic = running.task.await.expect_err("panics").into_panic();
    std::panic::resume_unwind(panic);
}
