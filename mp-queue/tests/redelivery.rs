//! A join that comes once more after its answer is forgotten is answered with the same ticket.

mod market;

use mp_core::{id::IdempotencyKey, idempotency::IDEMPOTENCY_MEMORY};
use mp_queue::{Joined, QueueError, TicketState};

use self::market::{GRACE, Market, staff, user};

/// A market whose line Mei has joined days ago, behind Ada, and the key under which she did.
async fn joined_days_ago() -> (Market, IdempotencyKey, Joined) {
    let market = Market::open().await;
    market.join("ada", 2).await.expect("joins");
    let key = market.key();
    let joined = join(&market, &key, 2).await.expect("joins");
    market.clock.advance(IDEMPOTENCY_MEMORY * 2);
    (market, key, joined)
}

async fn join(market: &Market, key: &IdempotencyKey, party: u32) -> Result<Joined, QueueError> {
    let mei = user("mei");
    let joined = market.queues.join(&mei, &market.line, party, key).await;
    joined.map(|committed| committed.answer)
}

async fn tickets(market: &Market) -> u32 {
    market.board().await.lanes[0].counts.joined
}

#[tokio::test]
async fn a_join_that_is_delivered_again_days_later_is_answered_with_the_same_ticket() {
    let (market, key, joined) = joined_days_ago().await;
    let again = join(&market, &key, 2).await.expect("answers");
    assert_eq!(again, joined);
    let key_of_close = market.key();
    let closed = market
        .queues
        .close_line(&staff(), &market.line, &key_of_close)
        .await;
    closed.expect("closes");
    market.clock.advance(IDEMPOTENCY_MEMORY * 2);
    let again = join(&market, &key, 2).await.expect("answers");
    assert_eq!(again, joined);
    assert_eq!(tickets(&market).await, 2);
}

#[tokio::test]
async fn a_ticket_that_was_served_is_not_followed_by_a_second_one() {
    let (market, key, joined) = joined_days_ago().await;
    market.call().await.expect("calls Ada");
    market.call().await.expect("calls Mei");
    let served = market.serve(joined.ticket.id).await.expect("serves");
    let again = join(&market, &key, 2).await.expect("answers");
    assert_eq!((again.ticket, again.ahead), (served, 0));
    assert_eq!(tickets(&market).await, 2);
}

#[tokio::test]
async fn a_ticket_that_waits_again_is_told_with_its_new_place() {
    let (market, key, joined) = joined_days_ago().await;
    market.call().await.expect("calls Ada");
    market.call().await.expect("calls Mei");
    market.join("tom", 2).await.expect("joins");
    market.clock.advance(GRACE);
    let requeued = market.requeue(joined.ticket.id).await.expect("requeues");
    assert_eq!(requeued.state, TicketState::Waiting);
    let again = join(&market, &key, 2).await.expect("answers");
    assert_eq!((again.ticket, again.ahead), (requeued, 1));
    assert_eq!(market.ahead(joined.ticket.id).await, 1);
}

#[tokio::test]
async fn a_key_that_gave_out_a_ticket_gives_none_to_another_party() {
    let (market, key, _) = joined_days_ago().await;
    let refused = join(&market, &key, 3).await.expect_err("another party");
    assert_eq!(refused.code(), "idempotency_conflict");
    let again = market
        .queues
        .plan_join(&user("mei"), &market.line, 3, &key)
        .await;
    let refused = again.expect_err("another party");
    assert_eq!(refused.code(), "idempotency_conflict");
}
