//! What the payments promise, each promise by its name.

mod disputes;
mod hyperswitch;
mod late;
mod outcomes;
mod references;
mod rights;
#[path = "../support/spoil.rs"]
mod spoil;
#[path = "../support/mod.rs"]
mod support;
mod unreached;
mod unreadable;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use mp_core::{
    Caller, ErrorKind,
    conformance::{Call, HookedStore, Phase},
    store::{Partition, StoreErrorKind},
};
use mp_pay::{
    IntentId, PayError,
    backend::{Capabilities, DeclineCode, Outcome, Reference, sandbox::Behaviour},
    intent::IntentStatus,
    operation::{OperationKey, Stage, Step},
    payments::{
        ACTION_LIFE, CancelIntent, CaptureIntent, ConfirmIntent, CreateIntent, Notice, RefundIntent,
    },
};

use self::support::{
    CLASSES, World, app, eur,
    faulty::Fault,
    idem, mei, method,
    process::{Outside, Strike, UNHARMED, resolvable},
    staff,
};

fn settled() -> Outcome {
    Outcome::settled(Reference::new("seen").expect("a reference"))
}

#[tokio::test]
async fn two_concurrent_refunds_never_exceed_the_capture() {
    for round in 0..20 {
        let one = World::new(CLASSES[1]);
        // A second process has a state of its own that goes stale.
        let two = one.another();
        let paid = one.pay("pm_ok", false).await;
        let refund = RefundIntent::of(paid.id).with_amount(eur(60));
        let (staff, keys) = (staff(), [idem("a"), idem("b")]);
        let (first, second) = tokio::join!(
            one.payments.refund(&staff, refund.clone(), &keys[0]),
            two.payments.refund(&staff, refund.clone(), &keys[1]),
        );
        let refused = match (first, second) {
            (Ok(_), Err(refused)) | (Err(refused), Ok(_)) => refused,
            both => panic!("round {round}: exactly one goes through, not {both:?}"),
        };
        assert!(matches!(refused, PayError::AmountTooLarge { left, .. } if left == eur(40)));
        assert_eq!(one.moved().await.iter().sum::<i64>(), 40);
        assert_eq!(one.intent(paid.id).await.amount_refunded, eur(60));
    }
}

#[tokio::test]
async fn a_second_capture_never_takes_twice() {
    let one = World::new(CLASSES[1]);
    let two = one.another();
    let held = one.pay("pm_ok", true).await;
    assert_eq!(held.status, IntentStatus::RequiresCapture);
    let capture = CaptureIntent::of(held.id);
    let (staff, keys) = (staff(), [idem("a"), idem("b")]);
    let (first, second) = tokio::join!(
        one.payments.capture(&staff, capture.clone(), &keys[0]),
        two.payments.capture(&staff, capture.clone(), &keys[1]),
    );
    assert_eq!(u8::from(first.is_ok()) + u8::from(second.is_ok()), 1);
    assert_eq!(one.moved().await, [100]);
    let again = one.payments.capture(&staff, capture, &idem("c")).await;
    assert!(matches!(again, Err(PayError::UnexpectedState { .. })));
    assert_eq!(one.moved().await, [100]);
}

#[tokio::test]
async fn a_partial_capture_lets_go_of_the_rest() {
    let world = World::new(CLASSES[0]);
    let held = world.pay("pm_ok", true).await;
    assert_eq!(held.amount_capturable, eur(100));
    let capture = CaptureIntent::of(held.id).with_amount(eur(30));
    let taken = world.payments.capture(&staff(), capture, &idem("c")).await;
    let taken = taken.expect("captures");
    assert_eq!(
        (taken.status, taken.amount_received),
        (IntentStatus::Succeeded, eur(30))
    );
    assert!(taken.amount_capturable.is_zero());
    let refund = RefundIntent::of(held.id).with_amount(eur(31));
    let refused = world.payments.refund(&staff(), refund, &idem("r")).await;
    assert!(matches!(refused, Err(PayError::AmountTooLarge { .. })));
}

