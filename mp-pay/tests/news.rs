//! What a feed is told of payments.

mod support;

use std::{sync::Arc, time::Duration};

use mp_core::{
    feed::{Cursor, Event, Feed, Feeds},
    port::{SecureRequest, Settlement},
    store::{Key, Partition, Query, Selection},
    work::{Worker, WorkerOptions},
};
use mp_pay::{
    PaymentsSettlement,
    backend::{DeclineCode, Outcome, Reference, sandbox::Behaviour},
    dispute::DisputeStatus,
    method::FixedMethods,
    news::{
        AUTHORIZED, CANCELED, CAPTURE_CORRECTED, CAPTURED, CREATED, Captured, DISPUTE_CLOSED,
        DISPUTE_CREATED, Disputed, FAILED, IntentTurned, PROCESSING, REFUND_CORRECTED,
        REFUND_DECLINED, REFUND_FAILED, REFUNDED, REQUIRES_ACTION, RefundCorrected, Refunded,
        SUCCEEDED,
    },
    operation::{OperationKey, Step},
    payments::{CancelIntent, CaptureIntent, DisputeNotice, Notice, RefundIntent},
    refund::RefundReason,
};

use self::support::{CLASSES, World, app, eur, idem, method, staff};

fn sales() -> Feed {
    Feed::new("sales".parse().expect("a name"))
}

/// A world whose payments tell a feed.
fn telling() -> World {
    let world = World::new(CLASSES[1]);
    let payments = world.payments.clone().with_feed(sales());
    World { payments, ..world }
}

/// Returns what has come into the feed about money that moved.
async fn told(world: &World) -> Vec<Event> {
    let mut events = all_told(world).await;
    events.retain(|event| [CAPTURED, REFUNDED].contains(&event.topic.as_str()));
    events
}

/// Returns all that has come into the feed.
async fn all_told(world: &World) -> Vec<Event> {
    let feeds = Feeds::new(&world.engine);
    let worker = Worker::new(&world.engine, WorkerOptions::default()).with(feeds.handlers());
    worker.drain().await.expect("works");
    let (app, sales) = (app(), sales());
    let read = feeds.read(&app, &sales, Cursor::START, 1_000);
    read.await.expect("reads").events
}

async fn refund(world: &World, intent: mp_pay::IntentId, cents: i64, key: &str) {
    let request = RefundIntent::of(intent).with_amount(eur(cents));
    let request = request.because(RefundReason::RequestedByCustomer);
    let refunded = world.payments.refund(&staff(), request, &idem(key)).await;
    refunded.expect("refunds");
}

#[tokio::test]
async fn what_is_taken_and_given_back_is_told_in_order() {
    let world = telling();
    let intent = world.pay("pm_ok", true).await;
    assert_eq!(told(&world).await, [], "what is held is not taken");
    let capture = CaptureIntent::of(intent.id).with_amount(eur(80));
    let captured = world
        .payments
        .capture(&staff(), capture, &idem("capture"))
        .await;
    captured.expect("captures");
    refund(&world, intent.id, 30, "one").await;
    refund(&world, intent.id, 50, "other").await;
    let events = told(&world).await;
    let topics: Vec<&str> = events.iter().map(|event| event.topic.as_str()).collect();
    assert_eq!(topics, [CAPTURED, REFUNDED, REFUNDED]);
    let captured: Captured = events[0].fact().expect("reads");
    assert_eq!((captured.intent, captured.amount), (intent.id, eur(80)));
    assert_eq!(captured.payer, intent.owner);
    let refunds = events[1..].iter().map(|event| event.fact::<Refunded>());
    let refunds: Vec<_> = refunds
        .map(|refund| refund.expect("reads").amount)
        .collect();
    assert_eq!(refunds, [eur(30), eur(50)]);
    let reason = events[1].fact::<Refunded>().expect("reads").reason;
    assert_eq!(reason, Some(RefundReason::RequestedByCustomer));
}

