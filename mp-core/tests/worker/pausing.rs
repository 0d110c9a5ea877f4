//! When a worker looks, what ends its pause, and how it stops.

use std::{sync::Arc, time::Duration};

use mp_core::{
    Engine,
    entropy::SeededEntropy,
    work::{self, Done, Worker, WorkerOptions},
};
use tokio::sync::{Notify, watch};

use crate::desk::{Letter, engine, send, worker};

#[tokio::test(start_paused = true)]
async fn a_worker_that_is_stopped_finishes_what_it_has_leased() {
    let (engine, _) = engine();
    let (started, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (begun, sign) = (started.clone(), go.clone());
    let handler = work::on(move |_, _: Letter| {
        let (begun, sign) = (begun.clone(), sign.clone());
        async move {
            begun.notify_one();
            sign.notified().await;
            Ok(Done::Finished)
        }
    });
    let worker = Arc::new(worker(&engine, handler));
    let (stop, stopped) = watch::channel(false);
    let runs = worker.clone();
    let run = tokio::spawn(async move { runs.run(stopped).await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    send(&engine, 0..5).await;
    started.notified().await;
    stop.send(true).expect("is heard");
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    assert!(!run.is_finished(), "it waits for its handlers");
    go.notify_waiters();
    run.await.expect("ends");
    assert_eq!(worker.report()["test.letter"].finished, 5);
}

#[tokio::test(start_paused = true)]
async fn a_worker_whose_stopper_is_gone_stops() {
    let (engine, _) = engine();
    let handler = work::on(|_, _: Letter| async { Ok(Done::Finished) });
    let worker = worker(&engine, handler);
    let (stop, stopped) = watch::channel(false);
    let run = tokio::spawn(async move { worker.run(stopped).await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    drop(stop);
    let ended = tokio::time::timeout(Duration::from_secs(60), run).await;
    ended.expect("stops").expect("ends");
}

#[tokio::test(start_paused = true)]
async fn a_hint_ends_the_pause_of_an_idle_worker() {
    const IDLE: Duration = Duration::from_secs(3_600);
    let (engine, _) = engine();
    let handled = Arc::new(Notify::new());
    let told = handled.clone();
    let handler = work::on(move |_, _: Letter| {
        told.notify_one();
        async { Ok(Done::Finished) }
    });
    // What another process sends, this one's engine does not see.
    let (clock, entropy) = (engine.clock().clone(), Arc::new(SeededEntropy::new(2)));
    let elsewhere = Engine::new(engine.store().clone(), clock, entropy);
    let (hint, hints) = watch::channel(());
    let worker = Worker::new(&engine, WorkerOptions::default().with_idle(IDLE));
    let worker = worker.with([handler]).with_hints(hints);
    let (_stop, stopped) = watch::channel(false);
    tokio::spawn(async move { worker.run(stopped).await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    let sent = tokio::time::Instant::now();
    send(&elsewhere, 0..1).await;
    hint.send_replace(());
    handled.notified().await;
    assert!(sent.elapsed() < IDLE / 2, "{:?}", sent.elapsed());
    // Once no hint can come any more, the worker goes by its pauses again.
    drop(hint);
    send(&elsewhere, 1..2).await;
    handled.notified().await;
    assert!(sent.elapsed() > IDLE / 2, "{:?}", sent.elapsed());
}

#[tokio::test]
async fn how_late_work_is_done_is_reported() {
    let (engine, clock) = engine();
    let handler = work::on(|_, _: Letter| async { Ok(Done::Finished) });
    let worker = worker(&engine, handler);
    send(&engine, 0..1).await;
    clock.advance(Duration::from_secs(7));
    send(&engine, 1..2).await;
    worker.drain().await.expect("works");
    send(&engine, 2..3).await;
    clock.advance(Duration::from_secs(1));
    worker.turn().await.expect("works");
    let report = worker.report()["test.letter"];
    assert_eq!((report.lag.as_secs(), report.lag_max.as_secs()), (1, 7));
    assert_eq!(report.lag_p50.as_secs(), 1, "of 0, 1 and 7");
    assert!((7..9).contains(&report.lag_p99.as_secs()), "{report:?}");
    worker.turn().await.expect("works");
    assert_eq!(worker.report()["test.letter"].lag, Duration::ZERO);
    assert_eq!(report.finished, 3);
}

#[tokio::test(start_paused = true)]
async fn work_that_this_process_commits_is_not_left_until_the_next_look() {
    let (engine, _) = engine();
    let handler = work::on(|_, _: Letter| async { Ok(Done::Finished) });
    let hour = Duration::from_secs(3_600);
    let options = WorkerOptions::default().with_idle(hour);
    let worker = Arc::new(Worker::new(&engine, options).with([handler]));
    let (_go_on, stop) = watch::channel(false);
    let runs = worker.clone();
    let run = tokio::spawn(async move { runs.run(stop).await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    send(&engine, 0..5).await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(worker.report()["test.letter"].finished, 5);
    run.abort();
}
