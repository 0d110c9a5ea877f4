//! What feeds promise while nothing fails: once, in order, from any cursor, and loud when stuck.

#[path = "../feeding/mod.rs"]
mod feeding;
mod limits;
mod projecting;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use mp_core::{
    Command, Document, Edits, Error, ErrorKind, Family,
    clock::ManualClock,
    feed::{Cursor, Event, FEED_MEMORY, Feed, PROJECT_EVERY, Projector, STRETCH_MAX, Subscriber},
    id::{AppId, Name},
    store::{Delivery, DueQuery, MemoryStore, Outcome, Partition, SlotSet, Version},
    work::{ATTEMPTS_MAX, DeadLetters, Done, LEASE, Worker, WorkerOptions},
};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use tokio::{task::JoinSet, time::Instant};

use self::feeding::{Process, START, Table, alone, app, sales};

#[tokio::test]
async fn what_a_partition_tells_comes_in_once_and_in_its_order() {
    let (process, _, table) = alone();
    process.projector.start(&app()).await.expect("starts");
    for stall in ["noodles", "tea", "noodles"] {
        process.sell(stall, 2).await.expect("sells");
        process.worker.drain().await.expect("works");
    }
    process.projector.catch_up(&app()).await.expect("projects");
    let rows = table.rows();
    assert_eq!(rows.cursor, Cursor(6));
    assert_eq!(rows.sold["stall/noodles"], [1, 2, 3, 4]);
    assert_eq!(rows.sold["stall/tea"], [1, 2]);
    let ids: Vec<String> = process.events().await.iter().map(Event::id).collect();
    assert_eq!(ids[4..], ["stall/noodles#3", "stall/noodles#4"]);
}

#[tokio::test]
async fn a_decision_with_nothing_to_tell_writes_nothing_for_the_feed() {
    let (process, ..) = alone();
    process.sell("noodles", 0).await.expect("sells");
    assert_eq!(process.worker.drain().await.expect("works"), 0);
}

#[tokio::test]
async fn a_feed_is_read_from_any_cursor_and_no_other_app_sees_it() {
    let (process, ..) = alone();
    process.sell("noodles", 5).await.expect("sells");
    process.worker.drain().await.expect("works");
    let read = |after, limit| {
        let (feeds, sales) = (process.feeds.clone(), sales());
        async move { feeds.read(&app(), &sales, Cursor(after), limit).await }
    };
    let stretch = read(2, 2).await.expect("reads");
    assert_eq!((stretch.from, stretch.to), (Cursor(2), Cursor(4)));
    assert_eq!((stretch.events.len(), stretch.behind), (2, 1));
    let end = read(5, 2).await.expect("reads");
    assert_eq!((end.to, end.events.len(), end.behind), (Cursor(5), 0, 0));
    let other: AppId = "arcade".parse().expect("a name");
    let other = process.feeds.read(&other, &sales(), Cursor::START, 9).await;
    assert_eq!(other.expect("reads").events, []);
}

#[tokio::test]
async fn a_cursor_that_the_feed_has_not_reached_is_refused() {
    let (process, ..) = alone();
    process.sell("noodles", 1).await.expect("sells");
    process.worker.drain().await.expect("works");
    let ahead = process.feeds.read(&app(), &sales(), Cursor(2), 9).await;
    assert_eq!(ahead.expect_err("is refused").code(), "feed_ends_before");
    let never = Cursor(u64::MAX);
    let never = process.feeds.read(&app(), &sales(), never, 9).await;
    assert_eq!(never.expect_err("is refused").code(), "feed_ends_before");
}

#[tokio::test]
async fn an_event_comes_in_after_those_its_partition_told_before() {
    let (process, clock, _) = alone();
    process.sell("noodles", 1).await.expect("sells");
    // The first one is held up: somebody has leased it and died.
    assert_eq!(leased(&process).await.len(), 1);
    process.sell("noodles", 1).await.expect("sells");
    process.worker.drain().await.expect("works");
    assert_eq!(process.events().await, [], "the second one waits");
    for _ in 0..8 {
        clock.advance(Duration::from_secs(20));
        process.worker.drain().await.expect("works");
    }
    let numbers: Vec<u64> = process.events().await.iter().map(|it| it.number).collect();
    assert_eq!(numbers, [1, 2]);
    let told = process.events().await[0].clone();
    assert!(told.recorded_at > told.at);
}

/// Leases what waits to come into feeds, and returns it in the order in which it was told.
async fn leased(process: &Process) -> Vec<Delivery> {
    let query = DueQuery {
        slots: SlotSet::ALL,
        kind: "feed.event".to_owned(),
        now: START,
        lease: LEASE,
        limit: 100,
    };
    let mut leased = process.engine.store().due(&query).await.expect("leases");
    leased.sort_by(|one, other| one.key.cmp(&other.key));
    leased
}

