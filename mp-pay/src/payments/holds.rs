//! What is asked of a hold: to be captured, or to be raised.

use mp_core::{Caller, id::IdempotencyKey};

use super::{Asking, CaptureIntent, IncreaseIntent, PAY_MANAGE, Payments};
use crate::{
    attempt::{Attempt, INCREASES_MAX},
    backend::Capabilities,
    capture::CAPTURES_MAX,
    error::PayError,
    intent::{IntentEvent, PaymentIntent},
    journal::Event,
    payment::Change,
};

impl Payments {
    /// Takes what is held, all or part of it. The rest is let go, unless the capture says that it is
    /// not the last.
    ///
    /// # Errors
    ///
    /// `forbidden`, `not_found`, [`PayError::UnexpectedState`], also once the hold has lapsed,
    /// [`PayError::AmountTooLarge`], [`PayError::Unsupported`] for a part or a further capture that
    /// the backend does not have, [`PayError::Uncounted`], [`PayError::TooMany`],
    /// [`PayError::BackendMissing`], `idempotency_conflict`, the store's errors.
    pub async fn capture(
        &self,
        caller: &Caller,
        request: CaptureIntent,
        key: &IdempotencyKey,
    ) -> Result<PaymentIntent, PayError> {
        caller.require(&PAY_MANAGE)?;
        let CaptureIntent {
            intent: id,
            amount,
            last,
        } = request;
        let asking = Asking::by_call(caller, "pay.capture", id, key, &request)?;
        let capture = move |change: &mut Change| {
            change.catch_up()?;
            change.payment().allow(IntentEvent::Capture)?;
            let can = change.routing().can_now(change.payment())?;
            let left = change.payment().intent.amount_capturable;
            let amount = amount.unwrap_or(left);
            if !can.partial_capture && (amount != left || !last) {
                return Err(PayError::Unsupported("partial capture"));
            }
            can.minor_units.to_wire(amount)?;
            // The last one that the backend takes cannot be followed by another.
            let most = can.captures_max.min(CAPTURES_MAX);
            let made = change.payment().live().map_or(0, captures);
            if made >= most || (!last && amount != left && made + 1 >= most) {
                let what = "captures";
                return Err(PayError::TooMany { what, most });
            }
            change.apply(Event::CaptureAsked { amount, last })
        };
        let app = caller.app_id();
        let payment = self.ask_for(app, id, asking, capture).await?;
        Ok(payment.shown_to(caller))
    }

    /// Raises what is held to a new total; declined, the hold is as it was.
    ///
    /// # Errors
    ///
    /// `forbidden`, `not_found`, [`PayError::UnexpectedState`] unless money is held of which nothing
    /// was captured, `invalid_field` for a total that is not more than is held,
    /// [`PayError::Unsupported`], [`PayError::Uncounted`], [`PayError::TooMany`],
    /// [`PayError::BackendMissing`], `idempotency_conflict`, the store's errors.
    pub async fn increase(
        &self,
        caller: &Caller,
        request: IncreaseIntent,
        key: &IdempotencyKey,
    ) -> Result<PaymentIntent, PayError> {
        caller.require(&PAY_MANAGE)?;
        let IncreaseIntent { intent: id, amount } = request;
        let asking = Asking::by_call(caller, "pay.increase", id, key, &request)?;
        let increase = move |change: &mut Change| {
            change.catch_up()?;
            change.payment().allow(IntentEvent::Increase)?;
            let can = change.routing().can_now(change.payment())?;
            check_increase(can, amount)?;
            let made = change.payment().live().map_or(0, |it| it.increases.len());
            let most = can.increases_max.min(INCREASES_MAX);
            if made >= most as usize {
                let what = "increases";
                return Err(PayError::TooMany { what, most });
            }
            change.apply(Event::IncreaseAsked { total: amount })
        };
        let app = caller.app_id();
        let payment = self.ask_for(app, id, asking, increase).await?;
        Ok(payment.shown_to(caller))
    }
}

fn check_increase(can: Capabilities, total: mp_core::amount::Money) -> Result<(), PayError> {
    if can.increases_max == 0 {
        return Err(PayError::Unsupported("incremental authorisation"));
    }
    if total.minor() > mp_core::amount::JSON_INTEGER_MAX {
        return Err(mp_core::Error::invalid("amount", "is too large").into());
    }
    can.minor_units.to_wire(total)?;
    Ok(())
}

fn captures(attempt: &Attempt) -> u32 {
    u32::try_from(attempt.captures.len()).unwrap_or(u32::MAX)
}
