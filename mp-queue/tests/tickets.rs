//! A ticket's life, end to end.

mod market;

use std::time::Duration;

use mp_core::store::{Batch, CommitId, Key, Partition, Query, Write};
use mp_queue::{
    CallFrom, QueueError, TicketState,
    line::{LineState, TICKETS_EACH_MAX},
    quote::Calibration,
};
use serde_json::Value;

use self::market::{GRACE, Market, setup, staff, user};

#[tokio::test]
async fn a_served_ticket_is_waiting_called_then_served() {
    let market = Market::open().await;
    let ticket = market.join("mei", 2).await.expect("joins").ticket;
    assert_eq!(ticket.state, TicketState::Waiting);
    market.clock.advance(Duration::from_secs(40));
    let called = market.call().await.expect("calls");
    assert_eq!(
        (called.id, called.state, called.calls),
        (ticket.id, TicketState::Called, 1)
    );
    assert_eq!(called.grace_ends_at, Some(market.engine.now().plus(GRACE)));
    let served = market.serve(ticket.id).await.expect("serves");
    assert_eq!(served.state, TicketState::Served);
    assert_eq!(served.closed_at, Some(market.engine.now()));
    assert_eq!(market.ticket(ticket.id).await, served);
    assert_eq!(market.position(ticket.id).await.state, TicketState::Served);
}

#[tokio::test]
async fn repeating_what_has_happened_changes_nothing() {
    let market = Market::open().await;
    let mei = market.join("mei", 2).await.expect("joins").ticket.id;
    let ada = market.join("ada", 2).await.expect("joins").ticket.id;
    let tom = market.join("tom", 2).await.expect("joins").ticket.id;
    market.call().await.expect("calls");
    market.call().await.expect("calls");
    let first = (
        market.serve(mei).await.expect("serves"),
        market.no_show(ada).await.expect("notes"),
        market.leave(tom).await.expect("leaves"),
    );
    let board = market.board().await;
    market.clock.advance(GRACE);
    let again = (
        market.serve(mei).await.expect("serves"),
        market.no_show(ada).await.expect("notes"),
        market.leave(tom).await.expect("leaves"),
    );
    assert_eq!(first, again);
    assert_eq!(market.board().await, board);
}

#[tokio::test]
async fn a_recalled_ticket_waits_again_at_its_old_place() {
    let market = Market::open().await;
    let mei = market.join("mei", 2).await.expect("joins").ticket;
    let ada = market.join("ada", 2).await.expect("joins").ticket;
    market.call().await.expect("calls");
    assert_eq!(market.ahead(ada.id).await, 0);
    let recalled = market.recall(mei.id).await.expect("recalls");
    assert_eq!(
        (recalled.number, recalled.sequence),
        (mei.number, mei.sequence)
    );
    assert_eq!(
        (market.ahead(mei.id).await, market.ahead(ada.id).await),
        (0, 1)
    );
    market.clock.advance(GRACE * 2);
    assert_eq!(market.ticket(mei.id).await.state, TicketState::Waiting);
    assert_eq!(market.call().await.expect("calls").id, mei.id);
}

#[tokio::test]
async fn a_requeued_ticket_waits_at_the_end_under_a_new_number() {
    let market = Market::open().await;
    let mei = market.join("mei", 2).await.expect("joins").ticket;
    let ada = market.join("ada", 2).await.expect("joins").ticket;
    market.call().await.expect("calls");
    market.clock.advance(GRACE);
    let requeued = market.requeue(mei.id).await.expect("requeues");
    assert_eq!(requeued.number.to_string(), "A003");
    assert_eq!(
        (requeued.id, requeued.state),
        (mei.id, TicketState::Waiting)
    );
    assert_eq!(
        (market.ahead(ada.id).await, market.ahead(mei.id).await),
        (0, 1)
    );
    let counts = market.board().await.lanes[0].counts;
    assert_eq!((counts.joined, counts.waiting, counts.no_show), (2, 2, 0));
    assert_eq!(market.call().await.expect("calls").id, ada.id);
    assert_eq!(market.call().await.expect("calls").id, mei.id);
}

