//! The sandbox over HTTP, in Stripe's shape: official Stripe SDKs drive it.
//!
//! It is for the tests of programs that speak to Stripe, and checks ours against clients that we
//! did not write. Over [`Payments`] on a [`SandboxBackend`](super::SandboxBackend) it adds no state
//! but the answers that keys were given. It lets in anybody with any `sk_test_` key, all to the
//! same account: serve it on a loopback address, and never over a backend that moves real money.
//!
//! ```
//! use std::sync::Arc;
//! use mp_core::{Engine, clock::SystemClock, entropy::SystemEntropy, store::MemoryStore};
//! use mp_pay::{Payments, SandboxBackend, backend::sandbox::http};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let engine = Engine::new(Arc::new(MemoryStore::new()), Arc::new(SystemClock), Arc::new(SystemEntropy::new()));
//! let payments = Payments::new(&engine, Arc::new(SandboxBackend::new()));
//! let router: axum::Router = http::router(&payments, "market".parse()?);
//! // axum::serve(tokio::net::TcpListener::bind("127.0.0.1:0").await?, router).await?;
//! # let _ = router;
//! # Ok(()) }
//! ```
//!
//! # What is spoken
//!
//! | request | parameters |
//! |---|---|
//! | `POST /v1/payment_intents` | `amount` `currency` `capture_method` `confirm` `customer` `description` `payment_method` |
//! | `GET /v1/payment_intents/{id}` | |
//! | `POST /v1/payment_intents/{id}/confirm` | `payment_method` |
//! | `POST /v1/payment_intents/{id}/capture` | `amount_to_capture` `final_capture` |
//! | `POST /v1/payment_intents/{id}/cancel` | `cancellation_reason` |
//! | `POST /v1/payment_intents/{id}/increment_authorization` | `amount` |
//! | `POST /v1/refunds` | `payment_intent` or `charge`, `amount` `reason` |
//! | `GET /v1/refunds/{id}` | |
//!
//! - Bodies are form-encoded, at most [`BODY_MAX`]; amounts are counted as
//!   [`MinorUnits::STRIPE`](crate::backend::MinorUnits::STRIPE) does, up to [`AMOUNT_MAX`].
//! - What becomes of a charge is said by its payment method, with the names of Stripe's test cards:
//!   see [`Behaviour::of_token`](super::Behaviour::of_token).
//! - An `Idempotency-Key` that comes again with the same path and parameters is answered as the
//!   first time, declines too, with `Idempotent-Replayed: true`; with others it is an
//!   `idempotency_error`, and while the first request has no answer yet it is a `409`,
//!   `idempotency_key_in_use`. As at Stripe, a request that is malformed does not use up its key.
//! - [Errors](https://docs.stripe.com/api/errors) have Stripe's types and codes, and show the intent
//!   they are about.
//! - `automatic_payment_methods`, `payment_method_types` and `return_url` are passed over for
//!   intents: they change nothing here.
//!
//! # What is not
//!
//! - Every other parameter is refused as `parameter_unknown`, also where Stripe has it: nothing is
//!   ignored in silence. Among them are `metadata` and `expand`.
//! - Every other path is unknown: there are no lists, customers, cards or disputes.
//! - It sends no webhooks by itself: [`SandboxBackend::events`](super::SandboxBackend::events) are
//!   their bodies, under the same ids, and whoever plays the provider signs and sends them.
//! - An answer that is `api_error` is not kept: its repetition goes on from where it broke off. Once
//!   an answer [has lapsed](mp_core::idempotency::IDEMPOTENCY_MEMORY), its key is not new: if it has
//!   created an intent it is refused, and if a refund that refund is answered.
//! - A `customer` is whoever the caller says. Payment methods are not looked up.
//! - A charge under way, and a payer who acts, are found out by a
//!   [`Worker`](mp_core::work::Worker) with [`Payments::handlers`]; without one they stay as they
//!   are.

mod answer;
mod form;
mod gateway;
mod in_flight;
mod intents;
mod object;
mod once;
mod refunds;
mod refusal;
mod request;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::StatusCode,
    routing::{get, post},
};
use mp_core::{Caller, Scope, id::AppId};

pub use self::intents::AMOUNT_MAX;
use self::{gateway::Gateway, in_flight::InFlight, refusal::Refusal};
use crate::payments::Payments;

/// The largest body of a request, in bytes.
pub const BODY_MAX: usize = 64 * 1024;

/// Who pays where no customer is named.
const GUEST: &str = "guest";

/// Returns what answers an app's requests in Stripe's shape; see [the module](self).
///
/// What it serves is the app's intents and refunds, whoever created them, also those of the host.
pub fn router(payments: &Payments, app: AppId) -> Router {
    let gateway = Gateway {
        payments: payments.clone(),
        caller: Caller::app(app).with_scope(Scope::STAFF),
        in_flight: InFlight::default(),
    };
    let of_intent = |verb| format!("/v1/payment_intents/{{id}}/{verb}");
    Router::new()
        .route("/v1/payment_intents", post(intents::create))
        .route("/v1/payment_intents/{id}", get(intents::retrieve))
        .route(&of_intent("confirm"), post(intents::confirm))
        .route(&of_intent("capture"), post(intents::capture))
        .route(&of_intent("cancel"), post(intents::cancel))
        .route(
            &of_intent("increment_authorization"),
            post(intents::increment),
        )
        .route("/v1/refunds", post(refunds::create))
        .route("/v1/refunds/{id}", get(refunds::retrieve))
        .fallback(unknown)
        .method_not_allowed_fallback(unknown)
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(gateway)
}

async fn unknown() -> Refusal {
    Refusal::invalid("Unrecognized request URL.").status(StatusCode::NOT_FOUND)
}
