//! What others have given back of a settlement before it was wanted for good.

use crate::{
    error::PayError,
    intent::{IntentStatus, PaymentIntent},
    journal::Event,
    payment::Change,
};

/// Returns whether it is neither wanted for good nor let go of.
pub(super) fn is_open(intent: &PaymentIntent) -> bool {
    let mark = intent.settlement.as_ref();
    mark.is_some_and(|mark| !mark.released && !mark.settled)
}

/// Returns whether all that was taken, and not wanted for good so far, is given back or on its way back.
/// What a bank disputes is not: it may come again.
pub(super) fn goes_back(intent: &PaymentIntent) -> bool {
    let settled = intent.settlement.as_ref().is_some_and(|mark| mark.settled);
    let claimed = intent.amount_refunded.minor() + intent.amount_reserved_for_refund.minor();
    !settled
        && intent.status == IntentStatus::Succeeded
        && intent.amount_received.is_positive()
        && claimed >= intent.amount_received.minor()
}

/// Returns whether it is known that others have given all of it back, and not written down yet. What is
/// on its way may be declined.
pub(super) fn is_returned(intent: &PaymentIntent) -> bool {
    is_open(intent) && goes_back(intent) && intent.amount_reserved_for_refund.is_zero()
}

/// Lets go of what others have given back. Once it is told that it cannot be had any more that is final, so
/// should the money come back to us it is the payer's.
pub(super) fn note_return(change: &mut Change) -> Result<(), PayError> {
    change.catch_up()?;
    match is_returned(&change.payment().intent) {
        true => change.apply(Event::ReleaseAsked),
        false => Ok(()),
    }
}
