//! What the payments promise about holds, each promise by its name.

mod support;

use std::{sync::Arc, time::Duration};

use mp_core::{
    ErrorKind,
    store::{DueQuery, SlotSet},
    work::Done,
};
use mp_pay::{
    IntentId, PayError, PaymentIntent,
    backend::{DeclineCode, Outcome, Reference, sandbox::Behaviour},
    intent::{CancellationReason, IntentStatus},
    operation::{OperationKey, Step},
    payments::{CancelIntent, CaptureIntent, CreateIntent, IncreaseIntent, Notice},
};

use self::support::{CLASSES, World, eur, idem, mei, method, staff};

type Answer = Result<PaymentIntent, PayError>;

const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);

async fn capture(world: &World, id: IntentId, cents: i64, more: bool, key: &str) -> Answer {
    let request = CaptureIntent::of(id).with_amount(eur(cents));
    let request = if more {
        request.with_more_to_come()
    } else {
        request
    };
    world.payments.capture(&staff(), request, &idem(key)).await
}

async fn increase(world: &World, id: IntentId, cents: i64, key: &str) -> Answer {
    let request = IncreaseIntent::to(id, eur(cents));
    world.payments.increase(&staff(), request, &idem(key)).await
}

async fn cancel(world: &World, id: IntentId, reason: CancellationReason) -> PaymentIntent {
    let request = CancelIntent::of(id).because(reason);
    let canceled = world
        .payments
        .cancel(&staff(), request, &idem("cancel"))
        .await;
    canceled.expect("cancels")
}

fn kind<T: std::fmt::Debug>(answer: Result<T, PayError>) -> ErrorKind {
    mp_core::Error::from(answer.expect_err("refused")).kind()
}

fn decline() -> Behaviour {
    Behaviour::Decline(DeclineCode::new("card_declined").expect("a code"))
}

#[tokio::test]
async fn a_hold_can_be_captured_in_parts_until_the_last_one() {
    for can in CLASSES {
        let world = World::new(can);
        let held = world.pay("pm_ok", true).await;
        let first = capture(&world, held.id, 30, true, "a")
            .await
            .expect("takes");
        assert_eq!(first.status, IntentStatus::RequiresCapture);
        assert_eq!(
            (first.amount_received, first.amount_capturable),
            (eur(30), eur(70))
        );
        let second = capture(&world, held.id, 20, false, "b")
            .await
            .expect("takes");
        assert_eq!(second.status, IntentStatus::Succeeded);
        assert_eq!(
            (second.amount_received, second.amount_capturable),
            (eur(50), eur(0))
        );
        assert_eq!(world.moved().await, [30, 20]);
        let third = capture(&world, held.id, 1, false, "c").await;
        assert!(matches!(third, Err(PayError::UnexpectedState { .. })));
    }
}

#[tokio::test]
async fn a_capture_that_leaves_nothing_is_the_last() {
    let world = World::new(CLASSES[0]);
    let held = world.pay("pm_ok", true).await;
    let taken = capture(&world, held.id, 100, true, "a")
        .await
        .expect("takes");
    assert_eq!(taken.status, IntentStatus::Succeeded);
}

#[tokio::test]
async fn a_declined_part_leaves_the_hold_and_a_declined_last_capture_lets_it_go() {
    let world = World::new(CLASSES[1]);
    let held = world.pay("pm_ok", true).await;
    world.sandbox.script(decline());
    let declined = capture(&world, held.id, 30, true, "a").await.expect("asks");
    assert_eq!(declined.status, IntentStatus::RequiresCapture);
    assert_eq!(declined.amount_capturable, eur(100));
    capture(&world, held.id, 40, true, "b")
        .await
        .expect("takes");
    world.sandbox.script(decline());
    let over = capture(&world, held.id, 60, false, "c")
        .await
        .expect("asks");
    assert_eq!(over.status, IntentStatus::Succeeded, "a part was taken");
    assert_eq!(
        (over.amount_received, over.amount_capturable),
        (eur(40), eur(0))
    );
    assert_eq!(world.moved().await, [40]);
}

#[tokio::test]
async fn what_was_captured_beside_us_is_put_before_a_person() {
    let world = World::new(CLASSES[1]);
    let held = world.pay("pm_ok", true).await;
    capture(&world, held.id, 30, true, "k")
        .await
        .expect("takes");
    let operation = OperationKey {
        intent: held.id,
        step: Step::Charge(1),
    };
    for (cents, listed) in [(30, 0), (90, 1), (90, 1)] {
        let seen = Reference::new("seen").expect("a reference");
        let outcome = Outcome::settled(seen).with_amount(eur(cents));
        let notice = Notice { operation, outcome };
        let told = world.payments.observe(&staff(), notice.clone()).await;
        assert_eq!(told.expect("takes").amount_received, eur(30));
        world.let_time_pass(1).await;
        assert_eq!(world.unresolved().await, listed, "{cents}");
    }
    let seen = Reference::new("seen").expect("a reference");
    let outcome = Outcome::settled(seen).with_amount(eur(90));
    let notice = Notice { operation, outcome };
    let resolved = world
        .payments
        .resolve(&staff(), notice.clone(), &idem("r"))
        .await;
    assert_eq!(resolved.expect("resolves").amount_received, eur(90));
    world
        .payments
        .observe(&staff(), notice)
        .await
        .expect("takes");
    world.let_time_pass(1).await;
    assert_eq!(world.unresolved().await, 0, "the person knew");
}

