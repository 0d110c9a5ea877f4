//! The store contract as promises that can be tried on any [`Store`](crate::store::Store).
//!
//! Each clause is an async function that opens fresh stores through a [`StoreFactory`] and says
//! what it saw if a promise was broken. [`store_conformance!`](crate::store_conformance) makes one
//! test of each; [`check_all`] tries them all and reports. [`broken`] has stores that are wrong on
//! purpose, to show that every clause bites.
//!
//! Clauses judge the contract and nothing else: not speed, not what happens when the disk or the
//! network fails.
//!
//! # Errors
//!
//! Every clause fails alike: with the [`Violation`] that says what was seen.
#![expect(
    clippy::missing_errors_doc,
    reason = "said once, above, for all clauses"
)]

pub mod atomic;
pub mod broken;
pub mod checked;
mod clause;
mod clauses;
pub mod counted;
mod crowd;
pub mod durable;
mod factory;
pub mod fenced;
mod fixtures;
pub mod followed;
pub mod honest;
mod hooked;
pub mod in_turn;
pub mod independent;
pub mod leased;
pub mod listed;
pub mod monotonic;
mod report;
mod scene;
pub mod snapshot;
pub mod strict;
pub mod timeless;
pub mod unheard;
mod violation;

pub use self::{
    clause::{Clause, Verdict},
    clauses::CLAUSES,
    factory::StoreFactory,
    fixtures::Fixtures,
    hooked::{Call, HookedStore, Phase},
    report::{Report, check_all},
    violation::Violation,
};

/// Tries one clause, by name, for a test.
///
/// # Panics
///
/// If the store breaks the clause, or no clause has this name.
#[doc(hidden)]
pub async fn demand(name: &str, factory: &dyn StoreFactory) {
    let clause = CLAUSES
        .iter()
        .find(|clause| clause.name() == name)
        .expect("the macro takes its names from the table");
    match clause.check(factory).await {
        Ok(Verdict::Kept) => {}
        Ok(Verdict::Skipped) => eprintln!("skipped: the factory has no store to try this on"),
        Err(violation) => panic!("contract {}, {name}: {violation}", clause.number()),
    }
}
