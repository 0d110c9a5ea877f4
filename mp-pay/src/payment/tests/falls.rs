//! When another backend is tried in the place of an attempt, and when never.

use std::time::Duration;

use super::*;
use crate::{attempt::Funds, operation::Heard};

const CHARGE: Step = Step::Charge(1);

/// Every stage that a charge can be in, by what is known of it, and whether it surely took nothing.
fn stages() -> Vec<(Operation, bool)> {
    let at = |stage, calls| {
        let mut operation = Operation::planned();
        (operation.stage, operation.calls) = (stage, calls);
        operation
    };
    let mut contradicted = at(Stage::Declined, 1);
    contradicted.conflict = Some(eur(AMOUNT));
    let mut awaited = at(Stage::Pending, 1);
    awaited.heard = Some(Heard::NeedsAction);
    vec![
        (at(Stage::Planned, 0), false),
        (at(Stage::Planned, 1), true),
        (at(Stage::Sent, 1), false),
        (at(Stage::Unknown, 1), false),
        (at(Stage::Pending, 1), false),
        (awaited, false),
        (at(Stage::Conflicted, 1), false),
        (at(Stage::Unrecognized, 1), false),
        (at(Stage::Done, 1), false),
        (at(Stage::Declined, 1), true),
        (contradicted, false),
    ]
}

fn charged(charge: &Operation) -> Payment {
    let mut payment = Payment::create(&created(false), Timestamp::MIN);
    let confirmed = payment.apply(&confirmed(true), Timestamp::MIN);
    confirmed.expect("confirms");
    let attempt = payment.attempt_mut(1).expect("was opened");
    attempt.charge = charge.clone();
    if charge.is_done() {
        attempt.funds = Some(Funds::Taken);
    }
    payment.project();
    payment
}

fn fell_over() -> Event {
    let Destination { backend, .. } = destination(1);
    Event::FellOver {
        attempt: 1,
        backend,
        hold_seconds: None,
    }
}

#[test]
fn only_an_attempt_that_surely_took_nothing_is_followed_by_another() {
    for (charge, took_nothing) in stages() {
        let before = charged(&charge);
        assert_eq!(before.stranded(Timestamp::MIN).is_some(), took_nothing);
        let mut after = before.clone();
        let fell = after.apply(&fell_over(), Timestamp::MIN);
        assert_eq!(fell.is_ok(), took_nothing, "{charge:?}: {fell:?}");
        if took_nothing {
            let [first, second] = [&after.attempts[&1], &after.attempts[&2]];
            assert!(first.charge.is_declined(), "it is not sent any more");
            assert_eq!(
                (second.after, &second.backend),
                (Some(1), &destination(1).backend)
            );
            assert_eq!(second.expires_at, first.expires_at, "it has no more time");
            assert_eq!(after.intent.status, IntentStatus::Processing);
        } else {
            assert_eq!(after, before, "{charge:?}");
        }
    }
}

#[test]
fn what_was_not_tried_yet_is_tried_nowhere_else_whatever_the_state() {
    for before in pairs::payments() {
        let mut after = before.clone();
        let fell = after.apply(&fell_over(), Timestamp::MIN);
        let refused = matches!(fell, Err(PayError::UnexpectedState { .. }));
        assert!(refused, "{} {fell:?}", before.intent.status);
        assert_eq!(after, before);
    }
}

fn told(what: u8) -> Event {
    let intent = IntentId::from_bytes([7; 16]);
    Event::Observed {
        operation: OperationKey {
            intent,
            step: CHARGE,
        },
        outcome: outcome(what),
        source: Source::Call,
    }
}

fn opened(settlement: bool, expires_at: Timestamp) -> Payment {
    let mut payment = Payment::create(&created(settlement), Timestamp::MIN);
    let Event::Confirmed(mut confirmed) = confirmed(true) else {
        unreachable!("it confirms");
    };
    confirmed.expires_at = expires_at;
    let confirmed = payment.apply(&Event::Confirmed(confirmed), Timestamp::MIN);
    confirmed.expect("confirms");
    payment
}

fn fall(payment: &mut Payment, event: &Event, now: Timestamp) {
    let late = LateSuccess::Return;
    let followed = payment.follow_or_fall(event, late, true, now);
    followed.expect("is legal");
}

#[test]
fn another_backend_is_tried_when_the_decline_becomes_known_and_not_later() {
    let mut payment = opened(false, Timestamp::MAX);
    let late = LateSuccess::Return;
    // The rules of that time name nothing else, and the payer hears that they have not paid.
    let heard = payment.follow(&told(2), late, Timestamp::MIN);
    heard.expect("is legal");
    assert_eq!(payment.intent.status, IntentStatus::RequiresPaymentMethod);
    fall(&mut payment, &told(2), Timestamp::MIN);
    let dispute = dispute(1, 5, 1);
    fall(
        &mut payment,
        &Event::DisputeTold { dispute },
        Timestamp::MIN,
    );
    assert_eq!(payment.attempts.len(), 1);
    assert_eq!(payment.intent.status, IntentStatus::RequiresPaymentMethod);
}

#[test]
fn nothing_is_tried_any_more_once_the_time_is_over() {
    let second = Timestamp::MIN.plus(Duration::from_secs(1));
    for (expires_at, attempts) in [(second, 1), (second.plus(Duration::from_micros(1)), 2)] {
        let mut payment = opened(false, expires_at);
        fall(&mut payment, &told(2), second);
        assert_eq!(payment.attempts.len(), attempts);
    }
}

#[test]
fn what_another_capability_has_let_go_of_is_tried_nowhere_else() {
    for released in [false, true] {
        let mut payment = opened(true, Timestamp::MAX);
        if released {
            fall(&mut payment, &Event::ReleaseAsked, Timestamp::MIN);
        }
        fall(&mut payment, &told(2), Timestamp::MIN);
        let attempts = if released { 1 } else { 2 };
        assert_eq!(payment.attempts.len(), attempts);
    }
}

#[test]
fn there_is_an_end_of_attempts() {
    let mut payment = opened(false, Timestamp::MAX);
    for number in 1..=ATTEMPTS_MAX {
        let operation = OperationKey {
            intent: IntentId::from_bytes([7; 16]),
            step: Step::Charge(number),
        };
        let declined = Event::Observed {
            operation,
            outcome: outcome(2),
            source: Source::Call,
        };
        let always = |_: &Payment, _: &Attempt| Some(destination(1));
        let late = LateSuccess::Return;
        let followed = payment.go_on(declined, late, &always, Timestamp::MIN);
        followed.expect("is legal");
    }
    assert_eq!(payment.attempts.len(), ATTEMPTS_MAX as usize);
    assert_eq!(payment.intent.status, IntentStatus::Canceled);
}