#[tokio::test]
async fn canceling_releases_what_is_held_and_keeps_what_was_taken() {
    use CancellationReason::{Abandoned, Duplicate, Fraudulent, RequestedByCustomer};
    for reason in [Abandoned, Duplicate, Fraudulent, RequestedByCustomer] {
        let world = World::new(CLASSES[0]);
        let held = world.pay("pm_ok", true).await;
        let canceled = cancel(&world, held.id, reason).await;
        assert_eq!(canceled.status, IntentStatus::Canceled);
        assert_eq!(canceled.cancellation_reason, Some(reason));
        assert!(canceled.amount_capturable.is_zero());
        assert!(world.moved().await.is_empty());
    }
    let world = World::new(CLASSES[0]);
    let held = world.pay("pm_ok", true).await;
    capture(&world, held.id, 30, true, "a")
        .await
        .expect("takes");
    let closed = cancel(&world, held.id, Abandoned).await;
    assert_eq!(
        (closed.status, closed.amount_received),
        (IntentStatus::Succeeded, eur(30))
    );
    assert_eq!(closed.amount_capturable, eur(0));
    assert_eq!(closed.cancellation_reason, None);
    assert_eq!(world.moved().await, [30]);
}

#[tokio::test]
async fn a_raised_hold_can_be_captured_in_full_and_a_declined_raise_leaves_it_as_it_was() {
    for can in CLASSES {
        let world = World::new(can);
        let held = world.pay("pm_ok", true).await;
        world.sandbox.script(decline());
        let declined = increase(&world, held.id, 500, "a").await.expect("asks");
        assert_eq!(declined.status, IntentStatus::RequiresCapture);
        assert_eq!(
            (declined.amount, declined.amount_capturable),
            (eur(100), eur(100))
        );
        let raised = increase(&world, held.id, 150, "b").await.expect("raises");
        assert_eq!(
            (raised.amount, raised.amount_capturable),
            (eur(150), eur(150))
        );
        assert_eq!(
            kind(increase(&world, held.id, 150, "c").await),
            ErrorKind::Invalid
        );
        capture(&world, held.id, 140, true, "d")
            .await
            .expect("takes");
        let late = increase(&world, held.id, 200, "e").await;
        assert!(
            matches!(late, Err(PayError::UnexpectedState { .. })),
            "{late:?}"
        );
        capture(&world, held.id, 10, false, "f")
            .await
            .expect("takes");
        assert_eq!(world.moved().await, [140, 10]);
    }
}

#[tokio::test]
async fn a_raise_of_unknown_outcome_is_found_out_before_anything_is_captured() {
    let world = World::new(CLASSES[1]);
    let held = world.pay("pm_ok", true).await;
    world.sandbox.script(Behaviour::TimeoutAfter);
    let unsure = increase(&world, held.id, 150, "a").await.expect("asks");
    assert_eq!(unsure.status, IntentStatus::Processing);
    let early = capture(&world, held.id, 100, false, "b").await;
    assert!(matches!(early, Err(PayError::UnexpectedState { .. })));
    world.let_time_pass(3).await;
    let known = world.intent(held.id).await;
    assert_eq!(
        (known.status, known.amount),
        (IntentStatus::RequiresCapture, eur(150))
    );
}

#[tokio::test]
async fn a_hold_lapses_by_the_clock_whether_or_not_a_worker_runs() {
    let world = World::new(CLASSES[1]);
    let held = world.pay("pm_ok", true).await;
    let until = held.hold_expires_at.expect("holds lapse");
    assert!(until <= world.engine.now().plus(WEEK));
    world.clock.advance(WEEK);
    // No worker has run since.
    let late = capture(&world, held.id, 100, false, "a").await;
    assert!(
        matches!(late, Err(PayError::UnexpectedState { .. })),
        "{late:?}"
    );
    assert!(world.moved().await.is_empty());
    world.let_time_pass(2).await;
    let lapsed = world.intent(held.id).await;
    assert_eq!(lapsed.status, IntentStatus::Canceled);
    assert_eq!(
        lapsed.cancellation_reason,
        Some(CancellationReason::Expired)
    );
}

