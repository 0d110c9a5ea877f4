//! What a line learns from its calls, and which promises it counts as kept.

mod market;

use std::time::Duration;

use mp_queue::{LaneSetup, LineSetup, Quote};

use self::market::Market;

async fn one_lane(interval: Option<Duration>) -> Market {
    let mut lane = LaneSetup::new("A".parse().expect("a letter"), 1, 8);
    lane.interval = interval;
    Market::open_with(LineSetup::new(vec![lane])).await
}

impl Market {
    async fn call_after(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
        self.call().await.expect("calls");
    }

    async fn interval(&self) -> Option<Duration> {
        self.board().await.lanes[0].pace.interval()
    }
}

#[tokio::test]
async fn a_lane_learns_its_pace_from_calls_between_which_somebody_waited() {
    let market = one_lane(None).await;
    for name in ["a", "b", "c", "d"] {
        let joined = market.join(name, 2).await.expect("joins");
        assert_eq!(
            joined.ticket.promise, None,
            "nothing is promised while nothing is known"
        );
    }
    for _ in 0..4 {
        market.call_after(90).await;
    }
    assert_eq!(market.interval().await, Some(Duration::from_secs(90)));
    let joined = market.join("e", 2).await.expect("joins");
    assert!(joined.ticket.promise.is_some());
}

#[tokio::test]
async fn the_time_a_lane_stood_empty_tells_nothing_about_its_pace() {
    let market = one_lane(Some(Duration::from_secs(60))).await;
    for name in ["a", "b", "c"] {
        market.join(name, 2).await.expect("joins");
        market.call_after(1_000).await;
        market.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(market.interval().await, Some(Duration::from_secs(60)));
}

#[tokio::test]
async fn a_promise_is_kept_up_to_its_very_moment() {
    for (late, kept) in [(Duration::ZERO, 1), (Duration::from_micros(1), 0)] {
        let market = one_lane(Some(Duration::from_secs(60))).await;
        let ticket = market.join("mei", 2).await.expect("joins").ticket;
        let promise = ticket.promise.expect("the pace is known");
        assert_eq!(promise.by, ticket.joined_at.plus(promise.quote.p90));
        market.clock.set(promise.by.plus(late));
        let called = market.call().await.expect("calls");
        assert_eq!(
            called.promise.and_then(|promise| promise.kept),
            Some(kept == 1)
        );
        let line = market.board().await;
        assert_eq!((line.quotes_given, line.quotes_kept), (1, kept));
    }
}

#[tokio::test]
async fn a_ticket_called_again_counts_once() {
    let market = one_lane(Some(Duration::from_secs(60))).await;
    let ticket = market.join("mei", 2).await.expect("joins").ticket.id;
    market.call_after(10).await;
    market.recall(ticket).await.expect("recalls");
    market.call_after(10_000).await;
    let line = market.board().await;
    assert_eq!((line.quotes_given, line.quotes_kept), (1, 1));
    assert_eq!(market.interval().await, Some(Duration::from_secs(60)));
}

#[tokio::test]
async fn quotes_follow_what_came_true() {
    let market = one_lane(Some(Duration::from_secs(60))).await;
    let quote = async |name: &str| -> Quote {
        let ticket = market.join(name, 2).await.expect("joins").ticket;
        ticket.promise.expect("the pace is known").quote
    };
    let first = quote("first").await;
    market.call_after(600).await;
    let mut last = first;
    for nth in 0..20 {
        last = quote(&format!("u{nth}")).await;
        market.call_after(600).await;
    }
    assert!(
        last.p50 > first.p50 && last.p90 > first.p90,
        "{first:?} then {last:?}"
    );
}
