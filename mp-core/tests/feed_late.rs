//! What becomes of a busy source's events when one of them is late, or the feed is full.
#![cfg(feature = "conformance")]

mod desk;
mod feeding;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use mp_core::{
    Timestamp,
    clock::ManualClock,
    conformance::{Call, HookedStore, Phase},
    feed::{EVENTS_MAX, FEED_MEMORY_MIN},
    store::{
        Batch, CommitId, Delivery, DueQuery, Key, MemoryStore, Outcome, Partition, Query, SlotSet,
        Store, StoreErrorKind, Write,
    },
    work::{DeadLetters, LEASE},
};
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};

use self::{
    desk::RuntimeClock,
    feeding::{Process, START, Table, alone, app, sales},
};

const KIND: &str = "feed.event";

/// How many events a source tells in a second.
const RATE: u32 = 50;

/// Which of its events is late.
const LATE: u32 = 100;

#[tokio::test(start_paused = true)]
async fn an_append_that_fails_once_holds_up_what_is_told_after_it_for_moments() {
    let commits = Arc::new(AtomicU32::new(0));
    let fails_once = move |call, phase, partition: Option<&Partition>| {
        let appends = (call, phase) == (Call::Commit, Phase::Before)
            && partition.is_some_and(|partition| partition.kind() == "feed");
        let fails = appends && commits.fetch_add(1, Ordering::SeqCst) == LATE;
        async move {
            match fails {
                true => Err(StoreErrorKind::Unavailable),
                false => Ok(()),
            }
        }
    };
    let store = HookedStore::new(Arc::new(MemoryStore::new()), fails_once);
    let process = busy(Arc::new(store));
    rush(&process, 60, false).await;
    sleep(Duration::from_secs(2)).await;
    expect_all_in_order(&process, 60 * u64::from(RATE)).await;
    let report = process.worker.report()[KIND];
    assert_eq!((report.failed, report.dead), (1, 0), "{report:?}");
    let within_two_ticks = u64::from(RATE) * 2;
    assert!(report.postponed <= within_two_ticks, "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn a_lost_lease_holds_up_what_is_told_after_it_for_about_as_long_again() {
    let process = busy(Arc::new(MemoryStore::new()));
    rush(&process, 60, true).await;
    sleep(LEASE).await;
    expect_all_in_order(&process, 60 * u64::from(RATE)).await;
    let report = process.worker.report()[KIND];
    assert_eq!((report.failed, report.dead), (0, 0), "{report:?}");
}

#[tokio::test]
async fn what_waits_for_dead_work_is_dead_in_the_end_and_comes_in_after_it() {
    let (process, clock, _) = alone();
    process.sell("noodles", 1).await.expect("sells");
    let first = lease(&process, START).await.remove(0);
    let error = "a person looks at it".to_owned();
    let dead = first.settle(Outcome::Dead { error });
    let settled = process.engine.store().settle(vec![dead]).await;
    settled.expect("settles");
    process.sell("noodles", 1).await.expect("sells");
    let hours = |hours| hours * 4;
    for _ in 0..hours(4) {
        work_for_a_quarter(&process, &clock).await;
    }
    assert_eq!(process.worker.dead(10).await.expect("lists").len(), 1);
    for _ in 0..hours(12) {
        work_for_a_quarter(&process, &clock).await;
    }
    assert_eq!(process.worker.dead(10).await.expect("lists").len(), 2);
    let dead = DeadLetters::of(&process.engine);
    dead.redrive_all(Some(KIND)).await.expect("redrives");
    work_for_a_quarter(&process, &clock).await;
    work_for_a_quarter(&process, &clock).await;
    expect_all_in_order(&process, 2).await;
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_dead_work_asks_for_it_once_a_minute_however_much_it_is() {
    let asked = Arc::new(AtomicU32::new(0));
    let asking = asked.clone();
    let count = move |call: Call, phase: Phase, _: Option<&Partition>| {
        if (call, phase) == (Call::Dead, Phase::Before) {
            asking.fetch_add(1, Ordering::SeqCst);
        }
        async { Ok::<_, StoreErrorKind>(()) }
    };
    let store = Arc::new(HookedStore::new(Arc::new(MemoryStore::new()), count));
    let clock = Arc::new(ManualClock::at(START));
    let process = Process::new(store, &clock, Arc::new(Table::default()));
    process.sell("noodles", 1).await.expect("sells");
    let first = lease(&process, START).await.remove(0);
    let error = "a person looks at it".to_owned();
    let dead = first.settle(Outcome::Dead { error });
    let settled = process.engine.store().settle(vec![dead]).await;
    settled.expect("settles");
    for _ in 0..100 {
        process.sell("noodles", 1).await.expect("sells");
    }
    clock.advance(Duration::from_secs(5 * 60 * 60));
    let begun = now_of(&process);
    let tried = || process.worker.report()[KIND].failed;
    for minutes in 1..=3 {
        while now_of(&process).since(begun) < Duration::from_secs(60) * minutes {
            process.worker.drain().await.expect("works");
            clock.advance(Duration::from_secs(1));
        }
        assert_eq!(
            asked.load(Ordering::SeqCst),
            minutes,
            "in {minutes} minutes"
        );
    }
    assert!(tried() > 300, "{} tries", tried());
}

#[tokio::test]
async fn what_is_old_and_waits_for_work_that_is_not_dead_has_not_failed() {
    let (process, clock, _) = alone();
    for _ in 0..3 {
        process.sell("noodles", 1).await.expect("sells");
    }
    clock.advance(FEED_MEMORY_MIN / 4);
    let now = now_of(&process);
    let mut leased = lease(&process, now).await;
    let settle = |it: Delivery| it.settle(Outcome::Redrive { at: now });
    let others = leased.split_off(1).into_iter().map(settle);
    let settled = process.engine.store().settle(others.collect()).await;
    settled.expect("settles");
    process.worker.drain().await.expect("works");
    let report = process.worker.report()[KIND];
    assert_eq!((report.postponed, report.failed), (2, 0), "{report:?}");
    work_for_a_quarter(&process, &clock).await;
    expect_all_in_order(&process, 3).await;
}

#[tokio::test]
async fn what_a_full_feed_has_no_room_for_waits_until_there_is_some() {
    let (process, clock, _) = alone();
    put_head(&process, 1, EVENTS_MAX + 1).await;
    for _ in 0..2 {
        process.sell("noodles", 1).await.expect("sells");
    }
    let day = FEED_MEMORY_MIN / 2;
    while now_of(&process).since(START) < day {
        work_for_a_quarter(&process, &clock).await;
    }
    let report = process.worker.report()[KIND];
    assert_eq!((report.failed, report.dead), (0, 0), "{report:?}");
    put_head(&process, EVENTS_MAX + 1, EVENTS_MAX + 1).await;
    work_for_a_quarter(&process, &clock).await;
    work_for_a_quarter(&process, &clock).await;
    expect_all_in_order(&process, 2).await;
}

/// Returns a process whose clock is the runtime's, at work.
fn busy(store: Arc<dyn Store>) -> Arc<Process> {
    let clock = Arc::new(RuntimeClock::exact());
    let process = Process::new(store, &clock, Arc::new(Table::default()));
    let process = Arc::new(process);
    let working = process.clone();
    tokio::spawn(async move {
        let (_go_on, stop) = watch::channel(false);
        working.worker.run(stop).await;
    });
    process
}

/// Has one source tell events for so many seconds; one of them is perhaps leased by a process that
/// dies.
async fn rush(process: &Process, seconds: u32, loses_a_lease: bool) {
    let begun = Instant::now();
    for number in 1..=seconds * RATE {
        process.sell("noodles", 1).await.expect("sells");
        if loses_a_lease && number == LATE {
            assert_eq!(lease(process, now_of(process)).await.len(), 1);
        }
        sleep_until(begun + Duration::from_secs(1) / RATE * number).await;
    }
}

/// Leases what is to come into feeds.
async fn lease(process: &Process, now: Timestamp) -> Vec<Delivery> {
    let query = DueQuery {
        slots: SlotSet::ALL,
        kind: KIND.to_owned(),
        now,
        lease: LEASE,
        limit: 10,
    };
    process.engine.store().due(&query).await.expect("leases")
}

fn now_of(process: &Process) -> Timestamp {
    process.engine.now()
}

/// Works on what comes due within a quarter of an hour or so, at its end.
async fn work_for_a_quarter(process: &Process, clock: &ManualClock) {
    clock.advance(Duration::from_secs(1_050));
    process.worker.drain().await.expect("works");
}

async fn expect_all_in_order(process: &Process, last: u64) {
    let numbers: Vec<u64> = process.events().await.iter().map(|it| it.number).collect();
    let come_in = numbers.len();
    assert!(numbers.into_iter().eq(1..=last), "{come_in} of {last}");
    assert_eq!(process.worker.dead(10).await.expect("lists"), []);
}

/// Writes where the feed begins and ends, whatever stands between.
async fn put_head(process: &Process, first: u64, next: u64) {
    let (store, feed) = (process.engine.store(), sales().partition(&app()));
    let feed = feed.expect("a partition");
    let view = store.read(&feed, &Query::default()).await.expect("reads");
    let head =
        format!(r#"{{"kind":"feed","format":1,"first":{first},"next":{next},"marks_from":0}}"#);
    let batch = Batch {
        expect: view.head,
        commit_id: CommitId::random(),
        at: now_of(process),
        writes: vec![Write::put(Key::root(), Bytes::from(head))],
    };
    store.commit(&feed, batch).await.expect("commits");
}
