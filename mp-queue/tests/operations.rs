//! The queues through a host's registry, as JSON.

mod market;

use mp_core::{Caller, Error, ErrorKind, host::Host};
use mp_queue::{QUEUE_READ, QUEUE_STAFF, QUEUE_WRITE, QueueError, line::LineState};
use serde_json::{Value, json};

use self::market::{Market, user};

fn host(market: &Market) -> Host {
    let host = Host::new(&market.engine).with(market.queues.operations());
    host.expect("every name is free and every input strict")
}

fn visitor(name: &str) -> Caller {
    user(name).with_scope(QUEUE_READ).with_scope(QUEUE_WRITE)
}

fn counter() -> Caller {
    user("chef").with_scope(QUEUE_STAFF).with_scope(QUEUE_READ)
}

fn of_line(more: Value) -> Value {
    let mut input = json!({"queue": "noodles", "day": "2026-11-21"});
    if let (Value::Object(input), Value::Object(more)) = (&mut input, more) {
        input.extend(more);
    }
    input
}

#[tokio::test]
async fn a_visit_through_the_host() {
    let market = Market::open().await;
    let host = host(&market);
    let call = async |caller: &Caller, name: &str, more: Value| {
        host.call(caller, name, of_line(more)).await.expect(name)
    };
    let joined = call(
        &visitor("mei"),
        "queue.join",
        json!({"idempotency_key": "j1"}),
    )
    .await;
    let again = call(
        &visitor("mei"),
        "queue.join",
        json!({"idempotency_key": "j1"}),
    )
    .await;
    assert_eq!(joined, again);
    assert_eq!(
        (&joined["ticket"]["number"], &joined["ahead"]),
        (&json!("A001"), &json!(0))
    );
    let ticket = &joined["ticket"]["id"];
    let ask = json!({"ticket": ticket, "staleness_ms": 0});
    let position = call(&visitor("mei"), "queue.position", ask).await;
    assert_eq!(
        (&position["state"], &position["ahead"]),
        (&json!("waiting"), &json!(0))
    );
    assert!(position["quote"]["p90_ms"].as_u64() > position["quote"]["p50_ms"].as_u64());
    let called = call(
        &counter(),
        "queue.call_next",
        json!({"idempotency_key": "c1"}),
    )
    .await;
    assert_eq!(
        (&called["id"], &called["state"]),
        (ticket, &json!("called"))
    );
    let serve = json!({"ticket": ticket, "idempotency_key": "s1"});
    assert_eq!(
        call(&counter(), "queue.serve", serve).await["state"],
        "served"
    );
    let seen = call(&visitor("mei"), "queue.ticket", json!({"ticket": ticket})).await;
    assert_eq!(seen["state"], "served");
    let line = call(&visitor("mei"), "queue.line", json!({})).await;
    assert_eq!(line["lanes"][0]["counts"]["served"], 1);
}

#[tokio::test]
async fn a_no_show_that_is_noted_again_ends_no_later_call() {
    let market = Market::open().await;
    let host = host(&market);
    let ticket = json!(market.join("mei", 2).await.expect("joins").ticket.id);
    let call = async |name: &str, key: &str| {
        let mut input = of_line(json!({"idempotency_key": key}));
        if name != "queue.call_next" {
            input["ticket"] = ticket.clone();
        }
        host.call(&counter(), name, input).await.expect(name)
    };
    call("queue.call_next", "c1").await;
    let noted = call("queue.no_show", "n1").await;
    assert_eq!(noted["state"], "no_show");
    call("queue.requeue", "r1").await;
    let called = call("queue.call_next", "c2").await;
    assert_eq!(
        (&called["id"], &called["state"]),
        (&ticket, &json!("called"))
    );
    assert_eq!(call("queue.no_show", "n1").await, noted);
    let read = of_line(json!({"ticket": ticket}));
    let seen = host.call(&counter(), "queue.ticket", read).await;
    assert_eq!(seen.expect("is there")["state"], "called");
}

