//! Which lines leave the store.

mod market;

use std::{sync::Arc, time::Duration};

use mp_core::{
    Error, ErrorKind,
    retention::{AGE_MIN, FileArchive, Retention, Sweep},
    store::MemoryStore,
};
use mp_queue::retention::PastLines;

use self::market::{Market, setup, staff};

struct Past {
    market: Market,
    store: Arc<MemoryStore>,
    folder: tempfile::TempDir,
}

impl Past {
    async fn open() -> Self {
        let store = Arc::new(MemoryStore::new());
        let market = Market::on(store.clone());
        let opened = market
            .queues
            .open_line(&staff(), &market.line, setup(), &market.key())
            .await;
        opened.expect("opens");
        let folder = tempfile::tempdir().expect("a folder");
        Self {
            market,
            store,
            folder,
        }
    }

    async fn close(&self) {
        let queues = &self.market.queues;
        let key = self.market.key();
        let closed = queues.close_line(&staff(), &self.market.line, &key).await;
        closed.expect("closes");
    }

    async fn sweep(&self) -> Sweep {
        let archive = Arc::new(FileArchive::in_folder(self.folder.path()));
        let retention = Retention::new(&self.market.engine, self.store.clone(), archive);
        let retention = retention.with(Arc::new(PastLines), Duration::ZERO);
        retention.sweep_all().await.expect("sweeps")
    }
}

#[tokio::test]
async fn a_closed_line_without_live_tickets_is_archived_with_all_of_them() {
    let past = Past::open().await;
    let mei = past.market.join("mei", 2).await.expect("joins").ticket.id;
    past.market.call().await.expect("calls");
    past.market.serve(mei).await.expect("serves");
    past.market.work().await;
    past.market.clock.advance(AGE_MIN * 10);
    assert_eq!(past.sweep().await.live, 1, "an open line stays");
    past.close().await;
    past.market.clock.advance(AGE_MIN);
    assert_eq!(past.sweep().await.retired, 1);

    let queues = &past.market.queues;
    let gone = queues.line(&staff(), &past.market.line).await;
    let error = Error::from(gone.expect_err("is archived"));
    assert_eq!(
        (error.kind(), error.code()),
        (ErrorKind::NotFound, "archived")
    );
    let late = past.market.join("ada", 2).await;
    assert_eq!(
        Error::from(late.expect_err("is archived")).code(),
        "archived"
    );
    let position = queues
        .position(&staff(), &past.market.line, mei, Duration::ZERO)
        .await;
    assert_eq!(
        Error::from(position.expect_err("is archived")).code(),
        "archived"
    );
}

#[tokio::test]
async fn a_call_whose_grace_ends_after_its_line_was_archived_is_done_with() {
    let past = Past::open().await;
    past.market.join("mei", 2).await.expect("joins");
    past.market.call().await.expect("calls");
    past.close().await;
    past.market.clock.advance(AGE_MIN * 10);
    assert_eq!(past.sweep().await.retired, 1);
    assert!(past.market.work().await > 0, "a timer is due");
    assert_eq!(
        past.market.work().await,
        0,
        "and nothing is left, dead or alive"
    );
}

#[tokio::test]
async fn a_line_that_was_left_open_gives_out_no_tickets_once_its_day_is_over() {
    let past = Past::open().await;
    let at = |moment: &str| past.market.clock.set(moment.parse().expect("a moment"));
    at("2026-11-22T23:59:59.999999Z");
    past.market.join("mei", 2).await.expect("it may still turn");
    at("2026-11-23T00:00:00Z");
    let late = past.market.join("ada", 2).await.expect_err("is over");
    assert_eq!(late.code(), "line_closed");
    past.market.call().await.expect("whoever waits is called");
}

#[tokio::test]
async fn a_line_in_which_somebody_waits_stays_until_its_day_is_over() {
    let past = Past::open().await;
    // Days before the line's own.
    past.market
        .clock
        .set("2026-11-10T10:00:00Z".parse().expect("a moment"));
    past.market.join("mei", 2).await.expect("joins");
    past.close().await;
    past.market.work().await;
    past.market
        .clock
        .set("2026-11-22T20:00:00Z".parse().expect("a moment"));
    assert_eq!(past.sweep().await.live, 1);
    past.market
        .clock
        .set("2026-11-23T20:00:00Z".parse().expect("a moment"));
    assert_eq!(past.sweep().await.retired, 1);
}

#[tokio::test]
async fn a_line_that_was_set_up_ahead_and_closed_stays_until_its_day_is_over() {
    let past = Past::open().await;
    let at = |moment: &str| past.market.clock.set(moment.parse().expect("a moment"));
    // Days before the line's own.
    at("2026-11-10T10:00:00Z");
    past.close().await;
    at("2026-11-22T20:00:00Z");
    assert_eq!(past.sweep().await.live, 1);
    let queues = &past.market.queues;
    let key = past.market.key();
    let opened = queues.reopen_line(&staff(), &past.market.line, &key).await;
    opened.expect("opens again");
    past.market.join("mei", 2).await.expect("joins");
    past.close().await;
    past.market.clock.advance(AGE_MIN);
    assert_eq!(past.sweep().await.retired, 1);
}
