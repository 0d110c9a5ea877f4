//! Work that much other work, other kinds or other workers compete with.

use std::sync::{
    Arc,
    atomic::{AtomicU32, AtomicUsize, Ordering},
};

use mp_core::work::{self, Done, LEASE, Worker, WorkerOptions};
use tokio::sync::Notify;

use crate::desk::{Bell, Counts, Letter, count, edit, engine, send, worker};

#[tokio::test]
async fn a_slow_handler_does_not_keep_finished_work_from_being_settled() {
    let (engine, clock) = engine();
    let (go, counts) = (Arc::new(Notify::new()), Counts::default());
    let (sign, counted) = (go.clone(), counts.clone());
    let handler = work::on(move |_, letter: Letter| {
        let (sign, counts) = (sign.clone(), counted.clone());
        async move {
            count(&counts, letter.number);
            if letter.number == 0 {
                sign.notified().await;
            }
            Ok(Done::Finished)
        }
    });
    let (slow, other) = (worker(&engine, handler.clone()), worker(&engine, handler));
    send(&engine, 0..10).await;
    let turn = tokio::spawn(async move { slow.turn().await });
    while counts.lock().expect("no panic").len() < 10 {
        tokio::task::yield_now().await;
    }
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    clock.advance(LEASE);
    let again = tokio::spawn(async move { other.turn().await });
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    go.notify_waiters();
    turn.await.expect("joins").expect("works");
    again.await.expect("joins").expect("works");
    let counts = counts.lock().expect("no panic");
    assert!((1..10).all(|number| counts[&number] == 1), "{counts:?}");
}

#[tokio::test]
async fn a_flood_of_one_kind_does_not_starve_another() {
    let (engine, _) = engine();
    let letters = Counts::default();
    let bells = Arc::new(AtomicU32::new(0));
    let (counted, rung) = (letters.clone(), bells.clone());
    let letter = work::on(move |_, letter: Letter| {
        count(&counted, letter.number);
        async { Ok(Done::Finished) }
    });
    let bell = work::on(move |_, _: Bell| {
        rung.fetch_add(1, Ordering::SeqCst);
        async { Ok(Done::Finished) }
    });
    let options = WorkerOptions::default().with_batch(10);
    let worker = Worker::new(&engine, options).with([letter, bell]);
    send(&engine, 0..1_000).await;
    edit(&engine, |edits, now| {
        edits.send("late", now, &Bell {});
        edits.schedule("late", now, &Bell {});
    })
    .await;
    assert_eq!(worker.turn().await.expect("works"), 12);
    assert_eq!(bells.load(Ordering::SeqCst), 2);
    assert_eq!(letters.lock().expect("no panic").len(), 10);
    assert_eq!(worker.drain().await.expect("works"), 990);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_more_handlers_run_at_once_than_allowed() {
    let (engine, _) = engine();
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (now, peak) = (running.clone(), most.clone());
    let handler = work::on(move |_, _: Letter| {
        let (now, peak) = (now.clone(), peak.clone());
        async move {
            peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
            now.fetch_sub(1, Ordering::SeqCst);
            Ok(Done::Finished)
        }
    });
    let options = WorkerOptions::default()
        .with_concurrency(3)
        .with_batch(u32::MAX);
    let worker = Worker::new(&engine, options).with([handler]);
    send(&engine, 0..200).await;
    assert_eq!(worker.drain().await.expect("works"), 200);
    assert_eq!(most.load(Ordering::SeqCst), 3);
    assert_eq!(running.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn work_that_is_sent_again_while_it_is_handled_is_handled_again() {
    let (engine, _) = engine();
    let handled = Arc::new(AtomicU32::new(0));
    let (counted, sender) = (handled.clone(), engine.clone());
    let handler = work::on(move |_, _: Letter| {
        let (counted, sender) = (counted.clone(), sender.clone());
        async move {
            if counted.fetch_add(1, Ordering::SeqCst) == 0 {
                send(&sender, 0..1).await;
            }
            Ok(Done::Finished)
        }
    });
    let worker = worker(&engine, handler);
    send(&engine, 0..1).await;
    assert_eq!(worker.drain().await.expect("works"), 2);
    assert_eq!(handled.load(Ordering::SeqCst), 2);
    assert_eq!(worker.drain().await.expect("works"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_workers_never_handle_a_delivery_twice_within_its_lease() {
    let (engine, _) = engine();
    let counts = Counts::default();
    send(&engine, 0..2_000).await;
    let tasks = (0..4).map(|_| {
        let counted = counts.clone();
        let handler = work::on(move |_, letter: Letter| {
            let counts = counted.clone();
            async move {
                tokio::task::yield_now().await;
                count(&counts, letter.number);
                Ok(Done::Finished)
            }
        });
        let worker = worker(&engine, handler);
        tokio::spawn(async move { worker.drain().await })
    });
    let tasks: Vec<_> = tasks.collect();
    let mut handled = 0;
    for task in tasks {
        handled += task.await.expect("joins").expect("works");
    }
    assert_eq!(handled, 2_000);
    let counts = counts.lock().expect("no panic");
    assert_eq!(counts.len(), 2_000);
    assert!(counts.values().all(|times| *times == 1));
}
