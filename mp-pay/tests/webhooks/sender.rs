//! A provider that sends its webhooks, and an intake for them.

#![allow(dead_code, reason = "each test file uses some of it")]

use std::sync::Arc;

use mp_core::{
    Engine, Timestamp,
    id::{AppId, Name},
    work::{Worker, WorkerOptions},
};
use mp_pay::{
    Payments,
    backend::sandbox::SandboxEvent,
    webhook::{
        Accepted, RawWebhook, WebhookRefusal, WebhookSource, Webhooks,
        stripe::{SIGNATURE_HEADER, StripeSecret, StripeWebhooks},
    },
};

use super::support::{World, app};

pub(crate) fn secret() -> StripeSecret {
    StripeSecret::new("whsec_test_secret").expect("a secret")
}

pub(crate) fn source() -> Name {
    "stripe".parse().expect("a name")
}

/// Returns what verifies webhooks that were signed for the market.
pub(crate) fn adapter() -> Arc<dyn WebhookSource> {
    let stripe = StripeWebhooks::new().with_secret(app(), secret());
    Arc::new(stripe.expect("it is the first"))
}

pub(crate) fn intake(engine: &Engine, payments: &Payments) -> Webhooks {
    Webhooks::new(engine).with_source(source(), adapter(), payments)
}

/// Returns a worker for webhooks and, as in every host, for payments.
pub(crate) fn worker(world: &World, webhooks: &Webhooks) -> Worker {
    Worker::new(&world.engine, WorkerOptions::default())
        .with(webhooks.handlers())
        .with(world.payments.handlers())
}

/// Returns a body as it is sent to an app's endpoint, signed at this time.
pub(crate) fn signed(app: AppId, body: &str, at: Timestamp) -> RawWebhook {
    let header = secret().sign(body.as_bytes(), at);
    RawWebhook::new(app, source(), body).with_header(SIGNATURE_HEADER, header)
}

/// Sends an event, signed now.
pub(crate) async fn send(
    webhooks: &Webhooks,
    event: &SandboxEvent,
    now: Timestamp,
) -> Result<Accepted, WebhookRefusal> {
    webhooks.receive(&signed(app(), &event.body, now)).await
}
