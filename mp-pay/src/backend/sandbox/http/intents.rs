//! `/v1/payment_intents`.

use axum::{extract::State, response::Response};
use mp_core::amount::Currency;

use super::{
    GUEST,
    answer::Answer,
    form::{Form, required},
    gateway::Gateway,
    object,
    refusal::Refusal,
    request::{Get, Id, Post},
};
use crate::{
    backend::MinorUnits,
    intent::{CancellationReason, CaptureMethod, IntentId},
    method::PaymentMethodToken,
    payments::{CancelIntent, ConfirmIntent, CreateIntent},
};

/// The largest amount, in minor units: eight digits, as at Stripe.
pub const AMOUNT_MAX: i64 = 99_999_999;

/// What most programs send along and what changes nothing here.
const PASSED_OVER: [&str; 3] = [
    "automatic_payment_methods",
    "payment_method_types",
    "return_url",
];

pub(super) async fn create(
    State(gateway): State<Gateway>,
    Post { mut form, once }: Post,
) -> Result<Response, Refusal> {
    let order = read_order(&mut form)?;
    let confirm = form.flag("confirm")?.unwrap_or(false);
    if confirm {
        required("payment_method", order.payment_method.as_ref())?;
    }
    finish(form)?;
    let key = once.key.clone();
    once.run(&gateway, gateway.create(order, confirm, key))
        .await
}

pub(super) async fn retrieve(
    State(gateway): State<Gateway>,
    Id(id): Id,
    _: Get,
) -> Result<Answer, Refusal> {
    let intent = gateway.intent(intent_id(&id)?).await?;
    Ok(Answer::ok(object::intent(&intent)?))
}

pub(super) async fn confirm(
    State(gateway): State<Gateway>,
    Id(id): Id,
    Post { mut form, once }: Post,
) -> Result<Response, Refusal> {
    let request = ConfirmIntent {
        payment_method: payment_method(&mut form)?,
        ..ConfirmIntent::of(intent_id(&id)?)
    };
    finish(form)?;
    let key = once.key.clone();
    once.run(&gateway, gateway.confirm(request, key)).await
}

pub(super) async fn capture(
    State(gateway): State<Gateway>,
    Id(id): Id,
    Post { mut form, once }: Post,
) -> Result<Response, Refusal> {
    let id = intent_id(&id)?;
    let amount = form.amount("amount_to_capture")?;
    let last = form.flag("final_capture")?.unwrap_or(true);
    finish(form)?;
    let key = once.key.clone();
    once.run(&gateway, gateway.capture(id, amount, last, key))
        .await
}

pub(super) async fn cancel(
    State(gateway): State<Gateway>,
    Id(id): Id,
    Post { mut form, once }: Post,
) -> Result<Response, Refusal> {
    let mut request = CancelIntent::of(intent_id(&id)?);
    if let Some(reason) = form.read("cancellation_reason", cancellation_reason)? {
        request = request.because(reason);
    }
    finish(form)?;
    let key = once.key.clone();
    once.run(&gateway, gateway.cancel(request, key)).await
}

pub(super) async fn increment(
    State(gateway): State<Gateway>,
    Id(id): Id,
    Post { mut form, once }: Post,
) -> Result<Response, Refusal> {
    let id = intent_id(&id)?;
    let amount = required("amount", form.amount("amount")?)?;
    finish(form)?;
    let key = once.key.clone();
    once.run(&gateway, gateway.increment(id, amount, key)).await
}

pub(super) fn intent_id(text: &str) -> Result<IntentId, Refusal> {
    let id = text.parse();
    id.map_err(|_| Refusal::missing("payment_intent", "intent"))
}

fn read_order(form: &mut Form) -> Result<CreateIntent, Refusal> {
    let amount = required("amount", form.amount("amount")?)?;
    if amount > AMOUNT_MAX {
        let refusal = Refusal::invalid("Amount must be no more than 99999999.");
        return Err(refusal.code("amount_too_large").param("amount"));
    }
    let currency = required("currency", form.read("currency", currency)?)?;
    let amount = MinorUnits::STRIPE.from_wire(amount, currency)?;
    let payer = form.read("customer", |text| text.parse().ok())?;
    let guest = || GUEST.parse().ok();
    Ok(CreateIntent {
        capture_method: form
            .read("capture_method", capture_method)?
            .unwrap_or_default(),
        payment_method: payment_method(form)?,
        payer: payer.or_else(guest),
        description: form.read("description", |text| text.parse().ok())?,
        ..CreateIntent::of(amount)
    })
}

fn payment_method(form: &mut Form) -> Result<Option<PaymentMethodToken>, Refusal> {
    form.read("payment_method", |text| PaymentMethodToken::new(text).ok())
}

fn currency(text: &str) -> Option<Currency> {
    text.to_ascii_uppercase().parse().ok()
}

fn capture_method(text: &str) -> Option<CaptureMethod> {
    match text {
        "automatic" | "automatic_async" => Some(CaptureMethod::Automatic),
        "manual" => Some(CaptureMethod::Manual),
        _ => None,
    }
}

fn cancellation_reason(text: &str) -> Option<CancellationReason> {
    match text {
        "duplicate" => Some(CancellationReason::Duplicate),
        "fraudulent" => Some(CancellationReason::Fraudulent),
        "requested_by_customer" => Some(CancellationReason::RequestedByCustomer),
        "abandoned" => Some(CancellationReason::Abandoned),
        _ => None,
    }
}

fn finish(mut form: Form) -> Result<(), Refusal> {
    for name in PASSED_OVER {
        form.pass_over(name);
    }
    form.finish()
}
