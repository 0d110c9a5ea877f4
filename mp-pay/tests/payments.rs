//! What the payments promise, each promise by its name.

mod support;

use std::time::Duration;

use mp_core::{Caller, ErrorKind};
use mp_pay::{
    PayError,
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
async fn an_unknown_outcome_becomes_known_or_is_put_before_a_person() {
    for (class, can) in CLASSES.into_iter().enumerate() {
        for (token, acted) in [("pm_timeout_before", false), ("pm_timeout_after", true)] {
            let world = World::new(can);
            let unsure = world.pay(token, false).await;
            assert_eq!(unsure.status, IntentStatus::Processing);
            world.let_time_pass(3).await;
            let after = world.intent(unsure.id).await;
            if class < 2 {
                assert_eq!(after.status, IntentStatus::Succeeded, "{can:?} {token}");
                assert_eq!(
                    (world.moved().await, world.unresolved().await),
                    (vec![100], 0)
                );
            } else {
                assert_eq!(after.status, IntentStatus::Processing);
                assert_eq!(world.unresolved().await, 1);
                assert_eq!(world.moved().await.len(), usize::from(acted));
            }
        }
    }
}

#[tokio::test]
async fn a_person_resolves_what_nobody_else_can() {
    let world = World::new(CLASSES[2]);
    let unsure = world.pay("pm_timeout_after", false).await;
    world.let_time_pass(1).await;
    let listed = world.payments.unresolved(&staff(), None, 10).await;
    let [waiting] = &listed.expect("lists")[..] else {
        panic!("one operation waits");
    };
    assert_eq!((waiting.amount, waiting.stage), (eur(100), Stage::Unknown));
    let notice = Notice {
        operation: waiting.operation,
        outcome: settled(),
    };
    let refused = world
        .payments
        .resolve(&mei(), notice.clone(), &idem("a"))
        .await;
    assert_eq!(kind(refused), ErrorKind::Forbidden);
    let open = Notice {
        outcome: Outcome::Accepted,
        ..notice.clone()
    };
    assert_eq!(
        kind(world.payments.resolve(&staff(), open, &idem("b")).await),
        ErrorKind::Invalid
    );
    let known = world
        .payments
        .resolve(&staff(), notice.clone(), &idem("c"))
        .await;
    assert_eq!(known.expect("resolves").status, IntentStatus::Succeeded);
    assert_eq!(world.unresolved().await, 0);
    let twice = world.payments.resolve(&staff(), notice, &idem("d")).await;
    assert!(matches!(twice, Err(PayError::NotUnresolved(_))));
    assert_eq!(world.intent(unsure.id).await.amount_received, eur(100));
}

#[tokio::test]
async fn a_key_is_not_replayed_after_its_window() {
    let window = Duration::from_secs(300);
    let world = World::new(Capabilities::neither().with_replay(window));
    world.pay("pm_timeout_after", false).await;
    world.clock.advance(window);
    world.let_time_pass(3).await;
    assert_eq!(world.moved().await, [100], "a replay would charge again");
    assert_eq!(world.unresolved().await, 1);
}

#[tokio::test]
async fn a_slow_charge_is_asked_about_until_it_is_known() {
    let world = World::new(CLASSES[1]);
    let slow = world.pay("pm_slow", false).await;
    assert_eq!(slow.status, IntentStatus::Processing);
    world.let_time_pass(3).await;
    assert_eq!(world.intent(slow.id).await.status, IntentStatus::Succeeded);
    assert_eq!(world.moved().await, [100]);
}

#[tokio::test]
async fn a_payer_who_acts_is_charged_and_one_who_does_not_is_not() {
    for (acts_after, status) in [
        (Duration::from_secs(30), IntentStatus::Succeeded),
        (ACTION_LIFE * 2, IntentStatus::RequiresPaymentMethod),
    ] {
        let world = World::new(CLASSES[1]);
        world.sandbox.script(Behaviour::NeedsAction(acts_after));
        let waiting = world.pay("pm_ok", false).await;
        assert_eq!(waiting.status, IntentStatus::RequiresAction);
        assert!(waiting.next_action.is_some());
        world.let_time_pass(3).await;
        world.clock.advance(ACTION_LIFE);
        world.let_time_pass(5).await;
        assert_eq!(world.intent(waiting.id).await.status, status);
        // The charge that was given up does not come later either.
        world.clock.advance(ACTION_LIFE * 3);
        world.let_time_pass(5).await;
        let expected: &[i64] = if status == IntentStatus::Succeeded {
            &[100]
        } else {
            &[]
        };
        assert_eq!(world.moved().await, expected);
    }
}

#[tokio::test]
async fn a_late_success_of_an_attempt_that_was_given_up_is_given_back() {
    let world = World::new(CLASSES[1]);
    let waiting = world.pay("pm_action", false).await;
    world.sandbox.script(Behaviour::Decline(
        DeclineCode::new("too_late").expect("a code"),
    ));
    let cancel = CancelIntent::of(waiting.id);
    let canceled = world.payments.cancel(&staff(), cancel, &idem("x")).await;
    assert_eq!(canceled.expect("cancels").status, IntentStatus::Canceled);
    world.let_time_pass(5).await;
    assert_eq!(world.moved().await, [100, -100]);
    let after = world.intent(waiting.id).await;
    assert_eq!(after.status, IntentStatus::Canceled);
    assert!(after.amount_received.is_zero());
    assert_eq!(world.unresolved().await, 0);
}

#[tokio::test]
async fn what_could_not_be_given_back_is_put_before_a_person() {
    let world = World::new(CLASSES[1]);
    let declined = world.pay("pm_declined", false).await;
    let cancel = CancelIntent::of(declined.id);
    let canceled = world.payments.cancel(&staff(), cancel, &idem("x")).await;
    assert_eq!(canceled.expect("cancels").status, IntentStatus::Canceled);
    let step = Step::Charge(1);
    let operation = OperationKey {
        intent: declined.id,
        step,
    };
    // The provider has no such charge, so it will decline to refund it.
    let outcome = settled();
    let notice = Notice { operation, outcome };
    world
        .payments
        .observe(&staff(), notice)
        .await
        .expect("takes");
    world.let_time_pass(2).await;
    let listed = world.payments.unresolved(&staff(), None, 10).await;
    let listed = listed.expect("lists");
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].operation.step, Step::Return(1, 1));
}

