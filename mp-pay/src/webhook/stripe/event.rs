//! What Stripe's events tell of operations.

use mp_core::{
    Error,
    amount::{Currency, Money},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::dispute;
use crate::{
    backend::{DeclineCode, MinorUnits, NextAction, Outcome, Reference},
    operation::{OperationKey, Step},
    payments::Notice,
    webhook::Observation,
};

/// The name under which an object's metadata has the key of the operation that it is about. Who
/// creates a payment intent, captures it or refunds it at Stripe, puts it there.
pub const OPERATION_METADATA: &str = "mp_operation";

/// Reads an event; `None` if it tells nothing that is of use here.
pub(super) fn read(body: &[u8]) -> Result<Option<Observation>, Error> {
    let event: Event = serde_json::from_slice(body).map_err(|error| {
        let problem = "is not an event in Stripe's form";
        Error::invalid("body", problem).with_source(error)
    })?;
    let object = event.data.object;
    let kind = event.kind.as_str();
    if kind.starts_with("charge.dispute.") {
        return dispute::read(object).map(Some);
    }
    let Some(told) = Told::of(kind) else {
        return Ok(None);
    };
    let Some(operation) = operation(&object)? else {
        return Ok(None);
    };
    let outcome = match told {
        Told::Refund => Some(refund(parse(object)?)?),
        Told::Captured => captured(parse(object)?, operation.step),
        told => intent(told, parse(object)?, operation.step)?,
    };
    Ok(outcome.map(|outcome| Observation::Operation(Notice { operation, outcome })))
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    object: Value,
}

/// What an event tells of its object.
#[derive(Clone, Copy)]
enum Told {
    Succeeded,
    Authorized,
    Processing,
    RequiresAction,
    Failed,
    Canceled,
    Captured,
    Refund,
}

impl Told {
    fn of(kind: &str) -> Option<Self> {
        Some(match kind {
            "payment_intent.succeeded" => Self::Succeeded,
            "payment_intent.amount_capturable_updated" => Self::Authorized,
            "payment_intent.processing" => Self::Processing,
            "payment_intent.requires_action" => Self::RequiresAction,
            "payment_intent.payment_failed" => Self::Failed,
            "payment_intent.canceled" => Self::Canceled,
            "charge.captured" => Self::Captured,
            "refund.created" | "refund.updated" | "refund.failed" => Self::Refund,
            _ => return None,
        })
    }
}

/// Returns the key in the metadata; `None` if the object is none of ours.
pub(super) fn operation(object: &Value) -> Result<Option<OperationKey>, Error> {
    match object
        .get("metadata")
        .and_then(|all| all.get(OPERATION_METADATA))
    {
        Some(Value::String(key)) => key.parse().map(Some),
        Some(_) => Err(Error::invalid("operation", "is not a text")),
        None => Ok(None),
    }
}

#[derive(Deserialize)]
struct Intent {
    id: Reference,
    #[serde(default)]
    currency: String,
    #[serde(default)]
    amount_capturable: i64,
    #[serde(default)]
    amount_received: i64,
    /// An id, or the object itself where somebody has asked for it.
    #[serde(default)]
    latest_charge: Option<Value>,
    #[serde(default)]
    last_payment_error: Option<Problem>,
}

#[derive(Deserialize)]
struct Problem {
    #[serde(default)]
    code: Option<DeclineCode>,
    #[serde(default)]
    decline_code: Option<DeclineCode>,
}

fn intent(told: Told, intent: Intent, step: Step) -> Result<Option<Outcome>, Error> {
    let money = |minor| amount(minor, &intent.currency);
    let charge = matches!(step, Step::Charge(_));
    Ok(match told {
        Told::Succeeded if charge => {
            let taken = money(intent.amount_received)?;
            Some(Outcome::settled(intent.id).with_amount(taken))
        }
        // What was received is of all captures; no event tells how much one of several took.
        Told::Succeeded if matches!(step, Step::Capture(..)) => {
            Some(Outcome::settled(intent.charge()))
        }
        Told::Authorized if charge || matches!(step, Step::Increase(..)) => {
            let held = money(
                intent
                    .amount_capturable
                    .saturating_add(intent.amount_received),
            )?;
            let name = if charge { intent.id } else { intent.charge() };
            Some(Outcome::authorized(name).with_amount(held))
        }
        Told::Processing if charge => Some(Outcome::accepted().with_reference(intent.id)),
        // That the payer has to act. What they have to do is the backend's to tell: it knows what its
        // own code on their device takes, and has declared what it asks for.
        Told::RequiresAction if charge => {
            let action = NextAction::AwaitNotification { until: None };
            Some(Outcome::needs_action(action).with_reference(intent.id))
        }
        Told::Failed if charge => Some(Outcome::declined(intent.code())),
        Told::Canceled if charge => Some(Outcome::declined(DeclineCode::of("canceled"))),
        Told::Canceled if matches!(step, Step::Void(..)) => Some(Outcome::settled(intent.charge())),
        _ => None,
    })
}

impl Intent {
    /// Returns the name of what was charged, by which its captures are told too. The charge of ours
    /// goes by the payment intent: that is there from the beginning, and is what is asked about,
    /// captured and canceled at Stripe.
    fn charge(&self) -> Reference {
        let charge = self.latest_charge.as_ref();
        let id = charge.and_then(|charge| charge.as_str().or_else(|| charge.get("id")?.as_str()));
        let named = id.and_then(|id| Reference::new(id).ok());
        named.unwrap_or_else(|| self.id.clone())
    }

    fn code(&self) -> DeclineCode {
        let problem = self.last_payment_error.as_ref();
        let code = problem.and_then(|it| it.decline_code.clone().or_else(|| it.code.clone()));
        code.unwrap_or_else(|| DeclineCode::of("card_declined"))
    }
}

#[derive(Deserialize)]
struct Named {
    id: Reference,
}

fn captured(charge: Named, step: Step) -> Option<Outcome> {
    let captures = matches!(step, Step::Capture(..));
    captures.then(|| Outcome::settled(charge.id))
}

#[derive(Deserialize)]
struct Refund {
    id: Reference,
    #[serde(default)]
    amount: i64,
    #[serde(default)]
    currency: String,
    status: String,
    #[serde(default)]
    failure_reason: Option<DeclineCode>,
}

fn refund(refund: Refund) -> Result<Outcome, Error> {
    let failed = |code| {
        refund
            .failure_reason
            .clone()
            .unwrap_or(DeclineCode::of(code))
    };
    Ok(match refund.status.as_str() {
        "succeeded" => {
            let given = amount(refund.amount, &refund.currency)?;
            Outcome::settled(refund.id).with_amount(given)
        }
        "pending" | "requires_action" => Outcome::accepted().with_reference(refund.id),
        "failed" => Outcome::declined(failed("refund_failed")),
        "canceled" => Outcome::declined(failed("canceled")),
        _ => return Err(Error::invalid("status", "is none of a refund's")),
    })
}

pub(super) fn amount(minor: i64, currency: &str) -> Result<Money, Error> {
    let currency: Currency = currency
        .to_ascii_uppercase()
        .parse()
        .map_err(|error| Error::invalid("currency", "is not one of ISO 4217").with_source(error))?;
    let read = MinorUnits::STRIPE.from_wire(minor, currency);
    read.map_err(|error| {
        Error::invalid("amount", "is not counted as Stripe does").with_source(error)
    })
}

pub(super) fn parse<T: DeserializeOwned>(object: Value) -> Result<T, Error> {
    serde_json::from_value(object).map_err(|error| {
        let problem = "is not what Stripe's events of this type are about";
        Error::invalid("object", problem).with_source(error)
    })
}

#[cfg(test)]
mod tests;
