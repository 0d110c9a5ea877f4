//! Payment intents, refunds and loyalty passes that survive any crash, embedded in your app.
//!
//! ```
//! use std::sync::Arc;
//! use mp_core::{Caller, Engine, Scope, clock::SystemClock, entropy::SystemEntropy, store::MemoryStore};
//! use mp_core::amount::{Currency, Money};
//! use mp_pay::{Payments, SandboxBackend, intent::IntentStatus, method::PaymentMethodToken};
//! use mp_pay::payments::{ConfirmIntent, CreateIntent, RefundIntent};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let engine = Engine::new(Arc::new(MemoryStore::new()), Arc::new(SystemClock), Arc::new(SystemEntropy::new()));
//! let payments = Payments::new(&engine, Arc::new(SandboxBackend::new()));
//! let mei = Caller::user("market".parse()?, "mei".parse()?);
//! let stall = Caller::app("market".parse()?).with_scope(Scope::STAFF);
//!
//! let order = CreateIntent::of(Money::new(12_50, Currency::EUR))
//!     .with_payment_method(PaymentMethodToken::new("pm_ok")?);
//! let intent = payments.create_intent(&mei, order, &"order-17".parse()?).await?;
//! let confirm = ConfirmIntent::of(intent.id);
//! let paid = payments.confirm(&mei, confirm, &"order-17".parse()?).await?;
//! assert_eq!(paid.status, IntentStatus::Succeeded);
//!
//! let part = RefundIntent::of(intent.id).with_amount(Money::new(2_50, Currency::EUR));
//! payments.refund(&stall, part, &"order-17-cold".parse()?).await?;
//! let intent = payments.intent(&mei, intent.id).await?;
//! assert_eq!(intent.amount_refundable(), Money::new(10_00, Currency::EUR));
//! # Ok(()) }
//! ```
//!
//! # The nouns
//!
//! - A [`PaymentIntent`] is one sum that one payer is to pay, in Stripe's states; an
//!   [`Attempt`](attempt::Attempt) is one try at charging it, a [`Refund`](refund::Refund) gives
//!   back of it.
//! - What is held can be [increased](payments::IncreaseIntent), and taken by one
//!   [`Capture`](capture::Capture) or several; it lapses by the clock. A
//!   [`Dispute`](dispute::Dispute) is a bank taking money back, a [`Receipt`](receipt::Receipt) what
//!   a payer can show.
//! - An [`Operation`](operation::Operation) is one thing asked of the backend. It is written down
//!   under a fixed key before it is asked, and is `planned`, `sent`, then known; that its outcome
//!   is unknown is a state, which is left by replaying the key, by asking for it, or by a person.
//! - With [`routing`], payments go to one of several backends by rules; an attempt is its backend's.
//! - [`Payments`] is the service over them; [`PaymentsSettlement`] lets another capability secure,
//!   settle and release a payer's money.
//! - [`webhook`]s are accepted, verified and deduplicated by [`Webhooks`](webhook::Webhooks), and
//!   handled as due work.
//! - [`news`] is what a [feed](mp_core::feed) is told of payments, for the host's own tables.
//! - [`payout`] sends money to people, once.
//! - [`reconciliation`] holds a provider's settlement report against the journals.
//! - The [`ledger`] keeps accounts in double entry, and pays from stored value.
//! - A [`LoyaltyPass`] holds stamps, points and rewards; [`Passes`] is the service over it.
//!
//! # What is promised
//!
//! At most one movement of money comes of one operation, and its outcome becomes known or is put
//! before a person, whatever crashes between any two steps; the exception that nobody can avoid is
//! written down in [`backend::Capabilities`]' classes. Captures never exceed the hold and refunds
//! never the capture, whoever asks for them at once: amounts are reserved in the commit that plans
//! the operation.
//!
//! Of one intent one attempt counts at most. Another follows when it was declined, or when its payer
//! did not act in time: then it is let go of, and if the abandoned attempt succeeds after all, its money is
//! refunded. What a backend surely did not take may be
//! [tried at another](routing#when-another-backend-is-tried), in the commit in which that becomes known; as
//! long as it is not known, nothing else is tried. What surely did not reach a backend by the end of its
//! payer's time, or was called off before, is not sent any more; where it may have, a backend that replays
//! keys but has no lookups is sent the same key again, and a charge that results is refunded.
//!
//! Repeating a refund's key never refunds twice, for as long as the intent is kept.
//!
//! State is the fold of a [journal](journal::Event). What a backend tells is joined with what is
//! known, so that any order and any repetition come to the same; what is decided because of it is an
//! entry of its own. An amount that the backend tells otherwise than we do is a
//! [conflict](intent::Conflict) and waits for a person. A refund that fails after it succeeded
//! leaves its amount to be refunded again; what is learnt late about an attempt that was given up is
//! undone, or accepted if [the options](payments::LateSuccess) say so, and never dropped.
//!
//! Where an intent can go is one table: see [`IntentEvent`](intent::IntentEvent).
//!
//! # What the host supplies
//!
//! A [`PaymentBackend`] ([`SandboxBackend`] for tests and demos) or several, the
//! [`Engine`](mp_core::Engine) and a [`Worker`](mp_core::work::Worker) with the `handlers` of every
//! service that it uses: those of [`Payments`], [`Webhooks`](webhook::Webhooks),
//! [`Payouts`](payout::Payouts) and [`Ledger`](ledger::Ledger); those of [`PaymentsSettlement`] and
//! [`LedgerSettlement`](ledger::LedgerSettlement), which take the capability that is to hear what is learnt
//! later; and those of [`Feeds`](mp_core::feed::Feeds::handlers) where payments or a ledger
//! [tell a feed](Payments::with_feed). Without them nothing that a crash or a provider leaves open is ever
//! finished: work that no worker has a handler for waits for ever, unreported, and only the view `mp_work` of
//! the store shows it. For webhooks the endpoint's secrets, and for settlements its
//! [`PaymentMethods`](method::PaymentMethods).
//!
//! Every night, or everything is kept for ever, a [`Retention`](mp_core::retention::Retention) with
//! the rules of what it uses: [`ClosedPayments`](retention::ClosedPayments), with
//! [`abandoned_after`](retention::ClosedPayments::abandoned_after) where payers may leave without paying,
//! [`ClosedPayouts`](payout::ClosedPayouts), [`ClosedSettlements`](ledger::ClosedSettlements). Every
//! day, a person who looks at [`Payments::unresolved`],
//! [`Payouts::unresolved`](payout::Payouts::unresolved) and
//! [`Webhooks::unhandled`](webhook::Webhooks::unhandled), and at the worker's
//! [`DeadLetters`](mp_core::work::DeadLetters).
//!
//! # Scopes
//!
//! The `operations` of each service plug into a [`Host`](mp_core::host::Host):
//!
//! - payments, payouts and webhooks: [`pay:read`](payments::PAY_READ), [`pay:write`](payments::PAY_WRITE)
//!   and [`pay:manage`](payments::PAY_MANAGE); [`staff`](mp_core::Scope::STAFF) to make and call off payouts, and
//!   to tell what a person has found;
//! - the ledger: [`ledger:read`](ledger::LEDGER_READ), [`ledger:write`](ledger::LEDGER_WRITE) and
//!   [`ledger:manage`](ledger::LEDGER_MANAGE);
//! - passes: [`pass:read`](pass::PASS_READ), [`pass:write`](pass::PASS_WRITE) and
//!   [`pass:manage`](pass::PASS_MANAGE).
//!
//! Read and write scopes are asked for by a `Host` alone. A typed call asks whose the thing is, and for the
//! manage scope or `staff` where it is nobody's own.
//!
//! # What this crate does not do
//!
//! It talks to no provider by itself, sees no card data and converts no currencies.
//!
//! # Features
//!
//! None by default; each feature only adds, and none changes what is there.
//!
//! - `conformance`: `conformance`, the contracts of backends as tests for one of your own, and
//!   backends that are wrong on purpose.
//! - `csv`: `reconciliation::csv`, settlement reports as providers write them.
//! - `http`: `webhook::http`, the endpoint for webhooks, and `backend::sandbox::http`, the sandbox
//!   over HTTP in Stripe's shape, for official SDKs. Both are routers of axum 0.8.

pub mod attempt;
pub mod backend;
pub mod capture;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod dispute;
mod error;
#[cfg(test)]
mod fixtures;
pub mod intent;
pub mod journal;
pub mod ledger;
pub mod method;
pub mod news;
pub mod operation;
pub mod pass;
mod payment;
pub mod payments;
pub mod payout;
pub mod receipt;
pub mod reconciliation;
pub mod refund;
pub mod retention;
pub mod routing;
pub mod settlement;
mod text;
pub mod webhook;

pub use self::{
    backend::{PaymentBackend, sandbox::SandboxBackend},
    error::PayError,
    intent::{IntentId, PaymentIntent},
    pass::{LoyaltyPass, PassId, Passes},
    payments::{Payments, PaymentsOptions},
    settlement::PaymentsSettlement,
};