#[tokio::test]
async fn a_ticket_is_not_requeued_beside_another_of_its_owner() {
    let market = Market::open().await;
    let first = market.join("mei", 2).await.expect("joins").ticket.id;
    market.call().await.expect("calls");
    market.no_show(first).await.expect("notes");
    let second = market.join("mei", 2).await.expect("joins").ticket.id;
    let refused = market.requeue(first).await;
    assert!(matches!(refused, Err(QueueError::AlreadyInLine { ticket, .. }) if ticket == second));
    // Once the other's call has lapsed, with nobody there to write it down, it can.
    market.call().await.expect("calls");
    market.clock.advance(GRACE);
    market.requeue(first).await.expect("requeues");
    // And writing it down then takes nothing from the ticket that lives.
    market.work().await;
    assert_eq!(market.ticket(second).await.state, TicketState::NoShow);
    let refused = market.join("mei", 2).await;
    assert!(matches!(refused, Err(QueueError::AlreadyInLine { ticket, .. }) if ticket == first));
}

#[tokio::test]
async fn one_user_does_not_use_up_the_tickets_of_a_line() {
    let market = Market::open().await;
    for nth in 0..TICKETS_EACH_MAX {
        let ticket = market.join("mei", 2).await.expect("joins").ticket.id;
        if nth % 2 == 0 {
            market.leave(ticket).await.expect("leaves");
        } else {
            market.call().await.expect("calls");
            market.no_show(ticket).await.expect("notes");
            // A ticket that waits again, as staff decide, is no new one.
            market.requeue(ticket).await.expect("requeues");
            market.leave(ticket).await.expect("leaves");
        }
    }
    let refused = market.join("mei", 2).await.expect_err("enough");
    assert_eq!(refused.code(), "too_many_attempts");
    market.join("ada", 2).await.expect("has not taken any");
}

#[tokio::test]
async fn a_closed_line_gives_out_no_tickets_but_calls_on() {
    let market = Market::open().await;
    market.join("mei", 2).await.expect("joins");
    for _ in 0..2 {
        let closed = market
            .queues
            .close_line(&staff(), &market.line, &market.key())
            .await;
        assert_eq!(closed.expect("closes").answer.state, LineState::Closed);
    }
    let refused = market.join("ada", 2).await.expect_err("is closed");
    assert_eq!(refused.code(), "line_closed");
    market.call().await.expect("calls");
    let opened = market
        .queues
        .reopen_line(&staff(), &market.line, &market.key())
        .await;
    assert_eq!(opened.expect("opens").answer.state, LineState::Open);
    market.join("ada", 2).await.expect("joins");
}

#[tokio::test]
async fn a_line_in_a_state_of_a_newer_release_is_left_to_it() {
    let market = Market::open().await;
    market.join("mei", 2).await.expect("joins");
    let store = market.engine.store();
    let partition = format!("market/line/{}", market.line);
    let partition = Partition::parse(&partition).expect("an id");
    let view = store
        .read(&partition, &Query::default())
        .await
        .expect("reads");
    let mut root: Value = serde_json::from_slice(&view.records[0].value).expect("is JSON");
    (root["format"], root["state"]) = (9.into(), "paused".into());
    let batch = Batch {
        expect: view.head,
        commit_id: CommitId::random(),
        at: market.engine.now(),
        writes: vec![Write::put(Key::root(), root.to_string().into())],
    };
    store.commit(&partition, batch).await.expect("commits");
    let closed = market
        .queues
        .close_line(&staff(), &market.line, &market.key())
        .await;
    assert_eq!(closed.expect_err("is refused").code(), "newer_release");
    let refused = market.join("ada", 2).await.expect_err("counts as closed");
    assert_eq!(refused.code(), "line_closed");
    // Who waits is called, and the line's state is written again as it was.
    market.call().await.expect("calls");
    let view = store
        .read(&partition, &Query::default())
        .await
        .expect("reads");
    let root: Value = serde_json::from_slice(&view.records[0].value).expect("is JSON");
    assert_eq!(
        (&root["state"], &root["format"]),
        (&"paused".into(), &9.into())
    );
}

