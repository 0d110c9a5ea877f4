//! `/v1/refunds`.

use axum::{extract::State, response::Response};
use mp_core::{ErrorKind, id::IdempotencyKey};
use serde_json::Value;

use super::{
    Gateway,
    answer::Answer,
    form::Form,
    intents::intent_id,
    object,
    refusal::Refusal,
    request::{Get, Id, Post},
};
use crate::{error::PayError, intent::IntentId, payments::RefundIntent, refund::RefundReason};

pub(super) async fn create(
    State(gateway): State<Gateway>,
    Post { mut form, once }: Post,
) -> Result<Response, Refusal> {
    let id = refunded(&mut form)?;
    let amount = form.amount("amount")?;
    let reason = form.read("reason", refund_reason)?;
    form.finish()?;
    let key = once.key.clone();
    once.run(&gateway, gateway.refund(id, amount, reason, key))
        .await
}

pub(super) async fn retrieve(
    State(gateway): State<Gateway>,
    Id(id): Id,
    _: Get,
) -> Result<Answer, Refusal> {
    let missing = || Refusal::missing("refund", "id");
    let (intent, id) = object::parse_refund_id(&id).ok_or_else(missing)?;
    let refunds = gateway.payments.refunds(&gateway.caller, intent).await;
    let refunds = refunds.map_err(|error| match Refusal::from(error) {
        refusal if refusal.is_missing() => missing(),
        refusal => refusal,
    })?;
    let refund = refunds.iter().find(|refund| refund.id == id);
    let refund = refund.ok_or_else(missing)?;
    Ok(Answer::ok(object::refund(intent, refund)?))
}

impl Gateway {
    async fn refund(
        &self,
        id: IntentId,
        amount: Option<i64>,
        reason: Option<RefundReason>,
        key: IdempotencyKey,
    ) -> Result<Value, Refusal> {
        let amount = self.of_intent(id, amount).await?;
        let request = RefundIntent {
            amount,
            reason,
            ..RefundIntent::of(id)
        };
        let refunded = self.payments.refund(&self.caller, request, &key).await;
        let is_too_much = refunded.as_ref().is_err_and(is_too_much);
        match self.told(id, refunded).await {
            Ok(refund) => Ok(object::refund(id, &refund)?),
            Err(refusal) if is_too_much => Err(self.named(id, refusal).await),
            Err(refusal) => Err(refusal),
        }
    }

    /// Says of a refund that was refused for its amount if it was because nothing is left.
    async fn named(&self, id: IntentId, refusal: Refusal) -> Refusal {
        match self.intent(id).await {
            Ok(intent)
                if intent.amount_received.is_positive() && intent.amount_refundable().is_zero() =>
            {
                let message = "The charge has already been refunded.";
                Refusal::invalid(message).code("charge_already_refunded")
            }
            _ => refusal,
        }
    }
}

/// Returns whether a refund was refused for its amount, as each is of which nothing is left. One that
/// broke off has perhaps taken what was left itself.
fn is_too_much(error: &PayError) -> bool {
    match error {
        PayError::AmountTooLarge { .. } | PayError::Unsupported(_) => true,
        PayError::Core(error) => {
            error.kind() == ErrorKind::Invalid && error.field() == Some("amount")
        }
        _ => false,
    }
}

/// Reads what is to be refunded: an intent, or its charge.
fn refunded(form: &mut Form) -> Result<IntentId, Refusal> {
    match (form.text("payment_intent")?, form.text("charge")?) {
        (Some(intent), None) => intent_id(&intent),
        (None, Some(charge)) => {
            let id = object::parse_charge_id(&charge);
            id.map_err(|_| Refusal::missing("charge", "charge"))
        }
        _ => {
            let message = "One of the following params should be provided for this request: \
                           payment_intent or charge.";
            Err(Refusal::invalid(message).code("parameter_missing"))
        }
    }
}

fn refund_reason(text: &str) -> Option<RefundReason> {
    match text {
        "duplicate" => Some(RefundReason::Duplicate),
        "fraudulent" => Some(RefundReason::Fraudulent),
        "requested_by_customer" => Some(RefundReason::RequestedByCustomer),
        _ => None,
    }
}
