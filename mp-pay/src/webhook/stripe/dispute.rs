//! What Stripe's events tell of [disputes](https://docs.stripe.com/api/disputes/object).

use mp_core::{Error, ErrorKind};
use serde::Deserialize;
use serde_json::Value;

use super::{
    OPERATION_METADATA,
    event::{amount, operation, parse},
};
use crate::{
    backend::{DeclineCode, Reference},
    dispute::DisputeStatus,
    intent::IntentId,
    operation::OperationKey,
    payments::DisputeNotice,
    webhook::Observation,
};

#[derive(Deserialize)]
struct Dispute {
    id: Reference,
    amount: i64,
    currency: String,
    status: String,
    #[serde(default)]
    reason: Option<DeclineCode>,
    /// An id, or the object itself where somebody has asked for it; `null` for a charge without one.
    #[serde(default)]
    payment_intent: Value,
    #[serde(default)]
    charge: Value,
}

pub(super) fn read(object: Value) -> Result<Observation, Error> {
    let told = operation(&object)?;
    let dispute: Dispute = parse(object)?;
    let status = dispute_status(&dispute.status);
    let (intent, attempt) = match told {
        Some(operation) => told_by(operation),
        None => dispute.is_about()?,
    };
    Ok(Observation::Dispute(DisputeNotice {
        intent,
        attempt,
        amount: amount(dispute.amount, &dispute.currency)?,
        status: status.ok_or_else(|| Error::invalid("status", "is none of a dispute's"))?,
        reference: dispute.id,
        reason: dispute.reason,
    }))
}

impl Dispute {
    /// Returns whose payment is disputed and which attempt's, by what the dispute itself does not say in
    /// its metadata.
    fn is_about(&self) -> Result<(IntentId, Option<u32>), Error> {
        for of in [&self.payment_intent, &self.charge] {
            if let Some(operation) = operation(of)? {
                return Ok(told_by(operation));
            }
        }
        let ours = self.payment_intent.as_str().and_then(|id| id.parse().ok());
        let ours = ours.ok_or_else(|| self.is_of_unknown())?;
        Ok((ours, None))
    }

    /// The error of a dispute that names nothing of ours, with the names that it has at Stripe: it is
    /// put before a person at once, since no repetition tells more.
    fn is_of_unknown(&self) -> Error {
        let id = &self.id;
        let [charge, intent] = [&self.charge, &self.payment_intent].map(id_of);
        let message = format!(
            "the dispute {id} of the charge {charge}, payment intent {intent}, has no key of ours: \
             tell {OPERATION_METADATA} in its metadata, or observe it by hand"
        );
        Error::new(ErrorKind::Invalid, "unknown_payment", message)
    }
}

/// Returns the payment and the attempt that a key names; a refund's names no attempt.
const fn told_by(operation: OperationKey) -> (IntentId, Option<u32>) {
    (operation.intent, operation.step.attempt())
}

/// Returns what Stripe calls an object that stands there by its id or as a whole.
fn id_of(object: &Value) -> String {
    let id = object.as_str().or_else(|| object.get("id")?.as_str());
    let named = id.and_then(|id| Reference::new(id).ok());
    named.map_or_else(|| "(none)".to_owned(), |id| id.to_string())
}

