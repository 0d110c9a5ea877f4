//! What is asked of refunds.

use std::sync::Arc;

use mp_core::{Caller, Error, amount::Money, id::IdempotencyKey, idempotency::key_reused};

use super::{Asking, PAY_MANAGE, Payments, RefundIntent};
use crate::{
    backend::Capabilities,
    error::PayError,
    intent::{IntentId, IntentStatus, PaymentIntent},
    journal::Event,
    payment::{Change, Payment},
    refund::{REFUNDS_MAX, Refund, RefundId},
};

impl Payments {
    /// Gives back what was taken: all of it, a part, or of lines of the order; also between the
    /// captures of a hold, as soon as some was taken. It may be accepted first and known later, and
    /// what has succeeded may fail still: see [`Refund::status`]. Its id is derived from the intent, the caller
    /// and the key: the same call, however much later, is answered with the same refund.
    ///
    /// # Errors
    ///
    /// `forbidden`, `not_found`, [`PayError::UnexpectedState`], [`PayError::AmountTooLarge`] if it
    /// is more than is left, of the payment or of a line, and not claimed by another refund,
    /// `invalid_field` for an amount that is not what the lines come to, [`PayError::Unsupported`] for a part
    /// where the backend refunds everything or nothing, as is what was taken so far of a hold that
    /// can still be captured, or a second refund where it refunds once,
    /// [`PayError::Uncounted`], [`PayError::TooMany`], [`PayError::BackendMissing`],
    /// `idempotency_conflict`, the store's errors.
    pub async fn refund(
        &self,
        caller: &Caller,
        request: RefundIntent,
        key: &IdempotencyKey,
    ) -> Result<Refund, PayError> {
        caller.require(&PAY_MANAGE)?;
        let intent = request.intent;
        let asking = Asking::by_call(caller, "pay.refund", intent, key, &request)?;
        let (id, whose) = (intent.to_string(), caller.key_segment());
        let refund = RefundId::derived(&[&id, whose, "pay.refund", key.as_str()]);
        let ask = move |change: &mut Change| {
            // One of a release that did not keep who asked: its answer may be forgotten, it is not.
            if let Some(known) = change.payment().refunds.get(&refund) {
                return is_for(known, &request, change.payment().intent.amount_received);
            }
            change.catch_up()?;
            let can = change.routing().can_now(change.payment())?;
            let amount = amount_of(&request, change.payment())?;
            may_refund(change.payment(), amount, can)?;
            change.apply(Event::RefundAsked {
                refund,
                amount,
                reason: request.reason,
                lines: request.lines.clone(),
            })
        };
        let app = caller.app_id();
        let mut payment = self.ask_for(app, intent, asking, ask).await?;
        let refund = payment.refunds.remove(&refund).map(Arc::unwrap_or_clone);
        Ok(refund.ok_or_else(|| Error::not_found("refund"))?)
    }

    /// Returns an intent's refunds, in the order of their ids.
    ///
    /// # Errors
    ///
    /// As [`intent`](Self::intent).
    pub async fn refunds(&self, caller: &Caller, id: IntentId) -> Result<Vec<Refund>, PayError> {
        let refunds = self.owned(caller, id).await?.refunds.into_values();
        Ok(refunds.map(Arc::unwrap_or_clone).collect())
    }
}

/// Refuses, before anything is written, what the backend does not do.
pub(crate) fn may_refund(
    payment: &Payment,
    amount: Money,
    can: Capabilities,
) -> Result<(), PayError> {
    if payment.refunds.len() >= REFUNDS_MAX as usize {
        let (what, most) = ("refunds", REFUNDS_MAX);
        return Err(PayError::TooMany { what, most });
    }
    let intent = &payment.intent;
    // What a hold has brought so far is a part of what it may bring.
    let is_all = amount == intent.amount_received && intent.status == IntentStatus::Succeeded;
    if !can.partial_refund && intent.amount_received.is_positive() && !is_all {
        return Err(PayError::Unsupported("partial refund"));
    }
    let declined = |refund: &Arc<Refund>| refund.operation.is_declined();
    if !can.repeated_refund && !payment.refunds.values().all(declined) {
        return Err(PayError::Unsupported("second refund"));
    }
    can.minor_units.to_wire(amount)?;
    Ok(())
}

/// Refuses a call that takes another's key: a refund stands for what it was asked to be, also where
/// the journal does not tell by which call.
fn is_for(refund: &Refund, request: &RefundIntent, received: Money) -> Result<(), PayError> {
    let same_amount = match request.amount {
        Some(amount) => amount == refund.amount,
        // All of the lines; or all that was left, of which only this is sure: that it was no less.
        None => !request.lines.is_empty() || refund.amount == received,
    };
    let same = same_amount && request.lines == refund.lines && request.reason == refund.reason;
    match same {
        true => Ok(()),
        false => Err(PayError::Core(key_reused())),
    }
}

fn amount_of(request: &RefundIntent, payment: &Payment) -> Result<Money, PayError> {
    let mut lines = request.lines.values();
    let Some(first) = lines.next() else {
        return match request.amount {
            Some(amount) => Ok(amount),
            None => all_that_is_left(&payment.intent),
        };
    };
    let sum = lines.try_fold(*first, |sum, part| sum.checked_add(*part));
    let sum = sum.map_err(|error| Error::invalid("lines", error.to_string()))?;
    match request.amount {
        Some(amount) if amount != sum => {
            let problem = format!("is not the {sum} that the lines come to");
            Err(Error::invalid("amount", problem).into())
        }
        _ => Ok(sum),
    }
}

/// Nobody has named the amount: where nothing is left, it is all of what was taken that is asked for.
fn all_that_is_left(intent: &PaymentIntent) -> Result<Money, PayError> {
    let (asked, left) = (intent.amount_received, intent.amount_refundable());
    if asked.is_positive() && left.is_zero() {
        return Err(PayError::AmountTooLarge { asked, left });
    }
    Ok(left)
}
