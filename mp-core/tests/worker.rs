//! The worker's promises: what it does with work that fails, hangs, floods, or comes back.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
    time::Duration,
};

use mp_core::{
    Command, Document, Edits, Engine, Error, ErrorKind, Family, Timestamp,
    clock::ManualClock,
    entropy::SeededEntropy,
    store::{MemoryStore, Partition},
    work::{
        self, ATTEMPTS_MAX, DeadLetters, Done, Handler, HandlerError, LEASE, Worker, WorkerOptions,
    },
};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, watch};

#[derive(Deserialize, Serialize)]
struct Letter {
    number: u32,
}

impl Document for Letter {
    const KIND: &'static str = "test.letter";
    const FORMAT: u32 = 1;
}

#[derive(Deserialize, Serialize)]
struct Bell {}

impl Document for Bell {
    const KIND: &'static str = "test.bell";
    const FORMAT: u32 = 1;
}

#[derive(Deserialize, Serialize)]
struct Desk {}

impl Document for Desk {
    const KIND: &'static str = "desk";
    const FORMAT: u32 = 1;
}

fn engine() -> (Engine, Arc<ManualClock>) {
    let start = Timestamp::from_micros(1_800_000_000_000_000);
    let clock = Arc::new(ManualClock::at(start));
    let store = Arc::new(MemoryStore::new());
    let engine = Engine::new(store, clock.clone(), Arc::new(SeededEntropy::new(1)));
    (engine, clock)
}

async fn edit(engine: &Engine, make: impl Fn(&mut Edits, Timestamp) + Send + 'static) {
    let partition = Partition::parse("test/desk/1").expect("a well-formed id");
    let decide = move |_: &Family, now: Timestamp| {
        let mut edits = Edits::new();
        edits.put_root(Desk {});
        make(&mut edits, now);
        Ok::<_, Error>(edits.answer(()))
    };
    let run = engine.run(Command::on(partition), decide);
    run.await.expect("commits");
}

/// Sends letters with these numbers, due now.
async fn send(engine: &Engine, numbers: std::ops::Range<u32>) {
    edit(engine, move |edits, now| {
        for number in numbers.clone() {
            edits.send(&number.to_string(), now, &Letter { number });
        }
    })
    .await;
}

fn worker(engine: &Engine, handler: Arc<dyn Handler>) -> Worker {
    Worker::new(engine, WorkerOptions::default()).with([handler])
}

fn down() -> HandlerError {
    Error::new(ErrorKind::Unavailable, "down", "the line is down").into()
}

/// How often each letter was handled.
type Counts = Arc<Mutex<BTreeMap<u32, u32>>>;

fn count(counts: &Counts, number: u32) {
    *counts.lock().expect("no panic").entry(number).or_default() += 1;
}

#[tokio::test]
async fn work_that_fails_is_tried_again_after_growing_pauses() {
    let (engine, clock) = engine();
    let tries = Arc::new(AtomicU32::new(0));
    let tried = tries.clone();
    let worker = worker(
        &engine,
        work::on(move |_, _: Letter| {
            tried.fetch_add(1, Ordering::SeqCst);
            async { Err(down()) }
        }),
    );
    send(&engine, 0..1).await;
    let mut pauses = Vec::new();
    for attempt in 1..=8 {
        let mut pause = Duration::ZERO;
        while worker.drain().await.expect("works") == 0 {
            clock.advance(Duration::from_millis(50));
            pause += Duration::from_millis(50);
        }
        assert_eq!(tries.load(Ordering::SeqCst), attempt, "one try at a time");
        pauses.push(pause);
    }
    // Between half of the whole pause and the whole; the whole doubles.
    for (doublings, pause) in pauses[1..].iter().enumerate() {
        let whole = Duration::from_millis(500 << doublings);
        let range = whole / 2..=whole + Duration::from_millis(50);
        assert!(range.contains(pause), "{pause:?} is not in {range:?}");
    }
}

#[tokio::test]
async fn work_that_always_fails_is_dead_in_the_end_listed_and_driven_again_by_one_call() {
    let (engine, clock) = engine();
    let (tries, cured) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let (tried, cure) = (tries.clone(), cured.clone());
    let worker = worker(
        &engine,
        work::on(move |_, _: Letter| {
            tried.fetch_add(1, Ordering::SeqCst);
            let cured = cure.load(Ordering::SeqCst) > 0;
            async move {
                if cured {
                    Ok(Done::Finished)
                } else {
                    Err(down())
                }
            }
        }),
    );
    send(&engine, 0..1).await;
    for _ in 0..ATTEMPTS_MAX + 5 {
        worker.drain().await.expect("works");
        clock.advance(Duration::from_secs(3_600));
    }
    assert_eq!(tries.swap(0, Ordering::SeqCst), ATTEMPTS_MAX);
    let dead = worker.dead(10).await.expect("lists");
    assert_eq!(dead.len(), 1);
    let last_error = dead[0].last_error.as_deref().unwrap_or_default();
    assert!(last_error.contains("the line is down"), "{last_error}");

    cured.store(1, Ordering::SeqCst);
    DeadLetters::of(&engine)
        .redrive(&dead[0])
        .await
        .expect("is due again");
    let again = DeadLetters::of(&engine)
        .redrive(&dead[0])
        .await
        .expect_err("is not dead");
    assert_eq!(again.code(), "not_dead");
    assert_eq!(worker.drain().await.expect("works"), 1);
    assert_eq!(tries.load(Ordering::SeqCst), 1);
    assert!(worker.dead(10).await.expect("lists").is_empty());
    let report = worker.report()["test.letter"];
    let expected = (u64::from(ATTEMPTS_MAX) - 1, 1, 1);
    assert_eq!((report.failed, report.dead, report.finished), expected);
}