#[tokio::test]
async fn every_turn_of_a_life_is_told_once() {
    for (token, manual, expected) in [
        ("pm_ok", false, vec![CREATED, SUCCEEDED, CAPTURED]),
        ("pm_ok", true, vec![CREATED, AUTHORIZED]),
        ("pm_declined", false, vec![CREATED, FAILED]),
        (
            "pm_slow",
            false,
            vec![CREATED, PROCESSING, SUCCEEDED, CAPTURED],
        ),
        (
            "pm_action",
            false,
            vec![CREATED, REQUIRES_ACTION, SUCCEEDED, CAPTURED],
        ),
        (
            "pm_timeout_after",
            false,
            vec![CREATED, SUCCEEDED, CAPTURED],
        ),
    ] {
        let world = telling();
        let intent = world.pay(token, manual).await;
        world.let_time_pass(5).await;
        world.intent(intent.id).await;
        let events = all_told(&world).await;
        let topics: Vec<&str> = events.iter().map(|event| event.topic.as_str()).collect();
        assert_eq!(topics, expected, "{token}");
        let created: IntentTurned = events[0].fact().expect("reads");
        assert_eq!((created.intent, created.payer), (intent.id, intent.owner));
    }
}

#[tokio::test]
async fn what_is_canceled_or_disputed_or_not_refunded_is_told() {
    let world = telling();
    let held = world.pay("pm_ok", true).await;
    let cancel = CancelIntent::of(held.id);
    let canceled = world
        .payments
        .cancel(&staff(), cancel, &idem("cancel"))
        .await;
    canceled.expect("cancels");
    let events = all_told(&world).await;
    assert_eq!(events.last().expect("the last").topic, CANCELED);

    let world = telling();
    let paid = world.pay("pm_ok", false).await;
    let code = DeclineCode::new("declined").expect("a code");
    world.sandbox.script(Behaviour::Decline(code));
    refund(&world, paid.id, 30, "refund").await;
    for status in [DisputeStatus::NeedsResponse, DisputeStatus::Lost] {
        let notice = DisputeNotice {
            intent: paid.id,
            attempt: None,
            reference: Reference::new("du_1").expect("a reference"),
            amount: eur(50),
            status,
            reason: None,
        };
        for _ in 0..2 {
            let told = world
                .payments
                .observe_dispute(&staff(), notice.clone())
                .await;
            told.expect("hears it");
        }
    }
    let events = all_told(&world).await;
    let topics: Vec<&str> = events.iter().map(|event| event.topic.as_str()).collect();
    let refused = [REFUND_DECLINED, DISPUTE_CREATED, DISPUTE_CLOSED];
    assert_eq!(topics[3..], refused);
    let closed: Disputed = events[5].fact().expect("reads");
    assert_eq!(
        (closed.status, closed.amount),
        (DisputeStatus::Lost, eur(50))
    );
}

#[tokio::test]
async fn what_is_told_adds_up_to_what_has_moved() {
    for token in [
        "pm_ok",
        "pm_slow",
        "pm_declined",
        "pm_timeout_after",
        "pm_timeout_before",
    ] {
        for manual in [false, true] {
            let world = telling();
            let intent = world.pay(token, manual).await;
            world.let_time_pass(5).await;
            let capture = CaptureIntent::of(intent.id);
            // Only some can be captured, or refunded.
            let _ = world
                .payments
                .capture(&staff(), capture, &idem("capture"))
                .await;
            let part = RefundIntent::of(intent.id).with_amount(eur(40));
            let _ = world.payments.refund(&staff(), part, &idem("refund")).await;
            world.let_time_pass(5).await;
            let sum: i64 = told(&world).await.iter().map(cents_of).sum();
            let moved: i64 = world.moved().await.iter().sum();
            assert_eq!(sum, moved, "{token}, manual capture: {manual}");
        }
    }
}

#[tokio::test]
async fn a_refund_is_told_with_what_has_moved() {
    let world = telling();
    let paid = world.pay("pm_ok", false).await;
    world.sandbox.script(Behaviour::Misstate(eur(40)));
    refund(&world, paid.id, 50, "refund").await;
    world.let_time_pass(1).await;
    let waiting = world.payments.unresolved(&staff(), None, 10).await;
    let operation = waiting.expect("lists")[0].operation;
    let outcome = Outcome::settled(Reference::new("re_1").expect("a reference"));
    let outcome = outcome.with_amount(eur(40));
    let told_of = Notice { operation, outcome };
    let resolved = world
        .payments
        .resolve(&staff(), told_of, &idem("resolve"))
        .await;
    assert_eq!(resolved.expect("resolves").amount_refunded, eur(40));
    let sum: i64 = told(&world).await.iter().map(cents_of).sum();
    assert_eq!(sum, 100 - 40);

    let outcome = Outcome::declined(DeclineCode::new("account_closed").expect("a code"));
    let comes_back = Notice { operation, outcome };
    let observed = world.payments.observe(&staff(), comes_back).await;
    assert_eq!(observed.expect("hears it").amount_refunded, eur(0));
    let events = all_told(&world).await;
    let back = events.iter().find(|event| event.topic == REFUND_FAILED);
    let back: Refunded = back.expect("is told").fact().expect("reads");
    assert_eq!(back.amount, eur(40));
}

