//! Intents and refunds as Stripe shows them.

use mp_core::{amount::Money, id::ParseIdError};
use serde_json::{Value, json};

use super::{
    super::name::{self, ChargeId},
    GUEST,
    refusal::card_error,
};
use crate::{
    backend::{MinorUnits, MinorUnitsError, NextAction},
    intent::{CaptureMethod, IntentId, IntentStatus, PaymentIntent},
    refund::{Refund, RefundId},
};

/// The letters of an id after its prefix.
const ID_LENGTH: usize = 26;

pub(super) fn intent(intent: &PaymentIntent) -> Result<Value, MinorUnitsError> {
    let capture_method = match intent.capture_method {
        CaptureMethod::Automatic => "automatic",
        CaptureMethod::Manual => "manual",
    };
    let customer = Some(intent.owner.as_str()).filter(|owner| *owner != GUEST);
    let canceled = intent.status == IntentStatus::Canceled;
    let last_error = intent.last_error.as_ref().filter(|_| has_failed(intent));
    Ok(json!({
        "id": intent.id.to_string(),
        "object": "payment_intent",
        "amount": wire(intent.amount)?,
        "amount_capturable": wire(intent.amount_capturable)?,
        "amount_received": wire(intent.amount_received)?,
        "canceled_at": canceled.then(|| intent.changed_at.as_millis() / 1_000),
        "cancellation_reason": intent.cancellation_reason,
        "capture_method": capture_method,
        "client_secret": format!("{}_secret_sandbox", intent.id),
        "confirmation_method": "automatic",
        "created": intent.created_at.as_millis() / 1_000,
        "currency": currency(intent.amount),
        "customer": customer,
        "description": intent.description,
        "last_payment_error": last_error.map(card_error),
        "latest_charge": (intent.attempts > 0).then(|| name::of_charge(intent.id)),
        "livemode": false,
        "metadata": {},
        "next_action": intent.next_action.as_ref().and_then(next_action),
        "payment_method": intent.payment_method,
        "payment_method_types": ["card"],
        "status": intent.status.to_string(),
    }))
}

/// Returns whether the last thing that happened to an intent is that it was declined.
pub(super) const fn has_failed(intent: &PaymentIntent) -> bool {
    use IntentStatus::{Canceled, RequiresPaymentMethod};
    intent.last_error.is_some() && matches!(intent.status, RequiresPaymentMethod | Canceled)
}

pub(super) fn refund(intent: IntentId, refund: &Refund) -> Result<Value, MinorUnitsError> {
    Ok(json!({
        "id": name::of_refund(intent, refund.id),
        "object": "refund",
        "amount": wire(refund.amount)?,
        "charge": name::of_charge(intent),
        "created": refund.created_at.as_millis() / 1_000,
        "currency": currency(refund.amount),
        "metadata": {},
        "payment_intent": intent.to_string(),
        "reason": refund.reason,
        "status": refund.status(),
    }))
}

/// Reads the id of a refund, which has both ours and its intent's in it: ours alone does not say
/// where to look.
pub(super) fn parse_refund_id(text: &str) -> Option<(IntentId, RefundId)> {
    let letters = text.strip_prefix("re_")?;
    let (intent, refund) = letters.split_at_checked(ID_LENGTH)?;
    let intent = format!("{}_{intent}", IntentId::PREFIX).parse().ok()?;
    let refund = format!("{}_{refund}", RefundId::PREFIX).parse().ok()?;
    Some((intent, refund))
}

pub(super) fn parse_charge_id(text: &str) -> Result<IntentId, ParseIdError> {
    let charge: ChargeId = text.parse()?;
    Ok(IntentId::from_bytes(charge.to_bytes()))
}

/// Shows what Stripe has a word for; a payer who has to do anything else is shown nothing.
fn next_action(action: &NextAction) -> Option<Value> {
    match action {
        NextAction::Redirect { url } => Some(json!({
            "type": "redirect_to_url",
            "redirect_to_url": {"url": url, "return_url": null},
        })),
        NextAction::ClientSdk { payload } => Some(json!({
            "type": "use_stripe_sdk",
            "use_stripe_sdk": payload,
        })),
        _ => None,
    }
}

fn wire(amount: Money) -> Result<i64, MinorUnitsError> {
    MinorUnits::STRIPE.to_wire(amount)
}

fn currency(amount: Money) -> String {
    amount.currency().code().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_refund_reads_back_and_nothing_else_does() {
        let intent = IntentId::derived(&["a"]);
        let refund = RefundId::derived(&["b"]);
        let text = name::of_refund(intent, refund);
        assert_eq!(parse_refund_id(&text), Some((intent, refund)));
        for other in [
            "",
            "re_",
            "re_é",
            &text[1..],
            &text[..54],
            &format!("{text}0"),
        ] {
            assert_eq!(parse_refund_id(other), None, "{other}");
        }
    }

    #[test]
    fn the_id_of_a_charge_reads_back() {
        let intent = IntentId::derived(&["a"]);
        assert_eq!(parse_charge_id(&name::of_charge(intent)), Ok(intent));
        assert!(parse_charge_id(&intent.to_string()).is_err());
    }
}
