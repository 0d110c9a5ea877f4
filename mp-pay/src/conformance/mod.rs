//! The contracts of backends as promises that can be tried: on any
//! [`PaymentBackend`](crate::PaymentBackend), and on any payout backend by [`payouts`].
//!
//! Whoever writes a backend writes a [`BackendFactory`], which makes a fresh backend and joins it to
//! a [`Provider`]: the other side, where the kit sees what happened and makes things go wrong. Then
//! one line makes a test of each promise:
//!
//! ```
//! use mp_pay::{backend::Capabilities, conformance::SandboxFactory};
//!
//! mp_pay::backend_conformance!(SandboxFactory::new(Capabilities::neither()));
//! ```
//!
//! and one call tries them all and reports:
//!
//! ```
//! use mp_pay::{backend::Capabilities, conformance::{SandboxFactory, check_all}};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let report = check_all(&SandboxFactory::new(Capabilities::neither())).await;
//! assert!(report.is_clean(), "{report}");
//! # }
//! ```
//!
//! A promise about an ability that the backend does not declare is skipped; one that the factory's
//! provider shows too little to try is skipped as *untried*, and says what it wants. A broken promise
//! says what was seen and what to do. [`broken`] has backends that are wrong on purpose, to show that
//! every clause bites.
//!
//! The contract of a [`PayoutBackend`](crate::payout::PayoutBackend) is tried in the same way, by
//! [`payouts`]:
//!
//! ```
//! use mp_pay::{backend::Capabilities, conformance::payouts::SandboxPayouts};
//!
//! mp_pay::payout_conformance!(SandboxPayouts::new(Capabilities::neither()));
//! ```
//!
//! Clauses judge the contract and nothing else. They try no signatures of webhooks, which are the
//! host's, and nothing that takes a day: that a window is as long as it is declared, that a hold
//! lapses.

mod answered;
mod ask;
mod asking;
mod books;
mod bounded;
pub mod broken;
mod clause;
mod clauses;
mod contract;
mod covered;
mod crowd;
mod declared;
mod discreet;
mod exact;
mod factory;
mod fixed;
mod honest;
mod keyed;
mod named;
mod names;
mod once;
pub mod payouts;
mod provider;
mod replayed;
mod report;
mod sandbox;
mod scene;
mod stop;
mod theirs;
mod violation;

pub use self::{
    clause::{CLAUSE_MAX, Clause, Verdict},
    clauses::CLAUSES,
    factory::{BackendFactory, Joined},
    provider::{Fault, Provider},
    report::{Report, check_all},
    sandbox::SandboxFactory,
    stop::Skip,
    violation::Violation,
};

/// Tries one clause, by name, for a test.
///
/// # Panics
///
/// If the backend breaks the clause, or no clause has this name.
#[doc(hidden)]
pub async fn demand<J>(clauses: &'static [Clause<J>], name: &str, factory: &dyn BackendFactory<J>) {
    let clause = clauses
        .iter()
        .find(|clause| clause.name() == name)
        .expect("the macro takes its names from the table");
    match clause.check(factory).await {
        Ok(Verdict::Kept) => {}
        Ok(Verdict::Skipped(skip)) => eprintln!("skipped: {skip}"),
        Err(violation) => panic!(
            "contract {}, {name}: {violation}\nwhat to do: {}",
            clause.number(),
            clause.advice()
        ),
    }
}
