//! What is promised about giving money back while the rest of it is still held.

mod support;

use mp_pay::{
    IntentId, PayError, PaymentIntent,
    backend::Capabilities,
    intent::IntentStatus,
    payments::{CancelIntent, CaptureIntent, RefundIntent},
    refund::{Refund, RefundStatus},
};

use self::support::{CLASSES, World, eur, idem, staff};

async fn capture(world: &World, id: IntentId, cents: i64, key: &str) -> PaymentIntent {
    let part = CaptureIntent::of(id).with_amount(eur(cents));
    let part = part.with_more_to_come();
    let taken = world.payments.capture(&staff(), part, &idem(key)).await;
    taken.expect("takes")
}

async fn refund(world: &World, request: RefundIntent, key: &str) -> Result<Refund, PayError> {
    world.payments.refund(&staff(), request, &idem(key)).await
}

/// A hold of a euro, of which 30 cents were taken.
async fn taken_in_part(can: Capabilities) -> (World, IntentId) {
    let world = World::new(can);
    let held = world.pay("pm_ok", true).await;
    let part = capture(&world, held.id, 30, "first").await;
    assert_eq!(part.status, IntentStatus::RequiresCapture);
    (world, held.id)
}

#[tokio::test]
async fn what_was_taken_in_part_can_be_refunded_while_the_rest_is_held() {
    for can in CLASSES {
        let (world, id) = taken_in_part(can).await;
        let part = |cents| RefundIntent::of(id).with_amount(eur(cents));
        let given = refund(&world, part(20), "a").await.expect("refunds");
        assert_eq!(given.status(), RefundStatus::Succeeded);
        let held = world.intent(id).await;
        assert_eq!(held.status, IntentStatus::RequiresCapture);
        assert_eq!(held.amount_capturable, eur(70), "a refund frees no hold");
        let refused = refund(&world, part(11), "b").await;
        let left = matches!(refused, Err(PayError::AmountTooLarge { left, .. }) if left == eur(10));
        assert!(left, "{refused:?}");
        capture(&world, id, 40, "second").await;
        let rest = refund(&world, RefundIntent::of(id), "c").await;
        assert_eq!(rest.expect("refunds").amount, eur(50));
        let cancel = CancelIntent::of(id);
        let closed = world.payments.cancel(&staff(), cancel, &idem("x")).await;
        let closed = closed.expect("closes");
        assert_eq!(closed.status, IntentStatus::Succeeded);
        assert_eq!(
            (closed.amount_received, closed.amount_refunded),
            (eur(70), eur(70))
        );
        let kept: i64 = world.moved().await.iter().sum();
        assert_eq!(kept, 0);
    }
}

#[tokio::test]
async fn nothing_is_refunded_of_a_hold_of_which_nothing_was_taken() {
    let world = World::new(CLASSES[0]);
    let held = world.pay("pm_ok", true).await;
    for request in [
        RefundIntent::of(held.id),
        RefundIntent::of(held.id).with_amount(eur(1)),
    ] {
        let refused = refund(&world, request, "k").await;
        let unexpected = matches!(refused, Err(PayError::UnexpectedState { .. }));
        assert!(unexpected, "{refused:?}");
    }
}

#[tokio::test]
async fn a_backend_that_refunds_everything_or_nothing_waits_for_the_last_capture() {
    let (world, id) = taken_in_part(CLASSES[0].without_partial_refund()).await;
    let refused = refund(&world, RefundIntent::of(id), "a").await;
    assert!(
        matches!(refused, Err(PayError::Unsupported(_))),
        "{refused:?}"
    );
    let last = CaptureIntent::of(id);
    let taken = world.payments.capture(&staff(), last, &idem("last")).await;
    assert_eq!(taken.expect("takes").amount_received, eur(100));
    let given = refund(&world, RefundIntent::of(id), "b").await;
    assert_eq!(given.expect("refunds").amount, eur(100));
}

#[tokio::test]
async fn a_backend_that_refunds_everything_or_nothing_waits_for_no_capture_once_the_hold_is_over() {
    for can in CLASSES {
        let (world, id) = taken_in_part(can.without_partial_refund()).await;
        let until = world.intent(id).await.hold_expires_at;
        let now = world.engine.now();
        world.clock.advance(until.expect("holds lapse").since(now));
        let given = refund(&world, RefundIntent::of(id), "a").await;
        assert_eq!(given.expect("refunds").amount, eur(30), "{can:?}");
        let closed = world.intent(id).await;
        assert_eq!(closed.status, IntentStatus::Succeeded);
        assert_eq!(
            (closed.amount_capturable, closed.amount_refunded),
            (eur(0), eur(30))
        );
        assert_eq!(world.moved().await.iter().sum::<i64>(), 0);
    }
}

#[tokio::test]
async fn all_that_is_left_is_refused_as_all_that_was_taken_where_nothing_is_left() {
    for can in [CLASSES[0], CLASSES[0].without_partial_refund()] {
        let world = World::new(can);
        let paid = world.pay("pm_ok", false).await;
        let all = || RefundIntent::of(paid.id);
        refund(&world, all(), "a").await.expect("refunds");
        let refused = refund(&world, all(), "b").await;
        let refused = refused.expect_err("nothing is left");
        let PayError::AmountTooLarge { asked, left } = refused else {
            panic!("it is too much: {refused:?}");
        };
        assert_eq!((asked, left), (eur(100), eur(0)));
    }
}
