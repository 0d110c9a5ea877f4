//! Payouts: money to people, such as rewards, couriers' wages and receivers' shares.
//!
//! ```
//! use std::sync::Arc;
//! use mp_core::{Caller, Engine, Scope, clock::SystemClock, entropy::SystemEntropy, store::MemoryStore};
//! use mp_core::{amount::{Currency, Money}, port::{Payout, PaidOut, PayoutRequest, Receiver}};
//! use mp_pay::{SandboxBackend, payout::{FixedDestinations, Payouts}};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let engine = Engine::new(Arc::new(MemoryStore::new()), Arc::new(SystemClock), Arc::new(SystemEntropy::new()));
//! let accounts = FixedDestinations::default().with("mei".parse()?, "acct_mei".parse()?);
//! let payouts = Payouts::new(&engine, Arc::new(SandboxBackend::new()), Arc::new(accounts));
//! let reward = PayoutRequest {
//!     key: "referral-17".parse()?,
//!     app: "market".parse()?,
//!     receiver: Receiver::user("mei".parse()?),
//!     amount: Money::new(5_00, Currency::EUR),
//!     reason: "for bringing a friend".parse()?,
//! };
//! assert_eq!(payouts.pay_out(&reward).await?, PaidOut::Paid);
//! assert_eq!(payouts.pay_out(&reward).await?, PaidOut::Paid, "once");
//! # Ok(()) }
//! ```
//!
//! # What is promised
//!
//! A payout is one [operation](crate::operation::Operation), in a partition of its own: it is written
//! down under its key before the [`PayoutBackend`] is asked, and is planned, sent, then known. At most
//! one movement of money comes of it, and its outcome becomes known or is put before a person,
//! whatever crashes in between; what gets out of an unknown outcome is what the backend has
//! [declared](PayoutCapabilities), as for [payments](crate::backend::Capabilities).
//!
//! It can be called off until it is sent. What was paid may come back, from an account that was
//! closed: that is told as [returned](mp_core::port::PayoutStatus::Returned), and final.
//!
//! That a person has found it declined stands. If the backend tells later that it was paid, it is put
//! before a [person](Payouts::unresolved) again, and is declined until then: others have acted upon
//! that.
//!
//! # What the host supplies
//!
//! A [`PayoutBackend`], the [`PayoutDestinations`] of its users, a [`Worker`](mp_core::work::Worker)
//! with [`Payouts::handlers`], and [bounds](PayoutsOptions::with_bounds) for amounts.

mod backend;
mod change;
mod destinations;
mod drive;
mod error;
mod event;
mod opening;
mod operations;
mod options;
mod order;
mod payouts;
mod port;
mod request;
mod retention;
mod unresolved;

#[cfg(test)]
pub(crate) use self::order::PayoutDue;
pub use self::{
    backend::{PayoutBackend, PayoutCapabilities, PayoutInstruction, PayoutLookupRequest},
    destinations::{FixedDestinations, PayoutDestinations},
    error::PayoutError,
    event::{CreatedPayout, PayoutEntry, PayoutEvent},
    options::PayoutsOptions,
    order::{PayoutId, PayoutOrder},
    payouts::Payouts,
    request::{
        CancelPayout, CreatePayout, ListUnresolvedPayouts, PayoutNotice, ReadPayout, ResolvePayout,
    },
    retention::ClosedPayouts,
    unresolved::UNRESOLVED_PAYOUTS_MAX,
};