#[tokio::test]
async fn a_line_is_opened_once() {
    let market = Market::open().await;
    let again = market
        .queues
        .open_line(&staff(), &market.line, setup(), &market.key())
        .await;
    assert!(matches!(again, Err(QueueError::LineExists)));
}

#[tokio::test]
async fn lanes_are_called_apart_or_by_who_waits_longest() {
    let market = Market::open().await;
    for (name, party) in [("a", 2), ("b", 2), ("c", 4), ("d", 2)] {
        market.join(name, party).await.expect("joins");
    }
    let lane = |letter: &str| CallFrom::Lane(letter.parse().expect("a letter"));
    let number = |ticket: mp_queue::Ticket| ticket.number.to_string();
    assert_eq!(
        number(market.call_from(lane("B")).await.expect("calls")),
        "B001"
    );
    assert_eq!(number(market.call().await.expect("calls")), "A001");
    assert_eq!(
        number(market.call_from(lane("A")).await.expect("calls")),
        "A002"
    );
    let empty = market.call_from(lane("B")).await;
    assert!(matches!(empty, Err(QueueError::NobodyWaits)));
    let unknown = market.call_from(lane("Q")).await;
    assert!(matches!(unknown, Err(QueueError::NoSuchLane(_))));
}

#[tokio::test]
async fn who_left_counts_in_no_quote() {
    let market = Market::open().await;
    let mei = market.join("mei", 2).await.expect("joins").ticket.id;
    market.join("ada", 2).await.expect("joins");
    let promise = market.ticket(mei).await.promise.expect("is promised");
    market.clock.set(promise.by);
    let left = market.leave(mei).await.expect("leaves");
    assert_eq!(left.promise, Some(promise));
    let line = market.board().await;
    assert_eq!((line.quotes_given, line.quotes_kept), (0, 0));
    assert_eq!(line.lanes[0].calibration, Calibration::default());
    market.clock.advance(Duration::from_secs(100_000));
    market.call().await.expect("calls");
    let line = market.board().await;
    assert_eq!((line.quotes_given, line.quotes_kept), (1, 0));
}

#[tokio::test]
async fn who_gave_up_when_the_promise_was_broken_counts_as_a_broken_one() {
    let market = Market::open().await;
    let mei = market.join("mei", 2).await.expect("joins").ticket;
    let promise = mei.promise.expect("is promised");
    market.clock.set(promise.by.plus(Duration::from_micros(1)));
    for _ in 0..2 {
        let left = market.leave(mei.id).await.expect("leaves");
        assert_eq!(left.promise.and_then(|promise| promise.kept), Some(false));
        let line = market.board().await;
        assert_eq!((line.quotes_given, line.quotes_kept), (1, 0));
        let raised = line.lanes[0].calibration;
        assert!(raised.p50() > 1.0 && raised.p90() > 1.0, "{raised:?}");
    }
    // A call settles a promise: what happens later does not.
    let ada = market.join("ada", 2).await.expect("joins").ticket.id;
    market.call().await.expect("calls");
    market.clock.advance(Duration::from_secs(100));
    market.leave(ada).await.expect("leaves");
    let line = market.board().await;
    assert_eq!((line.quotes_given, line.quotes_kept), (2, 1));
}