#[tokio::test]
async fn an_observation_of_something_known_is_journaled_and_changes_nothing() {
    let world = World::new(CLASSES[0]);
    let paid = world.pay("pm_ok", false).await;
    let before = world
        .payments
        .journal(&staff(), paid.id)
        .await
        .expect("reads");
    let operation = OperationKey {
        intent: paid.id,
        step: Step::Charge(1),
    };
    for outcome in [
        settled(),
        Outcome::Declined {
            code: DeclineCode::new("late").expect("a code"),
        },
        Outcome::Accepted,
        Outcome::Unknown,
    ] {
        let notice = Notice { operation, outcome };
        let after = world
            .payments
            .observe(&staff(), notice)
            .await
            .expect("takes");
        assert_eq!(after.status, paid.status);
        assert_eq!(after.amount_received, paid.amount_received);
    }
    let after = world
        .payments
        .journal(&staff(), paid.id)
        .await
        .expect("reads");
    // What only repeats that something is open is no observation of anything.
    assert_eq!(after.len(), before.len() + 2);
    assert_eq!(world.moved().await, [100]);
}

#[tokio::test]
async fn a_backend_out_of_reach_delays_and_doubles_nothing() {
    for can in CLASSES {
        let world = World::new(can);
        world.sandbox.script(Behaviour::Unavailable);
        world.sandbox.script(Behaviour::Unavailable);
        let waiting = world.pay("pm_ok", false).await;
        assert_eq!(waiting.status, IntentStatus::Processing);
        world.let_time_pass(4).await;
        assert_eq!(
            world.intent(waiting.id).await.status,
            IntentStatus::Succeeded
        );
        assert_eq!(world.moved().await, [100]);
    }
}

#[tokio::test]
async fn of_several_who_would_call_the_backend_at_once_one_does() {
    for round in 0..20 {
        let one = World::new(CLASSES[2]);
        let intent = one.create("pm_ok", false, "create").await;
        let worlds = [one.another(), one.another(), one.another(), one.another()];
        let confirms = worlds.map(|world| async move {
            let request = ConfirmIntent::of(intent.id);
            let confirmed = world.payments.confirm(&mei(), request, &idem("k")).await;
            confirmed.expect("confirms")
        });
        let [a, b, c, d] = confirms;
        tokio::join!(a, b, c, d);
        assert_eq!(one.moved().await, [100], "round {round}");
        assert_eq!(one.intent(intent.id).await.status, IntentStatus::Succeeded);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_takes_too_long_counts_as_unknown() {
    for can in CLASSES {
        let outside = Outside::new(can);
        let hangs = Strike {
            call: 1,
            fault: Fault::HangsAfter,
            ..UNHARMED
        };
        let process = outside.start(hangs);
        let unsure = process.world.pay("pm_ok", false).await;
        assert_eq!(unsure.status, IntentStatus::Processing);
        process.recover().await;
        assert_eq!(process.world.moved().await, [100], "{can:?}");
        let listed = usize::from(!resolvable(can));
        assert_eq!(process.world.unresolved().await, listed, "{can:?}");
    }
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