#[tokio::test]
async fn a_decline_is_a_state_and_another_method_may_be_tried() {
    let world = World::new(CLASSES[0]);
    let declined = world.pay("pm_declined", false).await;
    assert_eq!(declined.status, IntentStatus::RequiresPaymentMethod);
    let code = declined.last_error.as_ref().map(DeclineCode::as_str);
    assert_eq!(code, Some("card_declined"));
    let retry = ConfirmIntent::of(declined.id).with_payment_method(method("pm_ok"));
    let paid = world.payments.confirm(&mei(), retry, &idem("again")).await;
    let paid = paid.expect("confirms");
    assert_eq!((paid.status, paid.attempts), (IntentStatus::Succeeded, 2));
    assert_eq!(world.moved().await, [100]);
}

#[tokio::test]
async fn the_last_declined_attempt_cancels_the_intent() {
    let world = World::new(CLASSES[0]);
    let intent = world.create("pm_declined", false, "create").await;
    for attempt in 1..=mp_pay::attempt::ATTEMPTS_MAX {
        let retry = ConfirmIntent::of(intent.id).with_payment_method(method("pm_declined"));
        let key = idem(&format!("attempt-{attempt}"));
        let tried = world.payments.confirm(&mei(), retry, &key).await;
        let last = attempt == mp_pay::attempt::ATTEMPTS_MAX;
        let status = tried.expect("confirms").status;
        assert_eq!(
            status == IntentStatus::Canceled,
            last,
            "{attempt}: {status}"
        );
    }
}

#[tokio::test]
async fn a_repeated_key_moves_nothing_twice_and_a_reused_one_is_refused() {
    let world = World::new(CLASSES[2]);
    let paid = world.pay("pm_ok", false).await;
    let again = world.confirm(paid.id, "confirm").await;
    assert_eq!(again, paid);
    assert_eq!(world.create("pm_ok", false, "create").await.id, paid.id);
    let other = ConfirmIntent::of(paid.id).with_payment_method(method("pm_slow"));
    let reused = world
        .payments
        .confirm(&mei(), other, &idem("confirm"))
        .await;
    let reused = mp_core::Error::from(reused.expect_err("refused"));
    assert_eq!(reused.kind(), ErrorKind::KeyReused);
    assert_eq!(world.moved().await, [100]);
}

#[tokio::test]
async fn a_canceled_hold_is_let_go() {
    let world = World::new(CLASSES[0]);
    let held = world.pay("pm_ok", true).await;
    let cancel = CancelIntent::of(held.id);
    let canceled = world.payments.cancel(&staff(), cancel, &idem("x")).await;
    assert_eq!(canceled.expect("cancels").status, IntentStatus::Canceled);
    let capture = CaptureIntent::of(held.id);
    let refused = world.payments.capture(&staff(), capture, &idem("c")).await;
    assert!(matches!(refused, Err(PayError::UnexpectedState { .. })));
    assert_eq!(world.moved().await, [0_i64; 0]);
}

#[tokio::test]
async fn payers_see_their_own_intents_and_move_nothing_back() {
    let world = World::new(CLASSES[0]);
    let paid = world.pay("pm_ok", false).await;
    let bo = Caller::user(app(), "bo".parse().expect("a user"));
    let elsewhere = Caller::app("other".parse().expect("an app"));
    let elsewhere = elsewhere.with_scope(mp_core::Scope::STAFF);
    for stranger in [bo, elsewhere] {
        let seen = world.payments.intent(&stranger, paid.id).await;
        assert_eq!(kind(seen), ErrorKind::NotFound);
        let confirm = ConfirmIntent::of(paid.id);
        let confirmed = world.payments.confirm(&stranger, confirm, &idem("s")).await;
        assert_eq!(kind(confirmed), ErrorKind::NotFound);
    }
    let refund = RefundIntent::of(paid.id);
    let refused = world.payments.refund(&mei(), refund, &idem("r")).await;
    assert_eq!(kind(refused), ErrorKind::Forbidden);
    let cancel = CancelIntent::of(paid.id);
    let refused = world.payments.cancel(&mei(), cancel, &idem("r")).await;
    assert_eq!(kind(refused), ErrorKind::Forbidden);
}

