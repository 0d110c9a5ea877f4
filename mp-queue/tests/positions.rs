//! Positions follow the store: exactly, from any process, as fresh as asked.

mod counting;
mod market;

use std::{sync::Arc, time::Duration};

use mp_core::store::{DELETION_MEMORY, MemoryStore};
use mp_queue::{LineId, QueueOptions, Queues, TicketId, TicketState};

use self::{
    counting::Asked,
    market::{GRACE, Market, setup, staff},
};

async fn crowd(market: &Market, people: u32) -> Vec<TicketId> {
    let mut tickets = Vec::new();
    for nth in 0..people {
        let joined = market.join(&format!("u{nth}"), 2).await.expect("joins");
        tickets.push(joined.ticket.id);
    }
    tickets
}

#[tokio::test]
async fn what_another_process_has_committed_shows_at_once() {
    let store = Arc::new(MemoryStore::new());
    let (here, there) = (Market::on(store.clone()), Market::on(store));
    let (chef, key) = (staff(), here.key());
    let opened = here
        .queues
        .open_line(&chef, &here.line, setup(), &key)
        .await;
    opened.expect("opens");
    let tickets = crowd(&here, 5).await;
    assert_eq!(there.ahead(tickets[4]).await, 4);
    here.leave(tickets[1]).await.expect("leaves");
    here.call().await.expect("calls");
    assert_eq!(there.ahead(tickets[4]).await, 2);
    assert_eq!(there.position(tickets[0]).await.state, TicketState::Called);
}

#[tokio::test]
async fn an_answer_is_no_older_than_asked_and_says_how_old_it_is() {
    let market = Market::open().await;
    let tickets = crowd(&market, 3).await;
    let chef = staff();
    let ask = async |seconds| {
        let staleness = Duration::from_secs(seconds);
        let position = market
            .queues
            .position(&chef, &market.line, tickets[2], staleness);
        position.await.expect("is there")
    };
    let first = ask(10).await;
    assert_eq!((first.ahead, first.as_of), (2, market.engine.now()));
    market.leave(tickets[0]).await.expect("leaves");
    market.clock.advance(Duration::from_secs(9));
    assert_eq!(ask(10).await, first, "nine seconds old is fresh enough");
    market.clock.advance(Duration::from_secs(1));
    let second = ask(10).await;
    assert_eq!((second.ahead, second.as_of), (1, market.engine.now()));
    market.leave(tickets[1]).await.expect("leaves");
    assert_eq!(
        ask(0).await.ahead,
        0,
        "nothing committed before the question is missed"
    );
}

#[tokio::test]
async fn a_ticket_younger_than_the_index_is_found_however_stale_an_answer_may_be() {
    let market = Market::open().await;
    crowd(&market, 2).await;
    let chef = staff();
    let ask = async |ticket| {
        let staleness = Duration::from_secs(3_600);
        let position = market
            .queues
            .position(&chef, &market.line, ticket, staleness);
        position.await.expect("is there")
    };
    let first = market.join("ada", 2).await.expect("joins").ticket.id;
    assert_eq!(ask(first).await.ahead, 2);
    let second = market.join("tom", 2).await.expect("joins").ticket.id;
    assert_eq!(ask(second).await.ahead, 3);
}

#[tokio::test]
async fn positions_are_exact_after_the_store_has_forgotten_departures() {
    let market = Market::open().await;
    let tickets = crowd(&market, 6).await;
    assert_eq!(market.ahead(tickets[5]).await, 5);
    market.leave(tickets[0]).await.expect("leaves");
    market.leave(tickets[3]).await.expect("leaves");
    market.clock.advance(DELETION_MEMORY * 2);
    // A commit much later makes the store forget what was deleted.
    market.join("late", 2).await.expect("joins");
    assert_eq!(market.ahead(tickets[5]).await, 3);
    assert_eq!(market.position(tickets[3]).await.state, TicketState::Left);
}

#[tokio::test]
async fn a_line_that_was_forgotten_is_read_again() {
    let market = Market::open().await;
    let options = QueueOptions::default().with_lines_followed_max(1);
    let queues = Queues::new(&market.engine, &options);
    let tea = LineId::new("tea".parse().expect("a name"), market.line.day);
    let chef = staff();
    let opened = queues.open_line(&chef, &tea, setup(), &market.key()).await;
    opened.expect("opens");
    let noodles = crowd(&market, 3).await;
    let key = market.key();
    let at_tea = queues
        .join(&chef, &tea, 2, &key)
        .await
        .expect("joins")
        .answer;
    for _ in 0..3 {
        let position = queues
            .position(&chef, &market.line, noodles[2], Duration::ZERO)
            .await;
        assert_eq!(position.expect("is there").ahead, 2);
        let position = queues
            .position(&chef, &tea, at_tea.ticket.id, Duration::ZERO)
            .await;
        assert_eq!(position.expect("is there").ahead, 0);
    }
}

#[tokio::test]
async fn many_who_ask_at_once_share_a_reading() {
    let asked = Asked::default();
    let market = Arc::new(Market::on(asked.store()));
    let (chef, key) = (staff(), market.key());
    let opened = market
        .queues
        .open_line(&chef, &market.line, setup(), &key)
        .await;
    opened.expect("opens");
    let tickets = crowd(&market, 3).await;
    assert_eq!(market.ahead(tickets[2]).await, 2);
    let before = asked.times();
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let (market, ticket) = (market.clone(), tickets[2]);
        asking.spawn(async move { market.ahead(ticket).await });
    }
    assert_eq!(asking.join_all().await, [2; 200]);
    assert!(
        asked.times() - before <= 2,
        "read {} times",
        asked.times() - before
    );
}

#[tokio::test]
async fn a_lapsed_call_shows_as_a_no_show() {
    let market = Market::open().await;
    let tickets = crowd(&market, 1).await;
    market.call().await.expect("calls");
    market.clock.advance(GRACE);
    assert_eq!(market.position(tickets[0]).await.state, TicketState::NoShow);
}

#[tokio::test]
async fn a_planned_join_is_committed_by_the_host_or_not_at_all() {
    let market = Market::open().await;
    let (mei, key) = (market::user("mei"), market.key());
    let planned = market.queues.plan_join(&mei, &market.line, 2, &key).await;
    let planned = planned.expect("plans");
    assert_eq!(market.board().await.lanes[0].counts.joined, 0);
    let batch = planned.batch.expect("something to write");
    let committed = market
        .engine
        .store()
        .commit(&planned.partition, batch)
        .await;
    committed.expect("commits");
    let ticket = planned.answer.ticket;
    assert_eq!(market.ticket(ticket.id).await, ticket);
    let again = market.queues.join(&mei, &market.line, 2, &key).await;
    assert_eq!(again.expect("is remembered").answer.ticket, ticket);
    let (chef, key) = (staff(), market.key());
    let from = mp_queue::CallFrom::LongestWaiting;
    let planned = market
        .queues
        .plan_call_next(&chef, &market.line, from, &key)
        .await;
    assert_eq!(planned.expect("plans").answer.id, ticket.id);
    assert_eq!(market.ticket(ticket.id).await.state, TicketState::Waiting);
}