#[tokio::test]
async fn a_hold_lapses_also_if_the_clock_steps_back_before_it_is_looked_at() {
    let world = World::new(CLASSES[1]);
    let held = world.pay("pm_ok", true).await;
    world.clock.advance(WEEK);
    let due = DueQuery {
        slots: SlotSet::ALL,
        kind: "pay.operation".to_owned(),
        now: world.engine.now(),
        lease: Duration::from_secs(60),
        limit: 10,
    };
    let leased = world.store.due(&due).await.expect("leases");
    let [delivery] = &leased[..] else {
        panic!("the hold's timer, not {leased:?}");
    };
    let until = held.hold_expires_at.expect("holds lapse");
    let before = until.minus(Duration::from_secs(1));
    world.clock.set(before);
    let handlers = world.payments.handlers();
    let done = handlers[0].handle(delivery).await.expect("handles");
    assert_eq!(done, Done::Again(until));
    assert_eq!(
        world.intent(held.id).await.status,
        IntentStatus::RequiresCapture
    );
}

#[tokio::test]
async fn what_can_not_be_captured_any_more_is_refused_as_such() {
    let world = World::new(CLASSES[1].without_partial_capture());
    let held = world.pay("pm_ok", true).await;
    world.clock.advance(WEEK);
    let late = capture(&world, held.id, 100, false, "late").await;
    assert!(
        matches!(late, Err(PayError::UnexpectedState { .. })),
        "{late:?}"
    );
}

#[tokio::test]
async fn a_hold_that_lapses_after_a_part_was_taken_keeps_the_part() {
    let world = World::new(CLASSES[1]);
    let held = world.pay("pm_ok", true).await;
    capture(&world, held.id, 30, true, "a")
        .await
        .expect("takes");
    world.clock.advance(WEEK);
    world.let_time_pass(2).await;
    let lapsed = world.intent(held.id).await;
    assert_eq!(
        (lapsed.status, lapsed.amount_received),
        (IntentStatus::Succeeded, eur(30))
    );
    assert_eq!(world.moved().await, [30]);
}

#[tokio::test]
async fn what_a_backend_has_not_declared_is_refused_before_it_is_asked() {
    let can = CLASSES[0].with_increases(0).with_captures(2);
    let world = World::new(can);
    let held = world.pay("pm_ok", true).await;
    let calls = world
        .payments
        .journal(&staff(), held.id)
        .await
        .expect("reads")
        .len();
    let raised = increase(&world, held.id, 150, "a").await;
    assert!(matches!(raised, Err(PayError::Unsupported(_))));
    capture(&world, held.id, 10, true, "b")
        .await
        .expect("takes");
    let more = capture(&world, held.id, 10, true, "c").await;
    assert!(
        matches!(more, Err(PayError::TooMany { most: 2, .. })),
        "{more:?}"
    );
    let after = world
        .payments
        .journal(&staff(), held.id)
        .await
        .expect("reads")
        .len();
    assert_eq!(after, calls + 3, "only the capture was written down");

    let whole = World::new(CLASSES[0].without_partial_capture());
    let held = whole.pay("pm_ok", true).await;
    let part = capture(&whole, held.id, 10, false, "a").await;
    assert!(matches!(part, Err(PayError::Unsupported(_))));
    capture(&whole, held.id, 100, false, "b")
        .await
        .expect("takes");
}

#[tokio::test]
async fn an_amount_that_the_backend_does_not_count_is_refused_before_it_is_asked() {
    use mp_core::amount::{Currency, Money};
    use mp_pay::backend::MinorUnits;
    let can = CLASSES[0].with_minor_units(MinorUnits::STRIPE);
    let world = World::new(can);
    let dinar: Currency = "KWD".parse().expect("a currency");
    let create = |fils: i64, key: &'static str| {
        let payments = world.payments.clone();
        async move {
            let request =
                CreateIntent::of(Money::new(fils, dinar)).with_payment_method(method("pm_ok"));
            payments.create_intent(&mei(), request, &idem(key)).await
        }
    };
    assert!(matches!(
        create(5_124, "a").await,
        Err(PayError::Uncounted(_))
    ));
    create(5_120, "b").await.expect("creates");
}

#[tokio::test]
async fn a_sandbox_does_not_do_what_it_has_not_declared() {
    let world = World::new(CLASSES[0]);
    let held = world.pay("pm_ok", true).await;
    let can = CLASSES[0].without_separate_capture();
    let less = world.sandbox.clone().with_capabilities(can);
    let (store, clock) = (world.store.clone(), world.clock.clone());
    let narrow = World::on(store, clock, less.clone(), Arc::new(less));
    // The payments of a narrower backend come upon a hold of a wider one.
    let asked = capture(&narrow, held.id, 100, false, "a")
        .await
        .expect("asks");
    let code = asked.last_error.as_ref().map(DeclineCode::as_str);
    assert_eq!(
        (asked.status, code),
        (IntentStatus::Canceled, Some("unsupported"))
    );
    assert!(narrow.moved().await.is_empty());
}
