//! The contract of a [`PayoutBackend`] as promises that can be tried: the same kit, and where both
//! contracts promise the same, the same clauses.
//!
//! Whoever writes a payout backend writes a [`BackendFactory`] of [`JoinedPayouts`], which joins a
//! fresh backend to a [`PayoutProvider`]. One line makes a test of each promise, and
//! [`check_all`] tries them all and reports:
//!
//! ```
//! use std::{collections::BTreeMap, sync::{Arc, Mutex, PoisonError}, time::Duration};
//! use async_trait::async_trait;
//! use mp_core::{amount::{Currency, Money}, id::AppId, port::Destination};
//! use mp_pay::{
//!     backend::{BackendError, BackendErrorKind, Lookup, MinorUnits, Outcome, Reference, Rule},
//!     conformance::{BackendFactory, Joined, payouts::{JoinedPayouts, PayoutProvider, check_all}},
//!     payout::{
//!         PayoutBackend, PayoutCapabilities, PayoutId, PayoutInstruction, PayoutLookupRequest,
//!     },
//! };
//!
//! /// Pays couriers at a counter, euros only; its book is the whole of it.
//! #[derive(Debug, Default)]
//! struct Counter(Mutex<BTreeMap<PayoutId, Money>>);
//!
//! const EUROS: MinorUnits = MinorUnits::only(&[Rule::as_iso("EUR")]);
//!
//! fn paid(id: PayoutId, amount: Money) -> Outcome {
//!     let reference = Reference::new(id.to_string()).expect("an id is a reference");
//!     Outcome::settled(reference).with_amount(amount)
//! }
//!
//! #[async_trait]
//! impl PayoutBackend for Counter {
//!     fn payout_capabilities(&self) -> PayoutCapabilities {
//!         let year = Duration::from_hours(24 * 365);
//!         PayoutCapabilities::neither().with_replay(year).with_queries().with_minor_units(EUROS)
//!     }
//!
//!     async fn pay_out(&self, payout: &PayoutInstruction) -> Result<Outcome, BackendError> {
//!         if EUROS.to_wire(payout.amount).is_err() {
//!             let kind = BackendErrorKind::Unsupported;
//!             return Err(BackendError::new(kind, "pay_out", "the counter has euros"));
//!         }
//!         let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
//!         Ok(paid(payout.id, *book.entry(payout.id).or_insert(payout.amount)))
//!     }
//!
//!     async fn lookup_payout(&self, request: &PayoutLookupRequest) -> Result<Lookup, BackendError> {
//!         let book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
//!         let found = book.get(&request.id).map(|amount| paid(request.id, *amount));
//!         Ok(found.map_or(Lookup::NotFound, Lookup::Found))
//!     }
//! }
//!
//! #[async_trait]
//! impl PayoutProvider for Counter {
//!     fn accepted(&self) -> Destination {
//!         Destination::new("courier-7").expect("a destination")
//!     }
//!
//!     async fn paid(&self, currency: Currency) -> Option<Money> {
//!         let book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
//!         let paid = book.values().filter(|amount| amount.currency() == currency);
//!         Some(Money::new(paid.map(|amount| amount.minor()).sum(), currency))
//!     }
//! }
//!
//! #[derive(Debug)]
//! struct Counters;
//!
//! #[async_trait]
//! impl BackendFactory<JoinedPayouts> for Counters {
//!     async fn open(&self) -> JoinedPayouts {
//!         let counter = Arc::new(Counter::default());
//!         Joined::new(counter.clone(), counter)
//!     }
//! }
//!
//! mp_pay::payout_conformance!(Counters);
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let report = check_all(&Counters).await;
//! assert!(report.is_clean(), "{report}");
//! // Of lost answers, slow payouts and secrets this provider shows nothing yet:
//! assert_eq!(report.untried().next().map(|clause| clause.name()), Some("a_declined_payout_pays_nothing"));
//! # }
//! ```

mod ask;
pub mod broken;
mod clauses;
mod found;
mod lasting;
mod paid;
mod provider;
mod sandbox;

pub use self::{clauses::CLAUSES, provider::PayoutProvider, sandbox::SandboxPayouts};
use super::{BackendFactory, Joined, Report};
use crate::payout::PayoutBackend;

/// A payout backend and the provider that it talks to.
pub type JoinedPayouts = Joined<dyn PayoutBackend, dyn PayoutProvider>;

/// Tries every clause on payout backends, one after another, each on a fresh one.
pub async fn check_all(factory: &dyn BackendFactory<JoinedPayouts>) -> Report<JoinedPayouts> {
    Report::on(CLAUSES, factory).await
}
