//! Every state with everything that can be asked of it, decided about it or learnt there.

use super::*;

const KEY: Step = Step::Charge(1);

fn observed(what: u8) -> Event {
    Event::Observed {
        operation: OperationKey {
            intent: IntentId::from_bytes([7; 16]),
            step: KEY,
        },
        outcome: outcome(what),
        source: Source::Lookup,
    }
}

fn canceled() -> Event {
    let reason = CancellationReason::Duplicate;
    Event::CancelAsked { reason }
}

/// Returns a payment in each state.
pub(super) fn payments() -> Vec<Payment> {
    let ways: [&[Event]; 6] = [
        &[],
        &[confirmed(false)],
        &[confirmed(false), observed(4)],
        &[confirmed(false), observed(1)],
        &[confirmed(false), observed(0)],
        &[canceled()],
    ];
    let mut payments: Vec<Payment> = ways.into_iter().map(reached_by).collect();
    let mut ready = created(false);
    ready.payment_method = Some(token());
    payments.push(Payment::create(&ready, Timestamp::MIN));
    let mut newer = reached_by(&[]);
    newer.intent_mut().status = IntentStatus::Unrecognized;
    payments.push(newer);
    payments
}

fn reached_by(events: &[Event]) -> Payment {
    let mut payment = Payment::create(&created(false), Timestamp::MIN);
    for event in events {
        payment.apply(event, Timestamp::MIN).expect("is legal");
    }
    payment
}

/// Returns what can be asked or decided, with the move of the table that it is.
fn asked() -> Vec<(Event, IntentEvent)> {
    let amount = eur(AMOUNT);
    let refund = Event::RefundAsked {
        refund: RefundId::from_bytes([1; 16]),
        amount,
        reason: None,
        lines: BTreeMap::new(),
    };
    let total = eur(AMOUNT + 1);
    vec![
        (confirmed(false), IntentEvent::Confirm),
        (Event::IncreaseAsked { total }, IntentEvent::Increase),
        (
            Event::CaptureAsked { amount, last: true },
            IntentEvent::Capture,
        ),
        (canceled(), IntentEvent::Cancel),
        (refund, IntentEvent::Refund),
        (Event::Expired, IntentEvent::Expire),
        (Event::Lapsed, IntentEvent::Lapse),
        (Event::CaptureFailed, IntentEvent::Lapse),
        (Event::Exhausted, IntentEvent::Exhaust),
    ]
}

#[test]
fn what_is_asked_in_any_state_leads_where_the_table_says_or_changes_nothing() {
    let mut seen = Vec::new();
    for payment in payments() {
        let status = payment.intent.status;
        for (event, on) in asked() {
            let mut after = payment.clone();
            let answer = after.apply(&event, Timestamp::MIN);
            match status.next(on) {
                Some(next) => assert_eq!(after.intent.status, next, "{event:?} in {status}"),
                None => {
                    assert!(answer.is_err(), "{event:?} in {status}");
                    assert_eq!(after, payment, "{event:?} in {status}");
                }
            }
        }
        seen.push(status.to_string());
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 8, "every state: {seen:?}");
}

#[test]
fn what_is_learnt_in_any_state_is_taken_in_and_moves_as_the_table_allows() {
    for payment in payments() {
        for what in 0..7 {
            let status = payment.intent.status;
            let mut after = payment.clone();
            let learnt = after.apply(&observed(what), Timestamp::MIN);
            learnt.expect("an observation is never refused");
            let next = after.intent.status;
            assert!(
                Payment::is_legal(status, next),
                "{what} in {status}: {next}"
            );
        }
    }
}