#[tokio::test]
async fn a_line_is_closed_and_reopened_once_per_key() {
    let market = Market::open().await;
    let host = host(&market);
    let call = async |name: &str, key: &str| {
        let input = of_line(json!({"idempotency_key": key}));
        host.call(&counter(), name, input).await.expect(name)
    };
    let closed = call("queue.close_line", "c1").await;
    assert_eq!(closed["state"], "closed");
    let opened = call("queue.reopen_line", "r1").await;
    assert_eq!(call("queue.close_line", "c1").await, closed);
    assert_eq!(market.board().await.state, LineState::Open);
    call("queue.close_line", "c2").await;
    assert_eq!(call("queue.reopen_line", "r1").await, opened);
    assert_eq!(market.board().await.state, LineState::Closed);
}

#[tokio::test]
async fn a_lane_is_named_where_one_is_called_from() {
    let market = Market::open().await;
    let host = host(&market);
    let join = of_line(json!({"party": 4, "idempotency_key": "j1"}));
    host.call(&visitor("mei"), "queue.join", join)
        .await
        .expect("joins");
    let from = of_line(json!({"from": {"lane": "B"}, "idempotency_key": "c1"}));
    let called = host
        .call(&counter(), "queue.call_next", from)
        .await
        .expect("calls");
    assert_eq!(called["number"], "B001");
}

#[tokio::test]
async fn refusals_say_kind_code_and_field() {
    let market = Market::open().await;
    let host = host(&market);
    let refused = async |caller: &Caller, name: &str, more: Value| {
        let error = host
            .call(caller, name, of_line(more))
            .await
            .expect_err(name);
        let error = error.to_json();
        ["kind", "code", "field"]
            .map(|part| error["error"][part].as_str().unwrap_or("-").to_owned())
    };
    let mei = visitor("mei");
    for (caller, name, more, expected) in [
        (
            &mei,
            "queue.join",
            json!({}),
            ["invalid", "invalid_field", "idempotency_key"],
        ),
        (
            &mei,
            "queue.join",
            json!({"party": 99, "idempotency_key": "k1"}),
            ["invalid", "no_lane", "party"],
        ),
        (
            &mei,
            "queue.call_next",
            json!({"idempotency_key": "k2"}),
            ["forbidden", "forbidden", "scope"],
        ),
        (
            &counter(),
            "queue.call_next",
            json!({"idempotency_key": "k3"}),
            ["refused", "nobody_waits", "-"],
        ),
        (
            &mei,
            "queue.ticket",
            json!({"ticket": "qt_26WXWZBZS97ZQC7DFBZAYR06BP"}),
            ["not_found", "no_such_ticket", "ticket"],
        ),
        (
            &mei,
            "queue.ticket",
            json!({"ticket": "A001"}),
            ["invalid", "invalid_field", "ticket"],
        ),
        (
            &mei,
            "queue.ticket",
            json!({"day": "2026-11-22", "ticket": "qt_26WXWZBZS97ZQC7DFBZAYR06BP"}),
            ["not_found", "no_such_line", "queue"],
        ),
        (
            &counter(),
            "queue.call_next",
            json!({"from": {"lane": "Z"}, "idempotency_key": "k5"}),
            ["invalid", "no_such_lane", "from.lane"],
        ),
        (
            &counter(),
            "queue.open_line",
            json!({"setup": {"lanes": []}, "idempotency_key": "k4"}),
            ["invalid", "invalid_field", "setup.lanes"],
        ),
    ] {
        assert_eq!(
            refused(caller, name, more.clone()).await,
            expected,
            "{name} {more}"
        );
    }
}

#[tokio::test]
async fn every_operation_names_a_scope_and_a_summary() {
    let market = Market::open().await;
    let known = [QUEUE_READ, QUEUE_WRITE, QUEUE_STAFF];
    for operation in market.queues.operations() {
        assert!(known.contains(operation.scope()), "{operation:?}");
        assert!(operation.summary().ends_with('.'), "{operation:?}");
        assert!(operation.name().starts_with("queue."), "{operation:?}");
    }
    assert_eq!(market.queues.operations().len(), 13);
}

#[test]
fn an_error_is_of_the_kind_that_its_caller_is_told() {
    for (error, kind) in [
        (QueueError::NoSuchLine, ErrorKind::NotFound),
        (QueueError::NoLaneFor { party: 9 }, ErrorKind::Invalid),
        (QueueError::LineExists, ErrorKind::Refused),
        (Error::forbidden("no").into(), ErrorKind::Forbidden),
    ] {
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!(Error::from(error).kind(), kind);
    }
}
