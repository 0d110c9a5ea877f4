//! One registry of operations, from which every face of the suite is made.
//!
//! A capability offers a list of [`Operation`]s; a host adds its own the same way. [`Host::call`]
//! checks the operation's scope and schema, demands an idempotency key where the effect class asks
//! for one, then runs the typed handler.
//!
//! ```
//! use mp_core::{Caller, Error, Scope, host::{Host, Operation}};
//! use schemars::JsonSchema;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Deserialize, JsonSchema, Serialize)]
//! #[serde(deny_unknown_fields)]
//! struct Greet { name: String }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let engine = mp_core::Engine::new(
//! #     std::sync::Arc::new(mp_core::store::MemoryStore::new()),
//! #     std::sync::Arc::new(mp_core::clock::SystemClock),
//! #     std::sync::Arc::new(mp_core::entropy::SystemEntropy::new()),
//! # );
//! let greet = Operation::read(
//!     "shop.greet", "Greets a visitor by name.", Scope::of("shop:read"),
//!     |_caller: Caller, greet: Greet| async move { Ok::<_, Error>(format!("Hello, {}!", greet.name)) },
//! );
//! let host = Host::new(&engine).with([greet])?;
//! let visitor = Caller::user("shop".parse()?, "mei".parse()?).with_scope(Scope::of("shop:read"));
//! let answer = host.call(&visitor, "shop.greet", serde_json::json!({"name": "Mei"})).await?;
//! assert_eq!(answer, "Hello, Mei!");
//! let error = host.call(&visitor, "shop.greet", serde_json::json!({})).await.unwrap_err();
//! assert_eq!(error.field(), Some("name"));
//! # Ok(()) }
//! ```

mod decode;
pub(crate) mod keys;
mod operation;
#[cfg(feature = "conformance")]
pub mod probe;
mod registry;

pub use self::{
    operation::{Effect, Input, Operation, Output},
    registry::Host,
};

/// The member of an input that carries the idempotency key.
const KEY: &str = "idempotency_key";

/// The kind of the partitions in which the host notes which keys callers have used.
const NOTES: &str = "idem";