#[tokio::test]
async fn users_see_and_leave_only_their_own_tickets() {
    let market = Market::open().await;
    let mei = market.join("mei", 2).await.expect("joins").ticket.id;
    let (queues, line) = (&market.queues, &market.line);
    let ada = user("ada");
    let refused = queues
        .ticket(&ada, line, mei)
        .await
        .expect_err("not theirs");
    assert_eq!(refused.code(), "no_such_ticket");
    let refused = queues.leave(&ada, line, mei).await.expect_err("not theirs");
    assert_eq!(refused.code(), "no_such_ticket");
    let refused = queues.position(&ada, line, mei, Duration::ZERO).await;
    assert_eq!(refused.expect_err("not theirs").code(), "no_such_ticket");
    let mei_herself = user("mei");
    queues.ticket(&mei_herself, line, mei).await.expect("hers");
    queues
        .position(&mei_herself, line, mei, Duration::ZERO)
        .await
        .expect("hers");
    queues.leave(&mei_herself, line, mei).await.expect("hers");
}

#[tokio::test]
async fn users_do_not_work_the_counter() {
    let market = Market::open().await;
    let mei = market.join("mei", 2).await.expect("joins").ticket.id;
    let (queues, line, key, caller) = (&market.queues, &market.line, market.key(), user("mei"));
    let from = CallFrom::LongestWaiting;
    let codes = [
        queues
            .open_line(&caller, line, setup(), &key)
            .await
            .expect_err("refused")
            .code(),
        queues
            .close_line(&caller, line, &key)
            .await
            .expect_err("refused")
            .code(),
        queues
            .reopen_line(&caller, line, &key)
            .await
            .expect_err("refused")
            .code(),
        queues
            .call_next(&caller, line, from, &key)
            .await
            .expect_err("refused")
            .code(),
        queues
            .serve(&caller, line, mei)
            .await
            .expect_err("refused")
            .code(),
        queues
            .no_show(&caller, line, mei, &key)
            .await
            .expect_err("refused")
            .code(),
        queues
            .recall(&caller, line, mei, &key)
            .await
            .expect_err("refused")
            .code(),
        queues
            .requeue(&caller, line, mei, &key)
            .await
            .expect_err("refused")
            .code(),
    ];
    assert_eq!(codes, ["forbidden"; 8]);
    let counter = user("tom").with_scope(mp_queue::QUEUE_STAFF);
    queues
        .call_next(&counter, line, from, &key)
        .await
        .expect("calls");
}

#[tokio::test]
async fn another_app_sees_nothing() {
    let market = Market::open().await;
    let mei = market.join("mei", 2).await.expect("joins").ticket.id;
    let app = "cinema".parse().expect("an app");
    let outsider = mp_core::Caller::user(app, "mei".parse().expect("a user"))
        .with_scope(mp_core::Scope::STAFF);
    let (queues, line, key) = (&market.queues, &market.line, market.key());
    let codes = [
        queues
            .line(&outsider, line)
            .await
            .expect_err("unseen")
            .code(),
        queues
            .ticket(&outsider, line, mei)
            .await
            .expect_err("unseen")
            .code(),
        queues
            .leave(&outsider, line, mei)
            .await
            .expect_err("unseen")
            .code(),
        queues
            .serve(&outsider, line, mei)
            .await
            .expect_err("unseen")
            .code(),
        queues
            .join(&outsider, line, 2, &key)
            .await
            .expect_err("unseen")
            .code(),
        queues
            .position(&outsider, line, mei, Duration::ZERO)
            .await
            .expect_err("unseen")
            .code(),
    ];
    assert_eq!(codes, ["no_such_line"; 6]);
}

#[tokio::test]
async fn a_ticket_needs_a_signed_in_user() {
    let market = Market::open().await;
    let nobody = mp_core::Caller::app("market".parse().expect("an app"));
    let refused = market
        .queues
        .join(&nobody, &market.line, 2, &market.key())
        .await;
    assert_eq!(refused.expect_err("refused").code(), "unauthenticated");
}
