//! What happens later: notices once, and the end of a call's grace.

mod market;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use mp_core::{
    Error,
    port::{Notification, Notifier},
    store::{Batch, CommitId, Key, Partition, Query, Selection, Write},
    work::{Worker, WorkerOptions},
};
use mp_queue::{CallFrom, LineSetup, TicketState};
use serde_json::Value;

use self::market::{GRACE, Market, setup, staff};

/// Finds something invalid in the first notification that it is handed.
#[derive(Debug, Default)]
struct Picky(AtomicU32);

#[async_trait]
impl Notifier for Picky {
    async fn notify(&self, _: &Notification) -> Result<(), Error> {
        match self.0.fetch_add(1, Ordering::SeqCst) {
            0 => Err(Error::invalid("topic", "has no text yet")),
            _ => Ok(()),
        }
    }
}

#[tokio::test]
async fn a_notice_that_the_host_cannot_give_now_is_handed_over_again_whatever_the_error() {
    for near in [0, 1] {
        let market = Market::open_with(LineSetup { near, ..setup() }).await;
        let mut tickets = Vec::new();
        for nth in 0..3 {
            let joined = market.join(&format!("u{nth}"), 2).await.expect("joins");
            tickets.push(joined.ticket.id);
        }
        match near {
            0 => drop(market.call().await.expect("calls")),
            _ => drop(market.leave(tickets[0]).await.expect("leaves")),
        }
        let picky = Arc::new(Picky::default());
        let handlers = market.queues.handlers(picky.clone());
        let worker = Worker::new(&market.engine, WorkerOptions::default()).with(handlers);
        worker.drain().await.expect("works");
        let first = picky.0.load(Ordering::SeqCst);
        market.clock.advance(Duration::from_secs(60));
        worker.drain().await.expect("works");
        assert_eq!(picky.0.load(Ordering::SeqCst), first + 1, "near: {near}");
        assert_eq!(worker.dead(9).await.expect("lists"), []);
    }
}

/// Has a newer release write Mei's called ticket; returns it as it stood.
async fn overwrite(market: &Market, value: Option<Value>) -> Value {
    let partition = format!("market/line/{}", market.line);
    let partition = Partition::parse(&partition).expect("an id");
    let store = market.engine.store();
    let query = Query {
        select: vec![Selection::Prefix(Key::new("c/").expect("a prefix"))],
        limit: 9,
    };
    let view = store.read(&partition, &query).await.expect("reads");
    let called = view.records.iter().find(|it| !it.key.as_str().is_empty());
    let called = called.expect("is called");
    let before: Value = serde_json::from_slice(&called.value).expect("is JSON");
    let value = value.unwrap_or_else(|| {
        let mut newer = before.clone();
        (newer["format"], newer["state"]) = (9.into(), "teleported".into());
        newer
    });
    let batch = Batch {
        expect: view.head,
        commit_id: CommitId::random(),
        at: market.engine.now(),
        writes: vec![Write::put(called.key.clone(), value.to_string().into())],
    };
    store.commit(&partition, batch).await.expect("commits");
    before
}

#[tokio::test]
async fn the_timer_of_a_ticket_in_a_state_of_a_newer_release_is_left_to_it() {
    let market = Market::open().await;
    let mei = market.join("mei", 2).await.expect("joins").ticket.id;
    market.call().await.expect("calls");
    market.work().await;
    let before = overwrite(&market, None).await;
    market.clock.advance(GRACE);
    market.work().await;
    overwrite(&market, Some(before)).await;
    assert_eq!(market.board().await.lanes[0].counts.called, 1);
    market.clock.advance(Duration::from_secs(60));
    assert_eq!(market.work().await, 1, "the timer is still there");
    assert_eq!(market.board().await.lanes[0].counts.no_show, 1);
    assert_eq!(market.ticket(mei).await.state, TicketState::NoShow);
}

#[tokio::test]
async fn a_called_person_is_told_once_per_call() {
    let market = Market::open().await;
    let mei = market.join("mei", 2).await.expect("joins").ticket;
    market.call().await.expect("calls");
    market.work().await;
    market.work().await;
    market.recall(mei.id).await.expect("recalls");
    market.call().await.expect("calls");
    market.work().await;
    let told = market.phones.told();
    let keys: Vec<&str> = told.iter().map(|told| told.key.as_str()).collect();
    let key = |call: u32| format!("queue.called/{}.{call}", mei.id);
    assert_eq!(keys, [key(1), key(2)]);
    assert_eq!(told[0].topic, "queue.called");
    assert_eq!(told[0].user.as_str(), "mei");
    assert_eq!(told[0].details["number"], "A001");
}

#[tokio::test]
async fn who_has_few_ahead_is_told_once_that_their_turn_is_near() {
    let market = Market::open_with(LineSetup { near: 2, ..setup() }).await;
    for nth in 0..8 {
        market.join(&format!("u{nth}"), 2).await.expect("joins");
    }
    market.work().await;
    assert_eq!(
        market.phones.heard(),
        [""; 0],
        "those near on joining see it on their ticket"
    );
    let third = market.call().await.expect("calls");
    market.serve(third.id).await.expect("serves");
    market.work().await;
    assert_eq!(market.phones.heard(), ["u3 queue.near"]);
    assert_eq!(market.phones.told()[0].details["ahead"], 2);
}