#[tokio::test(start_paused = true)]
async fn events_that_overtake_each_other_come_in_without_a_pause() {
    let (process, ..) = alone();
    for _ in 0..20 {
        process.sell("noodles", 2).await.expect("sells");
    }
    let filling = process.feeds.handlers().swap_remove(0);
    let started = Instant::now();
    // The last one first: each but the first is faster than all that were told before it.
    let mut handling = JoinSet::new();
    for delivery in leased(&process).await.into_iter().rev() {
        let filling = filling.clone();
        handling.spawn(async move { filling.handle(&delivery).await });
    }
    let handled = handling.join_all().await;
    let paused = handled
        .iter()
        .filter(|it| !matches!(it, Ok(Done::Finished)));
    assert_eq!((handled.len(), paused.count()), (20, 0));
    assert_eq!(
        started.elapsed(),
        Duration::ZERO,
        "nobody waited for a clock"
    );
    let numbers: Vec<u64> = process.events().await.iter().map(|it| it.number).collect();
    assert_eq!(numbers, (1..=40).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn an_event_whose_turn_does_not_come_gives_its_place_back() {
    let (process, ..) = alone();
    for _ in 0..2 {
        process.sell("noodles", 1).await.expect("sells");
    }
    let filling = process.feeds.handlers().swap_remove(0);
    let second = leased(&process).await.remove(1);
    let started = Instant::now();
    let done = filling.handle(&second).await.expect("waits");
    let Done::Again(at) = done else {
        panic!("{done:?}")
    };
    assert!((1..=1_000_001).contains(&at.since(START).as_micros()));
    assert!((1..1_000).contains(&started.elapsed().as_millis()));
}

#[tokio::test]
async fn order_holds_over_days_and_after_the_marks_of_the_day_before_are_forgotten() {
    let (process, clock, _) = alone();
    for pause in [0, 1, 40, 70, 0] {
        clock.advance(Duration::from_secs(pause * 24 * 60 * 60));
        process.sell("noodles", 1).await.expect("sells");
        process.worker.drain().await.expect("works");
    }
    let numbers: Vec<u64> = process.events().await.iter().map(|it| it.number).collect();
    assert_eq!(numbers, [4, 5], "the older ones are forgotten");
    assert_eq!(process.worker.dead(10).await.expect("lists"), []);
}

#[tokio::test]
async fn what_was_forgotten_is_missed_aloud() {
    let (process, clock, table) = alone();
    process.projector.start(&app()).await.expect("starts");
    process.sell("noodles", 1).await.expect("sells");
    process.worker.drain().await.expect("works");
    process.projector.catch_up(&app()).await.expect("projects");
    // The projection's host is gone for too long, while the feed goes on.
    let feeds = process.feeds.clone();
    let worker = Worker::new(&process.engine, WorkerOptions::default()).with(feeds.handlers());
    for _ in 0..2 {
        process.sell("noodles", 1).await.expect("sells");
        worker.drain().await.expect("works");
        clock.advance(FEED_MEMORY * 2);
    }
    worker.drain().await.expect("works");
    process.worker.drain().await.expect("works");
    let dead = process.worker.dead(10).await.expect("lists");
    let error = dead[0].last_error.as_deref().unwrap_or_default();
    assert!(error.contains("has forgotten what came after 1"), "{error}");
    assert_eq!(table.rows().cursor, Cursor(1));
}

#[tokio::test]
async fn what_waited_for_longer_than_the_feed_remembers_is_dead_not_doubled() {
    let (process, clock, _) = alone();
    let waiting = process.sell("noodles", 1).await;
    waiting.expect("sells");
    let other = Process::new(
        process.engine.store().clone(),
        &clock,
        Arc::new(Table::default()),
    );
    // Nobody works for two months; then another stall's event and the trim come first.
    let store = process.engine.store().clone();
    let query = DueQuery {
        slots: SlotSet::ALL,
        kind: "feed.event".to_owned(),
        now: START,
        lease: FEED_MEMORY * 2 + Duration::from_secs(60 * 60 * 2),
        limit: 1,
    };
    store.due(&query).await.expect("leases");
    other.sell("tea", 1).await.expect("sells");
    other.worker.drain().await.expect("works");
    clock.advance(FEED_MEMORY * 2);
    other.worker.drain().await.expect("works");
    clock.advance(Duration::from_secs(60 * 60 * 3));
    other.worker.drain().await.expect("works");
    let dead = other.worker.dead(10).await.expect("lists");
    assert_eq!(dead.len(), 1);
    let error = dead[0].last_error.as_deref().unwrap_or_default();
    assert!(
        error.contains("whether the event came in before"),
        "{error}"
    );
}

#[tokio::test]
async fn forgetting_goes_on_until_all_that_is_old_is_gone() {
    let (process, clock, _) = alone();
    for _ in 0..6 {
        process.sell("noodles", 250).await.expect("sells");
    }
    for stall in 0..600 {
        let sold = process.sell(&format!("stall-{stall}"), 1).await;
        sold.expect("sells");
    }
    process.worker.drain().await.expect("works");
    for _ in 0..8 {
        clock.advance(Duration::from_secs(1));
        process.worker.drain().await.expect("works");
    }
    assert_eq!(process.events().await.len(), 2_100);
    clock.advance(FEED_MEMORY + Duration::from_secs(2 * 24 * 60 * 60));
    process.worker.drain().await.expect("works");
    assert_eq!(process.events().await, []);
    let store = process.engine.store();
    let partition = sales().partition(&app()).expect("a partition");
    let everything = mp_core::store::Query {
        select: vec![mp_core::store::Selection::Prefix(
            mp_core::store::Key::root(),
        )],
        limit: 100,
    };
    let left = store.read(&partition, &everything).await.expect("reads");
    assert_eq!(left.records.len(), 1, "the root");
    process.sell("noodles", 1).await.expect("sells");
    process.worker.drain().await.expect("works");
    assert_eq!(process.events().await[0].position, Cursor(2_101));
    assert_ne!(left.head, Version::ABSENT);
}

/// A subscriber that remembers what it was handed.
#[derive(Debug)]
struct Inbox {
    name: Name,
    positions: Mutex<Vec<u64>>,
}

impl Default for Inbox {
    fn default() -> Self {
        Self {
            name: "inbox".parse().expect("a name"),
            positions: Mutex::default(),
        }
    }
}

#[async_trait]
impl Subscriber for Inbox {
    fn name(&self) -> &Name {
        &self.name
    }

    async fn receive(&self, _: &AppId, events: &[Event]) -> Result<(), Error> {
        let broken = |_| Error::new(ErrorKind::Unavailable, "broken", "is broken");
        let mut positions = self.positions.lock().map_err(broken)?;
        positions.extend(events.iter().map(|event| event.position.0));
        Ok(())
    }
}

/// What one of two processes does next.
#[derive(Clone, Copy, Debug)]
enum Step {
    Sell { stall: u8, times: u64 },
    Work,
    Project,
    Wait { minutes: u64 },
}

fn steps() -> impl Strategy<Value = Vec<(bool, Step)>> {
    let step = prop_oneof![
        4 => (0..4_u8, 1..4_u64).prop_map(|(stall, times)| Step::Sell { stall, times }),
        2 => Just(Step::Work),
        2 => Just(Step::Project),
        1 => (1..600_u64).prop_map(|minutes| Step::Wait { minutes }),
    ];
    proptest::collection::vec((any::<bool>(), step), 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn however_two_processes_take_turns_each_event_counts_once_and_in_order(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.expect("a runtime").block_on(take_turns(steps));
    }
}

async fn take_turns(steps: Vec<(bool, Step)>) {
    let (store, clock) = (
        Arc::new(MemoryStore::new()),
        Arc::new(ManualClock::at(START)),
    );
    let table = Arc::new(Table::default());
    let processes = [(); 2].map(|()| Process::new(store.clone(), &clock, table.clone()));
    let mut sold = [0; 4];
    let mut cursor = Cursor::START;
    for (first, step) in steps {
        let process = &processes[usize::from(first)];
        match step {
            Step::Sell { stall, times } => {
                process
                    .sell(&stall.to_string(), times)
                    .await
                    .expect("sells");
                sold[usize::from(stall)] += times;
            }
            Step::Work => {
                let (one, other) = tokio::join!(
                    process.worker.turn(),
                    processes[usize::from(!first)].worker.turn()
                );
                one.and(other).expect("works");
            }
            Step::Project => drop(process.projector.catch_up(&app()).await.expect("projects")),
            Step::Wait { minutes } => clock.advance(Duration::from_secs(minutes * 60)),
        }
        let rows = table.rows();
        assert!(rows.cursor >= cursor, "a cursor never goes back");
        cursor = rows.cursor;
        for (stall, told) in &rows.sold {
            assert!(
                told.iter().copied().eq(1..=told.len() as u64),
                "{stall}: {told:?}"
            );
        }
    }
    for _ in 0..8 {
        clock.advance(Duration::from_secs(60));
        processes[0].worker.drain().await.expect("works");
    }
    processes[1]
        .projector
        .catch_up(&app())
        .await
        .expect("projects");
    let rows = table.rows();
    for (stall, sold) in sold.into_iter().enumerate() {
        let told = rows.sold.get(&format!("stall/{stall}"));
        assert_eq!(told.map_or(0, Vec::len) as u64, sold, "stall {stall}");
    }
    assert_eq!(rows.cursor.0, sold.iter().sum::<u64>());
}