#[tokio::test]
async fn what_a_person_finds_otherwise_than_it_was_told_is_corrected_once() {
    let world = telling();
    let paid = world.pay("pm_ok", false).await;
    refund(&world, paid.id, 50, "refund").await;
    let refunds = world.payments.refunds(&staff(), paid.id).await;
    let refund = Step::Refund(refunds.expect("reads")[0].id);
    for (step, cents, key) in [(Step::Charge(1), 90, "charge"), (refund, 40, "refund")] {
        let found = Outcome::settled(Reference::new("seen").expect("a reference"));
        let outcome = found.with_amount(eur(cents));
        let intent = paid.id;
        let operation = OperationKey { intent, step };
        let found = Notice { operation, outcome };
        for word in [found.clone(), found.clone()] {
            let told = world.payments.observe(&staff(), word).await;
            told.expect("hears it");
        }
        let resolved = world.payments.resolve(&staff(), found, &idem(key)).await;
        resolved.expect("resolves");
    }
    let after = world.intent(paid.id).await;
    assert_eq!(
        (after.amount_received, after.amount_refunded),
        (eur(90), eur(40))
    );
    let mut corrected = all_told(&world).await;
    corrected.retain(|event| event.topic.ends_with("_corrected"));
    let [less, other] = &corrected[..] else {
        panic!("each is told once: {corrected:?}");
    };
    let less = (&*less.topic, less.fact::<Captured>().expect("reads").amount);
    assert_eq!(less, (CAPTURE_CORRECTED, eur(10)));
    assert_eq!(other.topic, REFUND_CORRECTED);
    let other: RefundCorrected = other.fact().expect("reads");
    assert_eq!((other.told, other.amount), (eur(50), eur(40)));
}

#[tokio::test]
async fn an_attempt_whose_payer_did_not_act_has_failed_before_the_intent_is_canceled() {
    let world = telling();
    let methods = FixedMethods::everybody(method("pm_action"));
    let port = PaymentsSettlement::new(&world.payments, Arc::new(methods));
    let request = SecureRequest {
        key: "seat".parse().expect("a key"),
        app: app(),
        payer: "mei".parse().expect("a user"),
        amount: eur(100),
        deadline: world.engine.now().plus(Duration::from_secs(30)),
    };
    port.secure(&request).await.expect("secures");
    world.clock.advance(Duration::from_secs(31));
    port.secure(&request).await.expect("has expired");
    world.let_time_pass(3).await;
    let events = all_told(&world).await;
    let topics: Vec<&str> = events.iter().map(|event| event.topic.as_str()).collect();
    assert_eq!(topics, [CREATED, REQUIRES_ACTION, FAILED, CANCELED]);
}

#[tokio::test]
async fn what_an_attempt_takes_after_it_was_given_up_is_not_told() {
    let world = telling();
    let intent = world.pay("pm_slow", true).await;
    let cancel = CancelIntent::of(intent.id);
    let _ = world
        .payments
        .cancel(&staff(), cancel, &idem("cancel"))
        .await;
    world.let_time_pass(5).await;
    let sum: i64 = told(&world).await.iter().map(cents_of).sum();
    assert_eq!(sum, world.moved().await.iter().sum::<i64>());
}

#[tokio::test]
async fn without_a_feed_payments_write_nothing_for_one() {
    let world = World::new(CLASSES[1]);
    let intent = world.pay("pm_ok", false).await;
    assert_eq!(told(&world).await, []);
    let partition = format!("market/pay/{}", intent.id);
    let partition = Partition::parse(&partition).expect("an id");
    let all = Query {
        select: vec![Selection::Prefix(Key::new("feed/").expect("a key"))],
        limit: 10,
    };
    let view = world.store.read(&partition, &all).await.expect("reads");
    assert_eq!(view.records.len(), 1, "the root");
}

fn cents_of(event: &Event) -> i64 {
    match event.topic.as_str() {
        CAPTURED => event.fact::<Captured>().expect("reads").amount.minor(),
        REFUNDED => -event.fact::<Refunded>().expect("reads").amount.minor(),
        other => panic!("{other} is unknown"),
    }
}