#[tokio::test]
async fn departures_bring_turns_near_too() {
    let market = Market::open_with(LineSetup { near: 1, ..setup() }).await;
    let mut tickets = Vec::new();
    for nth in 0..6 {
        let joined = market.join(&format!("u{nth}"), 2).await.expect("joins");
        tickets.push(joined.ticket.id);
    }
    for gone in [1, 4, 0] {
        market.leave(tickets[gone]).await.expect("leaves");
    }
    market.work().await;
    let mut heard = market.phones.heard();
    heard.sort();
    assert_eq!(heard, ["u2 queue.near", "u3 queue.near"]);
}

#[tokio::test]
async fn whoever_waits_no_more_is_not_told_that_their_turn_is_near() {
    let market = Market::open_with(LineSetup { near: 1, ..setup() }).await;
    let mut tickets = Vec::new();
    for nth in 0..6 {
        let joined = market.join(&format!("u{nth}"), 2).await.expect("joins");
        tickets.push(joined.ticket.id);
    }
    for gone in [0, 1] {
        market.leave(tickets[gone]).await.expect("leaves");
    }
    // Now two and three are near; one of them leaves, the other is called and served.
    market.leave(tickets[2]).await.expect("leaves");
    market.call().await.expect("calls");
    market.serve(tickets[3]).await.expect("serves");
    market.work().await;
    let mut heard = market.phones.heard();
    heard.sort();
    assert_eq!(heard, ["u4 queue.near", "u5 queue.near"]);
}

#[tokio::test]
async fn nobody_is_told_that_their_turn_is_near_in_a_line_whose_day_is_over() {
    let market = Market::open_with(LineSetup { near: 1, ..setup() }).await;
    for nth in 0..4 {
        market.join(&format!("u{nth}"), 2).await.expect("joins");
    }
    market.call().await.expect("calls");
    market
        .clock
        .set("2026-11-23T00:00:00Z".parse().expect("a moment"));
    assert!(market.work().await > 0, "the notice is done with");
    assert_eq!(market.phones.heard(), [""; 0]);
}

#[tokio::test]
async fn the_end_of_a_call_takes_back_a_notice_that_was_not_given() {
    let market = Market::open().await;
    let mei = market.join("mei", 2).await.expect("joins").ticket.id;
    market.call().await.expect("calls");
    market.recall(mei).await.expect("recalls");
    market.work().await;
    market.call().await.expect("calls");
    market.serve(mei).await.expect("serves");
    market.work().await;
    assert_eq!(market.phones.heard(), [""; 0]);
}

#[tokio::test]
async fn nobody_is_sent_to_a_counter_that_has_stopped_expecting_them() {
    let market = Market::open().await;
    market.join("mei", 2).await.expect("joins");
    market.call().await.expect("calls");
    market.clock.advance(GRACE);
    market.work().await;
    assert_eq!(market.phones.heard(), [""; 0]);
}

#[tokio::test]
async fn whoever_is_called_next_finds_nobody_counted_as_expected_whose_grace_is_over() {
    let market = Market::open().await;
    for name in ["mei", "ada", "bo"] {
        market.join(name, 2).await.expect("joins");
    }
    let late = market.call().await.expect("calls");
    market.clock.advance(GRACE - Duration::from_secs(1));
    market.call().await.expect("calls");
    market.clock.advance(Duration::from_secs(1));
    // A process that has read no more of the line than it was asked for.
    let other = Market::on(market.engine.store().clone());
    other.clock.set(market.engine.now());
    let (chef, key) = (staff(), "next".parse().expect("a key"));
    let from = CallFrom::LongestWaiting;
    let called = other.queues.call_next(&chef, &other.line, from, &key);
    let next = called.await.expect("calls").answer;
    assert_eq!(next.owner.as_str(), "bo");
    let counts = market.board().await.lanes[0].counts;
    assert_eq!((counts.called, counts.no_show), (2, 1));
    let ticket = market.ticket(late.id).await;
    assert_eq!(ticket.closed_at, late.grace_ends_at);
    market.work().await;
    let heard = market.phones.heard();
    assert!(!heard.contains(&"mei queue.called".to_owned()), "{heard:?}");
}

#[tokio::test]
async fn the_end_of_a_grace_is_written_down_once_it_is_over() {
    let market = Market::open().await;
    let mei = market.join("mei", 2).await.expect("joins").ticket.id;
    let called = market.call().await.expect("calls");
    market.work().await;
    assert_eq!(market.board().await.lanes[0].counts.called, 1);
    market.clock.advance(GRACE * 2);
    market.work().await;
    let counts = market.board().await.lanes[0].counts;
    assert_eq!((counts.called, counts.no_show), (0, 1));
    let ticket = market.ticket(mei).await;
    assert_eq!(ticket.state, TicketState::NoShow);
    assert_eq!(ticket.closed_at, called.grace_ends_at);
    assert_eq!(market.work().await, 0, "nothing is left to do");
}

#[tokio::test]
async fn a_served_or_recalled_ticket_has_no_timer_left() {
    let market = Market::open().await;
    for name in ["mei", "ada"] {
        market.join(name, 2).await.expect("joins");
    }
    let (mei, ada) = (
        market.call().await.expect("calls"),
        market.call().await.expect("calls"),
    );
    market.serve(mei.id).await.expect("serves");
    market.recall(ada.id).await.expect("recalls");
    market.work().await;
    market.clock.advance(GRACE * 2);
    assert_eq!(market.work().await, 0);
    assert_eq!(market.ticket(mei.id).await.state, TicketState::Served);
    assert_eq!(market.ticket(ada.id).await.state, TicketState::Waiting);
}