/// Returns how far a dispute has come. An inquiry that was closed has taken nothing, and neither has
/// a dispute that was prevented.
fn dispute_status(status: &str) -> Option<DisputeStatus> {
    Some(match status {
        "warning_needs_response" | "warning_under_review" => DisputeStatus::Inquiry,
        "needs_response" => DisputeStatus::NeedsResponse,
        "under_review" => DisputeStatus::UnderReview,
        "won" | "warning_closed" | "prevented" => DisputeStatus::Won,
        "lost" => DisputeStatus::Lost,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use mp_core::amount::{Currency, Money};
    use serde_json::json;

    use super::*;
    use crate::operation::Step;

    fn ours() -> IntentId {
        IntentId::derived(&["a"])
    }

    fn key() -> String {
        let (intent, step) = (ours(), Step::Charge(2));
        OperationKey { intent, step }.to_string()
    }

    /// A dispute as [Stripe's documentation](https://docs.stripe.com/api/disputes/object) has it,
    /// without its evidence.
    fn as_stripe_sends() -> Value {
        json!({
            "id": "du_1MtJUT2eZvKYlo2CNaw2HvEv",
            "object": "dispute",
            "amount": 250,
            "balance_transactions": [],
            "charge": "ch_1AZtxr2eZvKYlo2CJDX8whov",
            "created": 1_680_651_737,
            "currency": "eur",
            "is_charge_refundable": true,
            "livemode": false,
            "metadata": {},
            "payment_intent": null,
            "reason": "general",
            "status": "needs_response",
        })
    }

    fn notice(object: Value) -> DisputeNotice {
        match read(object).expect("reads") {
            Observation::Dispute(notice) => notice,
            Observation::Operation(_) => panic!("it is about a dispute"),
        }
    }

    #[test]
    fn a_dispute_as_stripe_sends_it_is_put_before_a_person_with_stripes_names() {
        for (intent, named) in [
            (json!(null), "payment intent (none)"),
            (
                json!("pi_3MtwBwLkdIwHu7ix28a3tqPa"),
                "pi_3MtwBwLkdIwHu7ix28a3tqPa",
            ),
            (
                json!({"id": "pi_3Mtw", "metadata": {"order": "17"}}),
                "pi_3Mtw",
            ),
        ] {
            let mut object = as_stripe_sends();
            object["payment_intent"] = intent;
            let error = read(object).expect_err("nobody can tell whose it is");
            assert_eq!(
                (error.kind(), error.code()),
                (ErrorKind::Invalid, "unknown_payment")
            );
            let text = error.to_string();
            for name in [
                "du_1MtJUT2eZvKYlo2CNaw2HvEv",
                "ch_1AZtxr2eZvKYlo2CJDX8whov",
                named,
            ] {
                assert!(text.contains(name), "{text}");
            }
        }
    }

    #[test]
    fn a_dispute_is_of_the_payment_that_its_metadata_names() {
        let named = |place: fn(&mut Value) -> &mut Value| {
            let mut object = as_stripe_sends();
            *place(&mut object) = json!({"metadata": {OPERATION_METADATA: key()}});
            object
        };
        let mut own = as_stripe_sends();
        own["payment_intent"] = json!("pi_3MtwBwLkdIwHu7ix28a3tqPa");
        own["metadata"][OPERATION_METADATA] = json!(key());
        let expanded = [
            named(|object| &mut object["charge"]),
            named(|object| &mut object["payment_intent"]),
        ];
        for object in expanded.into_iter().chain([own]) {
            let told = notice(object);
            let amount = Money::new(250, Currency::EUR);
            assert_eq!((told.intent, told.amount), (ours(), amount));
            assert_eq!(told.attempt, Some(2), "of its attempt, as its key says");
            assert_eq!(told.reference.as_str(), "du_1MtJUT2eZvKYlo2CNaw2HvEv");
        }
        let mut odd = as_stripe_sends();
        odd["metadata"][OPERATION_METADATA] = json!("c1");
        assert!(read(odd).is_err(), "a key that is none is not passed over");
    }

    #[test]
    fn a_dispute_is_told_by_its_status() {
        for (status, expected) in [
            ("warning_needs_response", DisputeStatus::Inquiry),
            ("warning_under_review", DisputeStatus::Inquiry),
            ("warning_closed", DisputeStatus::Won),
            ("needs_response", DisputeStatus::NeedsResponse),
            ("under_review", DisputeStatus::UnderReview),
            ("won", DisputeStatus::Won),
            ("prevented", DisputeStatus::Won),
            ("lost", DisputeStatus::Lost),
        ] {
            // The sandbox calls the payment intent as we do.
            let mut object = as_stripe_sends();
            object["payment_intent"] = json!(ours());
            object["status"] = json!(status);
            let told = notice(object);
            assert_eq!((told.intent, told.status), (ours(), expected), "{status}");
            assert_eq!(told.attempt, None, "the intent's name tells no attempt");
        }
        let mut odd = as_stripe_sends();
        odd["payment_intent"] = json!(ours());
        odd["status"] = json!("mediated");
        assert!(read(odd).is_err());
    }
}
