//! The endpoint that providers send their webhooks to.
//!
//! `POST /{app}/{source}`, for instance `/market/stripe`. The raw body is read up to
//! [`BODY_MAX`]; the answer is `200` only once the webhook is kept, and says
//! nothing but that. To handle it, run a [`Worker`](mp_core::work::Worker) with
//! [`Webhooks::handlers`]: in the same process it begins at once.
//!
//! ```
//! use std::sync::Arc;
//! use mp_core::{Engine, clock::SystemClock, entropy::SystemEntropy, store::MemoryStore};
//! use mp_core::work::{Worker, WorkerOptions};
//! use mp_pay::webhook::{Webhooks, http, stripe::{StripeSecret, StripeWebhooks}};
//! use mp_pay::{Payments, SandboxBackend};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let engine = Engine::new(Arc::new(MemoryStore::new()), Arc::new(SystemClock), Arc::new(SystemEntropy::new()));
//! let payments = Payments::new(&engine, Arc::new(SandboxBackend::new()));
//! let stripe = StripeWebhooks::new()
//!     .with_secret("market".parse()?, StripeSecret::new("whsec_of_this_endpoint")?)?;
//! let webhooks = Webhooks::new(&engine).with_source("stripe".parse()?, Arc::new(stripe), &payments);
//! let worker = Worker::new(&engine, WorkerOptions::default())
//!     .with(webhooks.handlers())
//!     .with(payments.handlers());
//!
//! // The provider is given https://…/webhooks/market/stripe.
//! let router = axum::Router::new().nest("/webhooks", http::router(&webhooks));
//! // tokio::spawn(async move { worker.run(stopped).await });
//! // axum::serve(tokio::net::TcpListener::bind("127.0.0.1:8080").await?, router).await?;
//! # let _: (axum::Router, Worker) = (router, worker);
//! # Ok(()) }
//! ```

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State, rejection::BytesRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header::CONTENT_TYPE, header::RETRY_AFTER},
    response::{IntoResponse, Response},
    routing::post,
};
use mp_core::id::{AppId, Name};

use super::{BODY_MAX, BUSY_PAUSE, RawWebhook, Reply, WebhookRefusal, Webhooks};

/// Returns the endpoint of all apps and sources; see [the module](self). Where a source takes hints, which nobody
/// signs, say [which apps there are](Webhooks::with_apps): else anybody makes them up.
pub fn router(webhooks: &Webhooks) -> Router {
    Router::new()
        .route("/{app}/{source}", post(receive))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(webhooks.clone())
}

async fn receive(
    State(webhooks): State<Webhooks>,
    Path((app, source)): Path<(String, String)>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let (Ok(app), Ok(source)) = (AppId::new(&app), Name::new(&source)) else {
        let refusal = WebhookRefusal::UnknownSource;
        return answer(&Reply::of(Some(&refusal)), Some(&refusal));
    };
    let refusal = match body {
        Ok(body) => {
            let webhook = raw(app, source.clone(), &headers, body);
            webhooks.receive(&webhook).await.err()
        }
        Err(rejection) => Some(unread(&rejection)),
    };
    answer(&webhooks.reply(&source, refusal.as_ref()), refusal.as_ref())
}

fn raw(app: AppId, source: Name, headers: &HeaderMap, body: Bytes) -> RawWebhook {
    let webhook = RawWebhook::new(app, source, body);
    headers.iter().fold(webhook, |webhook, (name, value)| {
        webhook.with_header(name.as_str(), value.as_bytes())
    })
}

fn unread(rejection: &BytesRejection) -> WebhookRefusal {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        let (what, most) = ("bytes of body", BODY_MAX);
        return WebhookRefusal::TooLarge { what, most };
    }
    WebhookRefusal::Malformed("its body broke off")
}

fn answer(reply: &Reply, refusal: Option<&WebhookRefusal>) -> Response {
    let status = refusal.map_or(200, WebhookRefusal::status);
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = [(CONTENT_TYPE, reply.content_type)];
    let mut response = (status, headers, reply.body.clone().into_owned()).into_response();
    if matches!(refusal, Some(WebhookRefusal::Busy)) {
        let pause = HeaderValue::from(BUSY_PAUSE.as_secs());
        response.headers_mut().insert(RETRY_AFTER, pause);
    }
    response
}
