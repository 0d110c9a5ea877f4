//! What the sandbox tells by itself: events in Stripe's form, for a webhook endpoint.

use mp_core::{
    Command, Decision, Edits, Error, Family, Timestamp,
    amount::Money,
    id::{AppId, IdempotencyKey},
};
use serde_json::{Value, json};

use super::{
    PAGES, SandboxBackend,
    book::{Account, Asked, Page},
    name,
};
use crate::{
    backend::{MinorUnits, NextAction, Outcome},
    dispute::DisputeStatus,
    intent::IntentId,
    operation::{OperationKey, Step},
    webhook::stripe::{OPERATION_METADATA, StripeSecret},
};

mp_core::id_type!(
    /// Names an event: the same operation that stands the same has the same event.
    pub(super) EventId, "evt"
);

/// An event in [Stripe's form](https://docs.stripe.com/api/events), to be sent as a webhook.
///
/// What [`StripeWebhooks`](crate::webhook::stripe::StripeWebhooks) reads of it is what the sandbox
/// has answered, or would have, but for what a payer has to do: of that, only that they have to act.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SandboxEvent {
    /// The event's name.
    pub id: String,
    /// The body, the same each time that it is sent.
    pub body: String,
}

impl SandboxEvent {
    fn new(about: &str, kind: &str, at: Timestamp, object: &Value) -> Self {
        let id = EventId::derived(&[about, kind, &object.to_string()]).to_string();
        let event = json!({
            "id": id,
            "object": "event",
            "created": at.as_millis() / 1_000,
            "data": {"object": object},
            "livemode": false,
            "type": kind,
        });
        let body = event.to_string();
        Self { id, body }
    }

    /// Tells that a payer's bank disputes a payment. The sandbox's books know no banks: the money
    /// in them stays where it is.
    ///
    /// # Errors
    ///
    /// `invalid_field` for an amount that Stripe does not count, or a status that it has no word
    /// for.
    pub fn dispute(
        name: &IdempotencyKey,
        intent: IntentId,
        amount: Money,
        status: DisputeStatus,
        at: Timestamp,
    ) -> Result<Self, Error> {
        let (kind, status) = match status {
            DisputeStatus::Inquiry => ("created", "warning_needs_response"),
            DisputeStatus::NeedsResponse => ("created", "needs_response"),
            DisputeStatus::UnderReview => ("updated", "under_review"),
            DisputeStatus::Won => ("closed", "won"),
            DisputeStatus::Lost => ("closed", "lost"),
            DisputeStatus::Unrecognized => {
                return Err(Error::invalid("status", "has no word at Stripe"));
            }
        };
        let (minor, currency) = wire(amount)?;
        let object = json!({
            "id": name,
            "object": "dispute",
            "amount": minor,
            "currency": currency,
            "metadata": {},
            "payment_intent": intent,
            "reason": "general",
            "status": status,
        });
        let kind = format!("charge.dispute.{kind}");
        Ok(Self::new(name.as_str(), &kind, at, &object))
    }

    /// Returns the `Stripe-Signature` that it is sent with at this time.
    #[must_use]
    pub fn sign(&self, secret: &StripeSecret, at: Timestamp) -> String {
        secret.sign(self.body.as_bytes(), at)
    }
}

impl SandboxBackend {
    /// Returns what there is to tell of every operation of an app as it stands now, in the order of
    /// their keys. What was told before comes again, under the same id; what has become due
    /// meanwhile is done first.
    ///
    /// # Errors
    ///
    /// The store's errors, `invalid_field` for an amount that Stripe does not count.
    pub async fn events(&self, app: &AppId) -> Result<Vec<SandboxEvent>, Error> {
        let mut told = Vec::new();
        for page in 0..PAGES {
            let command = Command::on(self.page(app, page)?).prefix("o/").prefix("c/");
            told.extend(self.engine.run(command, ripen_all).await?.answer);
        }
        told.sort_by_key(|(key, _)| *key);
        let told = told.iter().map(|(key, asked)| of(*key, asked));
        let told: Vec<_> = told.collect::<Result<_, _>>()?;
        Ok(told.into_iter().flatten().collect())
    }
}

/// Does what has become due on a page, and returns what stands there.
fn ripen_all(
    family: &Family,
    now: Timestamp,
) -> Result<Decision<Vec<(OperationKey, Asked)>>, Error> {
    let (mut all, mut edits) = (Vec::new(), Edits::new());
    for (path, asked) in family.scan::<Asked>("o/")? {
        let key: OperationKey = path.as_str().trim_start_matches("o/").parse()?;
        let mut asked = Asked::clone(&asked);
        let account = format!("c/{}", asked.charge);
        let mut charge = family
            .get::<Account>(&account)?
            .map(|it| Account::clone(&it));
        if asked.ripen(key, &mut charge, now) {
            edits.put(path.as_str(), asked.clone());
            if let Some(charge) = charge {
                edits.put(&account, charge);
            }
        }
        all.push((key, asked));
    }
    if !edits.is_empty() {
        let calls = family.root::<Page>()?.map_or(0, |page| page.calls);
        edits.put_root(Page { calls });
    }
    Ok(edits.answer(all))
}

