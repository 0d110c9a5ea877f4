//! A backend that does what it had declined, against its contract.

use super::*;

#[test]
fn what_a_backend_captures_after_it_had_declined_to_goes_back() {
    let mut payment = Payment::create(&created(false), Timestamp::MIN);
    let learnt = |step, what| Event::Observed {
        operation: OperationKey {
            intent: IntentId::from_bytes([7; 16]),
            step,
        },
        outcome: outcome(what),
        source: Source::Notice,
    };
    let capture = |cents, last| {
        let amount = eur(cents);
        Event::CaptureAsked { amount, last }
    };
    let [first, second] = [Step::Capture(1, 1), Step::Capture(1, 2)];
    for event in [
        confirmed(false),
        learnt(Step::Charge(1), 1),
        capture(30, false),
        learnt(first, 2),
        capture(100, true),
        learnt(second, 0),
        learnt(first, 0),
    ] {
        let late = LateSuccess::Return;
        payment
            .follow(&event, late, Timestamp::MIN)
            .expect("is legal");
    }
    assert_eq!(payment.intent.amount_received, eur(130));
    let refunds: Vec<_> = payment.refunds.values().collect();
    let [refund] = refunds[..] else {
        panic!("one refund, not {refunds:?}");
    };
    assert_eq!(
        (refund.amount, refund.reason),
        (eur(30), Some(RefundReason::Overpaid))
    );
}
