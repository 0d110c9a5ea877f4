//! What becomes of a long backlog where the host's tables, or the store, are slow.
#![cfg(feature = "conformance")]

mod feeding;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use mp_core::{
    Error,
    clock::ManualClock,
    conformance::{Call, HookedStore, Phase},
    feed::{APPLY_MAX, Cursor, FEED_MEMORY, Projection, Stretch},
    id::{AppId, Name},
    store::{MemoryStore, Partition},
    work::{HANDLING_MAX, KindReport},
};
use tokio::time::{Instant, sleep};

use self::feeding::{Process, START, Table, app};

const PROJECT: &str = "feed.project.sales.table";
const TRIM: &str = "feed.trim";

#[tokio::test(start_paused = true)]
async fn a_backlog_longer_than_a_handling_is_projected_by_and_by() {
    let (process, table) = with_a_table_that_takes(Duration::from_millis(30));
    let events = backlog(&process, 16).await;
    let begun = Instant::now();
    process.projector.start(&app()).await.expect("starts");
    process.worker.drain().await.expect("works");
    assert!(begun.elapsed() > HANDLING_MAX, "{:?}", begun.elapsed());
    assert_eq!(table.rows().cursor, events);
    expect_no_failure(&process, PROJECT);
}

#[tokio::test(start_paused = true)]
async fn a_table_that_takes_a_second_for_each_event_is_handed_few() {
    let (process, table) = with_a_table_that_takes(Duration::from_secs(1));
    let events = backlog(&process, 1).await;
    process.projector.start(&app()).await.expect("starts");
    let begun = Instant::now();
    process.worker.drain().await.expect("works");
    assert_eq!(table.rows().cursor, events);
    expect_no_failure(&process, PROJECT);
    let twice = Duration::from_secs(events.0 * 2);
    assert!(begun.elapsed() < twice, "events are handed over once");
}

#[tokio::test(start_paused = true)]
async fn an_event_that_takes_too_long_fails_by_its_name() {
    let (process, table) = with_a_table_that_takes(APPLY_MAX * 2);
    backlog(&process, 1).await;
    process.projector.start(&app()).await.expect("starts");
    process.worker.drain().await.expect("works");
    assert_eq!(table.rows().cursor, Cursor::START);
    let report = report(&process, PROJECT);
    assert_eq!((report.failed, report.broken_off), (1, 0));
    let error = process.projector.catch_up(&app()).await;
    let error = error.expect_err("is too slow");
    assert_eq!(error.code(), "projection_slow");
    assert!(
        error.to_string().contains("stall/noodles#1 at 1"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn more_to_forget_than_one_handling_has_time_for_is_forgotten_by_and_by() {
    let commits_slowly = |call, phase, partition: Option<&Partition>| {
        let feed = partition.is_some_and(|partition| partition.kind() == "feed");
        async move {
            if feed && (call, phase) == (Call::Commit, Phase::Before) {
                sleep(Duration::from_secs(3)).await;
            }
            Ok(())
        }
    };
    let store = HookedStore::new(Arc::new(MemoryStore::new()), commits_slowly);
    let clock = Arc::new(ManualClock::at(START));
    let process = Process::new(Arc::new(store), &clock, Arc::new(Table::default()));
    backlog(&process, 80).await;
    clock.advance(FEED_MEMORY + Duration::from_secs(2 * 24 * 60 * 60));
    let begun = Instant::now();
    process.worker.drain().await.expect("works");
    assert!(begun.elapsed() > HANDLING_MAX, "{:?}", begun.elapsed());
    assert_eq!(process.events().await, []);
    expect_no_failure(&process, TRIM);
}

/// Has so many sales of 250 events each come into the feed, and returns the position of the last.
async fn backlog(process: &Process, sales: u64) -> Cursor {
    for _ in 0..sales {
        process.sell("noodles", 250).await.expect("sells");
        process.worker.drain().await.expect("works");
    }
    Cursor(sales * 250)
}

fn expect_no_failure(process: &Process, kind: &str) {
    let report = report(process, kind);
    assert!(report.postponed > 1, "{report:?}");
    assert_eq!((report.failed, report.broken_off, report.dead), (0, 0, 0));
}

fn report(process: &Process, kind: &str) -> KindReport {
    process.worker.report()[kind]
}

fn with_a_table_that_takes(each: Duration) -> (Process, Arc<Table>) {
    let table = Arc::new(Table::default());
    let slow = SlowTable {
        table: table.clone(),
        each,
    };
    let clock = Arc::new(ManualClock::at(START));
    let process = Process::new(Arc::new(MemoryStore::new()), &clock, Arc::new(slow));
    (process, table)
}

/// A table that takes some time for each event.
#[derive(Debug)]
struct SlowTable {
    table: Arc<Table>,
    each: Duration,
}

#[async_trait]
impl Projection for SlowTable {
    fn name(&self) -> &Name {
        self.table.name()
    }

    async fn cursor(&self, app: &AppId) -> Result<Cursor, Error> {
        self.table.cursor(app).await
    }

    async fn apply(&self, stretch: &Stretch) -> Result<bool, Error> {
        let events = u32::try_from(stretch.events.len()).expect("a few");
        sleep(self.each * events).await;
        self.table.apply(stretch).await
    }
}
