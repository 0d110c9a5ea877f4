//! Webhook intake that cannot lose or double.
//!
//! ```
//! use std::sync::Arc;
//! use mp_core::{Caller, Engine, Scope, clock::SystemClock, entropy::SystemEntropy, store::MemoryStore};
//! use mp_core::work::{Worker, WorkerOptions};
//! use mp_pay::webhook::stripe::{SIGNATURE_HEADER, StripeSecret, StripeWebhooks};
//! use mp_pay::{Payments, SandboxBackend, webhook::{RawWebhook, Webhooks}};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let engine = Engine::new(Arc::new(MemoryStore::new()), Arc::new(SystemClock), Arc::new(SystemEntropy::new()));
//! let payments = Payments::new(&engine, Arc::new(SandboxBackend::new()));
//! let secret = StripeSecret::new("whsec_of_this_endpoint")?;
//! let stripe = StripeWebhooks::new().with_secret("market".parse()?, secret.clone())?;
//! let webhooks = Webhooks::new(&engine).with_source("stripe".parse()?, Arc::new(stripe), &payments);
//!
//! let body = r#"{"id":"evt_1","type":"invoice.paid","data":{"object":{}}}"#;
//! let came = RawWebhook::new("market".parse()?, "stripe".parse()?, body)
//!     .with_header(SIGNATURE_HEADER, secret.sign(body.as_bytes(), engine.now()));
//! let accepted = webhooks.receive(&came).await?; // now the provider may be told so
//! assert!(webhooks.receive(&came).await?.duplicate);
//!
//! let worker = Worker::new(&engine, WorkerOptions::default())
//!     .with(webhooks.handlers())
//!     .with(payments.handlers());
//! worker.drain().await?;
//! let staff = Caller::app("market".parse()?).with_scope(Scope::STAFF);
//! assert!(webhooks.unhandled(&staff, None, 10).await?.is_empty());
//! # let _ = accepted;
//! # Ok(()) }
//! ```
//!
//! # The nouns
//!
//! - A [`WebhookSource`] verifies and reads the webhooks of one provider: [`stripe::StripeWebhooks`],
//!   or the host's own.
//! - [`Webhooks`] accepts a [`RawWebhook`] or answers a [`WebhookRefusal`], which says what the
//!   provider is told; with the feature `http`, `webhook::http` is the endpoint.
//! - An [`Observation`] is what a webhook tells; payments learn it by
//!   [`observe`](crate::Payments::observe) and
//!   [`observe_dispute`](crate::Payments::observe_dispute).
//!
//! # What is promised
//!
//! - *Kept before it is acknowledged.* The raw bytes and the due work that handles them are one
//!   commit; [`receive`](Webhooks::receive) answers `Ok` once it is known to be in the store. After
//!   an outcome that is not known, or a crash, the provider is told nothing good, and sends it again.
//! - *Handled.* What was accepted is handled by due work: tried again with growing pauses while the
//!   intent or the operation that it is about is not there yet, or the backend that it is a reason to
//!   ask does not answer, then listed for a person by [`unhandled`](Webhooks::unhandled). Nothing that
//!   is signed is dropped.
//! - *A hint is but a hint.* Anybody can send one. So one that cannot be read is ignored, and one that
//!   is about nothing that is known here, or of which the backend cannot tell, is too, once it was
//!   looked into [`HINT_TRIES_MAX`] times within about a minute; one about a payment that has
//!   [left the store](crate::retention) is at once: no person has to put it aside.
//! - *Once.* The same event is accepted once within [`DEDUP_WINDOW`]. A handler that breaks off
//!   does everything again, and payments join what they hear, so that it counts once all the same.
//! - *The first bytes are not the only ones.* An event that comes again with other bytes is kept and
//!   read as well, up to [`EDITIONS_MAX`] times, then refused: what is acknowledged is kept.
//! - *Bounded.* Sizes, headers, what one process receives at once, what waits and what lies dead are
//!   bounded; what is too much is [`Busy`](WebhookRefusal::Busy), and comes again. How many wait is
//!   counted on 256 pages, in the commits that are made anyway, so that no counter is hot; what lies
//!   dead is counted apart, and takes no place of what waits.
//! - *Forgotten.* The bytes leave the store one to two [`DEDUP_WINDOW`]s after they came, unless
//!   they still wait, or lie dead.
//!
//! # What is not promised
//!
//! Nothing about the order of events: what is observed is joined, in any order. A provider may not
//! send a webhook at all; that is why operations whose outcome is open are due work of their own.
//! Whoever forges hints without a pause keeps those waiting that fall on the same pages, for as long
//! as that goes on, and what was ignored stays in the store as long as everything else: a host that
//! takes hints limits how many come in from one address. It also says [which apps](Webhooks::with_apps) there
//! are: nothing else keeps a hint from being kept for one that somebody has made up.

mod arrival;
mod entry;
mod handle;
mod hex;
#[cfg(feature = "http")]
pub mod http;
mod id;
mod lapse;
mod listing;
mod operations;
mod page;
mod raw;
mod refusal;
mod source;
pub mod stripe;
mod webhooks;

pub use self::{
    entry::{EDITIONS_MAX, HINT_PAUSE, HINT_TRIES_MAX, Handled, Handling},
    id::{DEDUP_WINDOW, WebhookId},
    listing::{ListUnhandled, NameWebhook, UNHANDLED_MAX, Unhandled},
    raw::{BODY_MAX, HEADERS_LENGTH_MAX, HEADERS_MAX, HINT_BODY_MAX, RawWebhook},
    refusal::{BUSY_PAUSE, WebhookRefusal},
    source::{Identity, Observation, Reply, WebhookSource},
    webhooks::{Accepted, RECEIVING_MAX, VERIFYING_MAX, WAITING_MAX, Webhooks},
};

#[cfg(test)]
pub(crate) mod kept {
    pub(crate) use super::{
        entry::Entry,
        page::{HandleDue, LapseDue, Page},
        raw::Raw,
    };
}
