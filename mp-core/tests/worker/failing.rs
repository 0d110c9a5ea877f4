//! Work that fails, breaks off or hangs: tried again, and in the end dead and listed.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use mp_core::{
    Error, ErrorKind,
    work::{self, ATTEMPTS_MAX, DeadLetters, Done, LEASE, Worker, WorkerOptions},
};

use crate::desk::{Bell, Counts, Letter, count, down, edit, engine, send, worker};

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

#[tokio::test]
async fn work_that_breaks_off_in_the_end_still_tells_what_failed_before() {
    let (engine, clock) = engine();
    let tries = Arc::new(AtomicU32::new(0));
    let tried = tries.clone();
    let handler = work::on(move |_, _: Letter| {
        let first = tried.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            assert!(first, "a bug in the handler");
            Err(down())
        }
    });
    let worker = worker(&engine, handler);
    send(&engine, 0..1).await;
    for _ in 0..ATTEMPTS_MAX + 5 {
        worker.drain().await.expect("works");
        clock.advance(LEASE);
    }
    let dead = worker.dead(10).await.expect("lists");
    let last_error = dead[0].last_error.as_deref().unwrap_or_default();
    assert!(last_error.contains("broke off"), "{last_error}");
    assert!(last_error.contains("the line is down"), "{last_error}");
    assert!(!last_error.contains("every"), "{last_error}");
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
async fn whoever_asks_for_more_dead_letters_than_a_store_lists_is_given_as_many_as_it_does() {
    let (engine, _) = engine();
    let dead = DeadLetters::of(&engine).list(None, u32::MAX).await;
    assert!(dead.expect("lists").is_empty());
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
