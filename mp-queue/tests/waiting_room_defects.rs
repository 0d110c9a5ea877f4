//! Defects that other waiting rooms have, as published in their sources or documents: none here.
//!
//! The first six were found in the source of AWS Virtual Waiting Room (github.com/aws-solutions,
//! deprecated), where a join goes through a queue that delivers at least once.

mod market;

use std::time::Duration;

use mp_queue::{CallFrom, LaneSetup, LineSetup, QueueError, TicketState};

use self::market::{GRACE, Market, setup, staff, user};

#[tokio::test]
async fn a_redelivered_join_gets_no_second_worse_number() {
    let market = Market::open().await;
    let (mei, key) = (user("mei"), market.key());
    let join = || market.queues.join(&mei, &market.line, 2, &key);
    let first = join().await.expect("joins");
    market.join("ada", 2).await.expect("joins");
    let again = join().await.expect("is answered again");
    assert_eq!((first.replayed, again.replayed), (false, true));
    assert_eq!(first.answer, again.answer);
    let counts = market.board().await.lanes[0].counts;
    assert_eq!((counts.joined, counts.waiting), (2, 2));
}

#[tokio::test]
async fn refused_joins_burn_no_numbers() {
    let market = Market::open().await;
    let first = market.join("mei", 2).await.expect("joins").ticket;
    let elsewhere = mp_queue::LineId::new("tea".parse().expect("a name"), market.line.day);
    let key = market.key();
    let refused = market.queues.join(&user("ada"), &elsewhere, 2, &key).await;
    assert!(matches!(refused, Err(QueueError::NoSuchLine)));
    let refused = market.join("mei", 2).await;
    assert!(matches!(refused, Err(QueueError::AlreadyInLine { ticket, .. }) if ticket == first.id));
    let refused = market.join("ada", 9).await;
    assert!(matches!(refused, Err(QueueError::NoLaneFor { party: 9 })));
    let second = market.join("ada", 2).await.expect("joins").ticket;
    let numbers = [first.number, second.number].map(|number| number.to_string());
    assert_eq!(numbers, ["A001", "A002"]);
    assert_eq!(second.sequence, first.sequence + 1);
}

#[tokio::test]
async fn order_is_that_of_joining() {
    let market = Market::open().await;
    let mut taken = Vec::new();
    for (name, party) in [("a", 1), ("b", 5), ("c", 2), ("d", 8), ("e", 2)] {
        taken.push(market.join(name, party).await.expect("joins").ticket.id);
    }
    let mut called = Vec::new();
    while let Ok(ticket) = market.call().await {
        called.push(ticket.id);
    }
    assert_eq!(called, taken);
}

#[tokio::test]
async fn a_repeated_call_neither_calls_nor_counts_a_second_ticket() {
    let market = Market::open().await;
    for name in ["mei", "ada"] {
        market.join(name, 2).await.expect("joins");
    }
    let (chef, key) = (staff(), market.key());
    let next = || {
        let from = CallFrom::LongestWaiting;
        market.queues.call_next(&chef, &market.line, from, &key)
    };
    let first = next().await.expect("calls");
    let again = next().await.expect("replays");
    assert_eq!((first.answer.id, again.replayed), (again.answer.id, true));
    let counts = market.board().await.lanes[0].counts;
    assert_eq!((counts.called, counts.waiting), (1, 1));
}

#[tokio::test]
async fn positions_are_corrected_for_people_ahead_who_left() {
    let market = Market::open().await;
    let mut tickets = Vec::new();
    for nth in 0..10 {
        let joined = market.join(&format!("u{nth}"), 2).await.expect("joins");
        assert_eq!(joined.ahead, nth);
        tickets.push(joined.ticket.id);
    }
    let last = tickets[9];
    assert_eq!(market.ahead(last).await, 9);
    for (gone, left) in [3, 0, 7].into_iter().zip(1..) {
        market.leave(tickets[gone]).await.expect("leaves");
        assert_eq!(market.ahead(last).await, 9 - left);
    }
    assert_eq!(market.ahead(tickets[2]).await, 1);
}

#[tokio::test]
async fn a_join_is_answered_or_refused_and_never_lost_in_between() {
    let market = Market::open_with(LineSetup {
        tickets_max: 1,
        ..setup()
    })
    .await;
    let ticket = market.join("mei", 2).await.expect("joins").ticket;
    assert_eq!(market.ticket(ticket.id).await, ticket);
    let refused = market.join("ada", 2).await.expect_err("is full");
    assert_eq!(refused.code(), "line_full");
    assert_eq!(market.board().await.lanes[0].counts.joined, 1);
}

/// A sweep once a minute lets a lapsed position stand for up to that long.
#[tokio::test]
async fn a_lapsed_call_is_lapsed_before_any_sweep() {
    let market = Market::open().await;
    let ticket = market.join("mei", 2).await.expect("joins").ticket.id;
    market.call().await.expect("calls");
    market.clock.advance(GRACE);
    assert_eq!(market.ticket(ticket).await.state, TicketState::NoShow);
    let late = market.serve(ticket).await.expect_err("is too late");
    assert_eq!(late.code(), "illegal_move");
    market.join("mei", 2).await.expect("joins anew");
}

/// Queue-it and Ticketmaster shuffle who came early, and people see their wait grow.
#[tokio::test]
async fn a_position_does_not_grow_because_others_join() {
    let market = Market::open().await;
    let mei = market.join("mei", 2).await.expect("joins").ticket.id;
    let ada = market.join("ada", 2).await.expect("joins").ticket.id;
    for nth in 0..20 {
        market.join(&format!("u{nth}"), 2).await.expect("joins");
        assert_eq!((market.ahead(mei).await, market.ahead(ada).await), (0, 1));
    }
}

/// Cloudflare knows a place only by the minute of entry.
#[tokio::test]
async fn people_of_the_same_moment_have_places_of_their_own() {
    let lanes = vec![LaneSetup::new("A".parse().expect("a letter"), 1, 2)];
    let market = Market::open_with(LineSetup::new(lanes)).await;
    let mut places = Vec::new();
    for nth in 0..50 {
        let joined = market.join(&format!("u{nth}"), 1).await.expect("joins");
        places.push(market.ahead(joined.ticket.id).await);
    }
    assert_eq!(places, (0..50).collect::<Vec<_>>());
}

/// A vendor's own figure: quotes that go up while one waits, because history lags.
#[tokio::test]
async fn a_promise_once_given_stands() {
    let market = Market::open().await;
    let ticket = market.join("mei", 2).await.expect("joins").ticket;
    let promise = ticket.promise.expect("the pace is known");
    for nth in 0..5 {
        market.join(&format!("u{nth}"), 2).await.expect("joins");
        market.clock.advance(Duration::from_secs(30));
    }
    assert_eq!(market.ticket(ticket.id).await.promise, Some(promise));
    let called = market.call().await.expect("calls");
    let kept = called.promise.expect("is still there").kept;
    assert_eq!(kept, Some(market.engine.now() <= promise.by));
    let line = market.board().await;
    assert_eq!(
        (line.quotes_given, line.quotes_kept),
        (1, u64::from(kept == Some(true)))
    );
}
