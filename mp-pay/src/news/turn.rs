//! Which turns a payment took, by where it stands before and after.

use mp_core::amount::Money;

use super::{
    AUTHORIZED, CANCELED, CREATED, DISPUTE_CLOSED, DISPUTE_CREATED, FAILED, PROCESSING,
    REFUND_DECLINED, REFUND_FAILED, REFUNDED, REQUIRES_ACTION, SUCCEEDED,
};
use crate::{
    attempt::{Attempt, Funds},
    dispute::Dispute,
    intent::{CancellationReason, IntentStatus},
    operation::Heard,
    payment::Payment,
    refund::Refund,
};

/// Returns the topics of the turns of an intent, in the order in which they come in a life.
pub(super) fn topics(before: Option<&Payment>, after: &Payment) -> Vec<&'static str> {
    let became = |is: fn(&Payment) -> bool| is(after) && !before.is_some_and(is);
    let failed = failed(after);
    let turns = [
        (CREATED, before.is_none()),
        (PROCESSING, became(is_under_way)),
        (
            REQUIRES_ACTION,
            became(|it| is(it, IntentStatus::RequiresAction)),
        ),
        (AUTHORIZED, holds_more(before, after)),
        (SUCCEEDED, became(|it| is(it, IntentStatus::Succeeded))),
        (
            FAILED,
            failed.is_some() && before.and_then(self::failed) != failed,
        ),
        (CANCELED, became(|it| is(it, IntentStatus::Canceled))),
    ];
    let taken = turns.into_iter().filter(|(_, taken)| *taken);
    taken.map(|(topic, _)| topic).collect()
}

fn is(payment: &Payment, status: IntentStatus) -> bool {
    payment.intent.status == status
}

/// Returns whether the backend has the charge; that it is about to be asked is no news yet.
fn is_under_way(payment: &Payment) -> bool {
    let heard = payment.live().and_then(|attempt| attempt.charge.heard);
    is(payment, IntentStatus::Processing) && heard == Some(Heard::Accepted)
}

/// Returns whether there is a hold, or a higher one than before; what captures leave of it is no
/// news.
fn holds_more(before: Option<&Payment>, after: &Payment) -> bool {
    let held = held(after);
    let known = before.and_then(self::held);
    match (known, held) {
        (Some((one, less)), Some((other, more))) => one != other || less.minor() < more.minor(),
        (known, held) => known.is_none() && held.is_some(),
    }
}

/// Returns which attempt holds money, and how much in all.
fn held(payment: &Payment) -> Option<(u32, Money)> {
    let attempt = payment.live().filter(|it| it.funds == Some(Funds::Held))?;
    Some((attempt.number, attempt.total()))
}

/// Returns the attempt that was the last one and has brought nothing.
fn failed(payment: &Payment) -> Option<u32> {
    let attempt = payment.last()?;
    let over = match payment.intent.status {
        IntentStatus::RequiresPaymentMethod => true,
        IntentStatus::Canceled => is_exhausted(payment, attempt),
        _ => false,
    };
    over.then_some(attempt.number)
}

fn is_exhausted(payment: &Payment, attempt: &Attempt) -> bool {
    let by_itself = Some(CancellationReason::Automatic);
    let brought_nothing = attempt.charge.is_declined() || attempt.abandoned;
    payment.intent.cancellation_reason == by_itself && brought_nothing && attempt.funds.is_none()
}

/// Returns the turn of a refund.
pub(super) fn of_refund(before: Option<&Refund>, after: &Refund) -> Option<&'static str> {
    let was = |is: fn(&Refund) -> bool| before.is_some_and(is);
    let (done, declined) = (is_done(after), is_declined(after));
    match (was(is_done), was(is_declined)) {
        (false, _) if done => Some(REFUNDED),
        (true, _) if !done => Some(REFUND_FAILED),
        (false, false) if declined => Some(REFUND_DECLINED),
        _ => None,
    }
}

fn is_done(refund: &Refund) -> bool {
    refund.operation.is_done()
}

fn is_declined(refund: &Refund) -> bool {
    refund.operation.is_declined()
}

/// Returns the turns of a dispute, which may be heard of only when it is over.
pub(super) fn of_dispute(before: Option<&Dispute>, after: &Dispute) -> Vec<&'static str> {
    let moved = before.is_none_or(|before| before.status != after.status);
    let turns = [
        (DISPUTE_CREATED, before.is_none()),
        (DISPUTE_CLOSED, moved && after.status.is_closed()),
    ];
    let taken = turns.into_iter().filter(|(_, taken)| *taken);
    taken.map(|(topic, _)| topic).collect()
}