#[tokio::test]
async fn work_that_no_repetition_mends_is_dead_at_once() {
    let (engine, _) = engine();
    let corrupt = || Error::new(ErrorKind::Corrupt, "corrupt", "does not read back");
    let handler = work::on(move |_, _: Letter| async move { Err(corrupt().into()) });
    let worker = worker(&engine, handler);
    send(&engine, 0..1).await;
    worker.drain().await.expect("works");
    assert_eq!(worker.dead(10).await.expect("lists").len(), 1);
}

#[tokio::test]
async fn work_that_is_put_off_has_not_failed_and_never_dies() {
    let (engine, clock) = engine();
    let waiter = engine.clone();
    let handler = work::on(move |_, _: Letter| {
        let later = waiter.now().plus(Duration::from_secs(5));
        async move { Ok(Done::Again(later)) }
    });
    let worker = worker(&engine, handler);
    send(&engine, 0..1).await;
    let turns = u64::from(ATTEMPTS_MAX) * 3;
    for _ in 0..turns {
        assert_eq!(worker.drain().await.expect("works"), 1);
        clock.advance(Duration::from_secs(5));
    }
    assert_eq!(worker.report()["test.letter"].postponed, turns);
    assert!(worker.dead(10).await.expect("lists").is_empty());
}

#[tokio::test]
async fn a_handler_that_panics_is_tried_again_when_its_lease_ends() {
    let (engine, clock) = engine();
    let counts = Counts::default();
    let counted = counts.clone();
    let handler = work::on(move |_, letter: Letter| {
        let counts = counted.clone();
        async move {
            count(&counts, letter.number);
            let first = counts.lock().expect("no panic")[&letter.number] == 1;
            assert!(!(letter.number == 0 && first), "a bug in the handler");
            Ok(Done::Finished)
        }
    });
    let worker = worker(&engine, handler);
    send(&engine, 0..3).await;
    worker.drain().await.expect("outlives the panic");
    assert_eq!(
        *counts.lock().expect("no panic"),
        BTreeMap::from([(0, 1), (1, 1), (2, 1)])
    );
    clock.advance(LEASE - Duration::from_millis(1));
    assert_eq!(worker.drain().await.expect("works"), 0, "still leased");
    clock.advance(Duration::from_millis(1));
    assert_eq!(worker.drain().await.expect("works"), 1);
    assert_eq!(counts.lock().expect("no panic")[&0], 2);
}

#[tokio::test]
async fn work_whose_handler_always_breaks_off_is_dead_in_the_end() {
    let (engine, clock) = engine();
    let tries = Arc::new(AtomicU32::new(0));
    let tried = tries.clone();
    let handler = work::on(move |_, _: Letter| {
        tried.fetch_add(1, Ordering::SeqCst);
        async { panic!("a bug in the handler") }
    });
    let worker = worker(&engine, handler);
    send(&engine, 0..1).await;
    for _ in 0..ATTEMPTS_MAX + 5 {
        worker.drain().await.expect("works");
        clock.advance(LEASE);
    }
    assert_eq!(tries.load(Ordering::SeqCst), ATTEMPTS_MAX);
    assert_eq!(worker.dead(10).await.expect("lists").len(), 1);
    assert_eq!(worker.report()["test.letter"].dead, 1);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_hangs_is_dropped_when_its_lease_ends() {
    let (engine, clock) = engine();
    let counts = Counts::default();
    let counted = counts.clone();
    let handler = work::on(move |_, letter: Letter| {
        let counts = counted.clone();
        async move {
            count(&counts, letter.number);
            if counts.lock().expect("no panic")[&letter.number] == 1 {
                std::future::pending::<()>().await;
            }
            Ok(Done::Finished)
        }
    });
    let worker = worker(&engine, handler);
    send(&engine, 0..1).await;
    let turn = tokio::time::timeout(LEASE * 2, worker.turn()).await;
    assert_eq!(turn.expect("does not hang").expect("works"), 1);
    clock.advance(LEASE);
    assert_eq!(worker.drain().await.expect("works"), 1);
    assert_eq!(worker.report()["test.letter"].finished, 1);
}

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

#[tokio::test]
async fn dead_letters_are_listed_by_page_over_all_kinds_and_driven_again_by_kind() {
    let (engine, _) = engine();
    let corrupt = || Error::new(ErrorKind::Corrupt, "corrupt", "does not read back");
    let letter = work::on(move |_, _: Letter| async move { Err(corrupt().into()) });
    let bell = work::on(move |_, _: Bell| async move { Err(corrupt().into()) });
    let worker = Worker::new(&engine, WorkerOptions::default()).with([letter, bell]);
    send(&engine, 0..20).await;
    edit(&engine, |edits, now| {
        edits.send("a", now, &Bell {});
        edits.schedule("b", now, &Bell {});
    })
    .await;
    worker.drain().await.expect("works");

    let dead = DeadLetters::of(&engine);
    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let page = dead.list(after.as_ref(), 6).await.expect("lists");
        let Some(last) = page.last() else { break };
        after = Some(last.clone());
        listed.extend(page);
    }
    assert_eq!(listed.len(), 22);
    assert!(listed.is_sorted_by_key(|each| (each.partition.clone(), each.key.clone())));

    let driven = dead.redrive_all(Some("test.bell")).await;
    assert_eq!(driven.expect("drives"), 2);
    let driven = dead.redrive_all(None).await;
    assert_eq!(driven.expect("drives"), 20);
    assert_eq!(dead.redrive_all(None).await.expect("drives"), 0);
    assert_eq!(worker.drain().await.expect("works"), 22);
}
