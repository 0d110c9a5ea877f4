//! Tries bad input on the operations of a host: feature `conformance`.
//!
//! The cases are derived from an operation's JSON Schema and one input that is well-formed, so a
//! test that runs them over the whole registry covers a new operation on the day it appears.
//!
//! ```
//! # use mp_core::{Caller, Engine, Error, Scope, clock::SystemClock, entropy::SystemEntropy};
//! # use mp_core::{host::{Host, Operation}, id::Name, store::MemoryStore};
//! # use schemars::JsonSchema;
//! # use serde::{Deserialize, Serialize};
//! use std::sync::Arc;
//! use mp_core::host::probe::{CountingStore, probe};
//!
//! # #[derive(Deserialize, JsonSchema, Serialize)]
//! # #[serde(deny_unknown_fields)]
//! # struct Greet { name: Name }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let greet = Operation::read(
//! #     "shop.greet", "Greets a visitor by name.", Scope::of("shop:read"),
//! #     |_caller: Caller, greet: Greet| async move { Ok::<_, Error>(format!("Hello, {}!", greet.name)) },
//! # );
//! let store = Arc::new(CountingStore::new(Arc::new(MemoryStore::new())));
//! let engine = Engine::new(store.clone(), Arc::new(SystemClock), Arc::new(SystemEntropy::new()));
//! let host = Host::new(&engine).with([greet])?;
//! let visitor = Caller::user("shop".parse()?, "mei".parse()?).with_scope(Scope::of("shop:read"));
//! for operation in host.operations() {
//!     let valid = serde_json::json!({"name": "Mei"}); // one for each operation
//!     let violations = probe(&host, &store, &visitor, operation, &valid).await;
//!     assert!(violations.is_empty(), "{violations:#?}");
//! }
//! # Ok(()) }
//! ```

mod bad_inputs;
mod cases;
mod counting;
mod shape;

use serde_json::Value;

pub use self::{
    bad_inputs::{BadInput, BadInputs, TEXT_OVERLONG},
    counting::CountingStore,
};
use super::{Host, Operation};
use crate::{
    caller::Caller,
    conformance::Violation,
    error::{Error, ErrorKind},
};

/// The longest message of an error, in bytes: what was sent is not repeated in it.
const MESSAGE_LENGTH_MAX: usize = 1_000;

/// Tries every bad input of an operation, and a caller without its scope, and returns what the host
/// did that it should not: it took one, refused it otherwise than with an error that names the
/// field, or committed something.
///
/// `valid` is an input that the operation reads; its idempotency key may be left out. It is never
/// sent whole by a caller who has the scope, so nothing is carried out. `caller` has the scope, and
/// `store` is the one under the host's engine.
pub async fn probe(
    host: &Host,
    store: &CountingStore,
    caller: &Caller,
    operation: &Operation,
    valid: &Value,
) -> Vec<Violation> {
    let mut violations = Vec::new();
    violations.extend(unreadable(operation, valid));
    violations.extend(scopeless(host, store, caller, operation, valid).await);
    for bad in BadInputs::of(operation, valid) {
        let name = operation.name();
        let before = store.commits();
        let answer = host.call(caller, name, bad.input().clone()).await;
        let problem = misjudged(&bad, &answer).or_else(|| wrote(store, before));
        violations.extend(problem.map(|problem| violation(operation, bad.what(), &problem)));
    }
    violations
}

/// A bad input proves nothing if the good one it was made of is bad too.
fn unreadable(operation: &Operation, valid: &Value) -> Option<Violation> {
    let mut input = valid.clone();
    if let Some(members) = input.as_object_mut() {
        members.remove(super::KEY);
    }
    let error = operation.prepare(input).err()?;
    Some(violation(
        operation,
        "the valid input",
        &format!("is refused: {error}"),
    ))
}

async fn scopeless(
    host: &Host,
    store: &CountingStore,
    caller: &Caller,
    operation: &Operation,
    valid: &Value,
) -> Option<Violation> {
    let app = caller.app_id().clone();
    let bare = match caller.user_id() {
        Some(user) => Caller::user(app, user.clone()),
        None => Caller::app(app),
    };
    let before = store.commits();
    let problem = match host.call(&bare, operation.name(), valid.clone()).await {
        Err(error) if error.kind() == ErrorKind::Forbidden => wrote(store, before)?,
        Err(error) => format!("is refused as {:?}, not as Forbidden", error.kind()),
        Ok(_) => "is accepted".to_owned(),
    };
    Some(violation(operation, "a caller without the scope", &problem))
}

fn misjudged(bad: &BadInput, answer: &Result<Value, Error>) -> Option<String> {
    let Err(error) = answer else {
        return Some("is accepted".to_owned());
    };
    let fits = error.kind() == ErrorKind::Invalid
        || bad.may_be_unknown() && error.kind() == ErrorKind::NotFound;
    if !fits {
        let (kind, code) = (error.kind(), error.code());
        return Some(format!("is refused as {kind:?} {code}: {error}"));
    }
    let named = error.field().unwrap_or_default();
    if !bad.is_about(named) {
        return Some(format!("is refused for {named:?}: {error}"));
    }
    let length = error.to_string().len();
    (length > MESSAGE_LENGTH_MAX).then(|| format!("is refused in {length} bytes"))
}

fn wrote(store: &CountingStore, before: u64) -> Option<String> {
    let commits = store.commits() - before;
    (commits > 0).then(|| format!("is refused, but {commits} commits were made"))
}

fn violation(operation: &Operation, what: &str, problem: &str) -> Violation {
    Violation::new(format!("{}: {what} {problem}", operation.name()))
}
