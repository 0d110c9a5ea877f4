//! Work in progress.
pub mod amount;
pub mod caller;
pub mod capacity;
pub mod clock;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod document;
pub mod engine;
pub mod entropy;
pub mod error;
pub mod host;
pub mod id;
pub mod idempotency;
pub mod label;
pub mod port;
pub mod sign;
pub mod steps;
pub mod store;
#[doc(hidden)]
pub mod text;
pub mod work;

pub use self::{
    caller::{Caller, Scope},
    clock::{Clock, Timestamp},
    document::Document,
    engine::{Command, Committed, Decision, Edits, Engine, Family},
    error::{Error, ErrorKind},
};
