//! Webhooks, from the provider's first try until they are forgotten.

mod actions;
mod dead;
mod editions;
mod forged;
mod handling;
mod hints;
mod intake;
mod lapsing;
mod rights;
mod sender;
#[path = "../support/spoil.rs"]
mod spoil;
#[path = "../support/stores.rs"]
mod stores;
#[path = "../support/mod.rs"]
mod support;
mod unreadable;