#[tokio::test]
async fn what_the_backend_cannot_do_is_refused_before_it_is_asked() {
    let can = CLASSES[0]
        .without_separate_capture()
        .without_partial_refund();
    let world = World::new(can);
    let hold = CreateIntent::of(eur(100)).with_manual_capture();
    let refused = world.payments.create_intent(&mei(), hold, &idem("h")).await;
    assert_eq!(kind(refused), ErrorKind::Unsupported);
    let paid = world.pay("pm_ok", false).await;
    let part = RefundIntent::of(paid.id).with_amount(eur(10));
    let refused = world.payments.refund(&staff(), part, &idem("p")).await;
    assert_eq!(kind(refused), ErrorKind::Unsupported);
    let all = RefundIntent::of(paid.id);
    world
        .payments
        .refund(&staff(), all, &idem("a"))
        .await
        .expect("refunds");
    assert_eq!(world.moved().await, [100, -100]);
}

#[tokio::test]
async fn what_was_created_once_is_not_held_against_the_backend_of_today() {
    let world = World::new(CLASSES[0]);
    let created = world.create("pm_ok", true, "k").await;
    let can = CLASSES[0].without_separate_capture();
    let (store, clock) = (world.store.clone(), world.clock.clone());
    let sandbox = world.sandbox.clone().with_capabilities(can);
    let today = World::on(store, clock, sandbox.clone(), Arc::new(sandbox));
    assert_eq!(today.create("pm_ok", true, "k").await, created);
    let hold = CreateIntent::of(eur(100)).with_manual_capture();
    let refused = today.payments.create_intent(&mei(), hold, &idem("h")).await;
    assert_eq!(kind(refused), ErrorKind::Unsupported);
}

#[tokio::test]
async fn what_is_created_and_cannot_be_read_is_not_told_as_nothing() {
    let world = World::new(CLASSES[0]);
    world.create("pm_ok", false, "k").await;
    let reads = AtomicU32::new(0);
    let hook = move |call, phase, _: Option<&Partition>| {
        let is_read = (call, phase) == (Call::Read, Phase::Before);
        // The call reads what it decides on, and then how the intent stands.
        let fails = is_read && reads.fetch_add(1, Ordering::SeqCst) > 0;
        async move {
            match fails {
                true => Err(StoreErrorKind::Unavailable),
                false => Ok(()),
            }
        }
    };
    let store = Arc::new(HookedStore::new(world.store.clone(), hook));
    let backend = Arc::new(world.sandbox.clone());
    let unread = World::on(store, world.clock.clone(), world.sandbox.clone(), backend);
    let request = CreateIntent::of(eur(100)).with_payment_method(method("pm_ok"));
    let created = unread
        .payments
        .create_intent(&mei(), request, &idem("k"))
        .await;
    let error = mp_core::Error::from(created.expect_err("cannot be read"));
    assert_eq!(error.code(), "outcome_unknown");
}

#[tokio::test]
async fn amounts_that_make_no_sense_are_refused() {
    let world = World::new(CLASSES[0]);
    for cents in [0, -1, i64::MIN, i64::MAX, 1 << 53] {
        let request = CreateIntent::of(eur(cents));
        let refused = world
            .payments
            .create_intent(&mei(), request, &idem("z"))
            .await;
        assert_eq!(kind(refused), ErrorKind::Invalid, "{cents}");
    }
    let paid = world.pay("pm_ok", false).await;
    let yen = mp_core::amount::Money::new(1, mp_core::amount::Currency::JPY);
    for amount in [eur(0), eur(-5), yen] {
        let refund = RefundIntent::of(paid.id).with_amount(amount);
        let refused = world.payments.refund(&staff(), refund, &idem("r")).await;
        assert_eq!(kind(refused), ErrorKind::Invalid, "{amount}");
    }
}

fn kind<T: std::fmt::Debug>(answer: Result<T, PayError>) -> ErrorKind {
    mp_core::Error::from(answer.expect_err("refused")).kind()
}