/// Returns the event that tells how an operation stands, if Stripe has one.
fn of(key: OperationKey, asked: &Asked) -> Result<Option<SandboxEvent>, Error> {
    let Some(outcome) = &asked.outcome else {
        return Ok(None);
    };
    let moved = asked.movements.last();
    let at = moved.map_or(asked.first_at, |moved| moved.at);
    let told = match key.step {
        Step::Charge(_) | Step::Increase(..) | Step::Void(..) => intent(key, outcome)?,
        Step::Capture(..) => captured(key, outcome),
        Step::Refund(_) | Step::Return(..) => refund(key, asked, outcome)?,
    };
    let about = key.to_string();
    Ok(told.map(|(kind, object)| SandboxEvent::new(&about, kind, at, &object)))
}

type Told = Option<(&'static str, Value)>;

fn intent(key: OperationKey, outcome: &Outcome) -> Result<Told, Error> {
    let charge = matches!(key.step, Step::Charge(_));
    let named = outcome.reference().filter(|_| charge);
    let id = named.map_or_else(|| key.intent.to_string(), ToString::to_string);
    let mut object = json!({
        "id": id,
        "object": "payment_intent",
        "metadata": metadata(key),
    });
    let kind = match outcome {
        Outcome::Settled { reference, .. } if !charge => {
            object["latest_charge"] = json!(reference);
            "payment_intent.canceled"
        }
        Outcome::Settled { .. } => {
            put_money(&mut object, "amount_received", outcome)?;
            object["latest_charge"] = json!(name::of_charge(key.intent));
            "payment_intent.succeeded"
        }
        Outcome::Authorized { reference, .. } => {
            put_money(&mut object, "amount_capturable", outcome)?;
            object["latest_charge"] = match charge {
                true => json!(name::of_charge(key.intent)),
                false => json!(reference),
            };
            "payment_intent.amount_capturable_updated"
        }
        Outcome::Accepted { .. } if charge => "payment_intent.processing",
        Outcome::NeedsAction { action, .. } => {
            object["next_action"] = shown(action);
            "payment_intent.requires_action"
        }
        Outcome::Declined { code } if charge && code.as_str() == "canceled" => {
            "payment_intent.canceled"
        }
        Outcome::Declined { code } if charge => {
            object["last_payment_error"] = json!({"code": code});
            "payment_intent.payment_failed"
        }
        Outcome::Accepted { .. } | Outcome::Declined { .. } | Outcome::Unknown => return Ok(None),
    };
    Ok(Some((kind, object)))
}

fn captured(key: OperationKey, outcome: &Outcome) -> Told {
    let Outcome::Settled { reference, .. } = outcome else {
        return None;
    };
    let object = json!({
        "id": reference,
        "object": "charge",
        "payment_intent": key.intent,
        "metadata": metadata(key),
    });
    Some(("charge.captured", object))
}

fn refund(key: OperationKey, asked: &Asked, outcome: &Outcome) -> Result<Told, Error> {
    let mut object = json!({
        "id": outcome.reference().cloned().or_else(|| name::of(key, 0)),
        "object": "refund",
        "payment_intent": key.intent,
        "metadata": metadata(key),
    });
    let given = |amount: Money| Money::new(amount.minor().abs(), amount.currency());
    let moved = asked.movements.first().map(|moved| given(moved.amount));
    let told = outcome
        .amount()
        .or(moved)
        .or_else(|| asked.under_way_amount());
    if let Some((minor, currency)) = told.map(wire).transpose()? {
        object["amount"] = json!(minor);
        object["currency"] = json!(currency);
    }
    let (kind, status) = match outcome {
        Outcome::Settled { .. } => ("refund.updated", "succeeded"),
        Outcome::Accepted { .. } => ("refund.created", "pending"),
        Outcome::Declined { code } => {
            object["failure_reason"] = json!(code);
            ("refund.failed", "failed")
        }
        _ => return Ok(None),
    };
    object["status"] = json!(status);
    Ok(Some((kind, object)))
}

fn metadata(key: OperationKey) -> Value {
    json!({OPERATION_METADATA: key})
}

fn put_money(object: &mut Value, field: &str, outcome: &Outcome) -> Result<(), Error> {
    if let Some(amount) = outcome.amount() {
        let (minor, currency) = wire(amount)?;
        object["amount"] = json!(minor);
        object[field] = json!(minor);
        object["currency"] = json!(currency);
    }
    Ok(())
}

fn wire(amount: Money) -> Result<(i64, String), Error> {
    let minor = MinorUnits::STRIPE
        .to_wire(amount)
        .map_err(|error| Error::invalid("amount", "is not counted at Stripe").with_source(error))?;
    Ok((minor, amount.currency().code().to_ascii_lowercase()))
}

fn shown(action: &NextAction) -> Value {
    match action {
        NextAction::Redirect { url } => json!({
            "type": "redirect_to_url",
            "redirect_to_url": {"url": url},
        }),
        action => json!({"type": "use_stripe_sdk", "use_stripe_sdk": action}),
    }
}
