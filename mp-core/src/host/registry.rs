use std::{collections::BTreeMap, fmt};

use serde_json::Value;
use tracing::Instrument;

use super::{Effect, KEY, Operation, keys};
use crate::{
    caller::Caller,
    engine::Engine,
    error::{Error, ErrorKind},
    id::IdempotencyKey,
};

/// The registry of everything that can be asked of a host.
#[derive(Clone)]
pub struct Host {
    engine: Engine,
    operations: BTreeMap<&'static str, Operation>,
}

impl Host {
    /// Creates a host that offers nothing yet.
    #[must_use]
    pub fn new(engine: &Engine) -> Self {
        Self {
            engine: engine.clone(),
            operations: BTreeMap::new(),
        }
    }

    /// Adds the operations of a capability, one of the suite's or the host's own.
    ///
    /// # Errors
    ///
    /// `unfit_operation` if a name is taken, longer than [`Operation::NAME_LENGTH_MAX`], empty or not of
    /// visible ASCII, or an input type accepts members it does not know.
    pub fn with(mut self, operations: impl IntoIterator<Item = Operation>) -> Result<Self, Error> {
        for operation in operations {
            let name = operation.name();
            if name.len() > Operation::NAME_LENGTH_MAX {
                return Err(unfit(name, "is longer than 50 bytes"));
            }
            // It becomes a part of records' keys.
            if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(unfit(
                    name,
                    "is empty or has a character that is not visible ASCII",
                ));
            }
            if !operation.is_strict() {
                return Err(unfit(
                    name,
                    "must refuse unknown members: add deny_unknown_fields",
                ));
            }
            if self.operations.insert(name, operation).is_some() {
                return Err(unfit(name, "is registered twice"));
            }
        }
        Ok(self)
    }

    /// Returns the operations in the order of their names.
    pub fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.operations.values()
    }

    /// Calls an operation with a JSON input, and answers with JSON.
    ///
    /// For an operation with an effect the input has a member `idempotency_key`: calls with the
    /// same key and input take effect once and are answered alike; the same key with another input
    /// is refused. That holds for [`IDEMPOTENCY_MEMORY`](crate::idempotency::IDEMPOTENCY_MEMORY), a day,
    /// after the first call; later the key may be taken for a new one.
    ///
    /// # Errors
    ///
    /// `unknown_operation`, `forbidden`, `invalid_field` with the field's path,
    /// `idempotency_conflict`; then whatever the operation itself refuses. After every error but
    /// one of kind [`ErrorKind::Unknown`] nothing has changed, except that a well-formed call is noted
    /// under its key before it is carried out: a corrected call takes a new key.
    pub async fn call(&self, caller: &Caller, name: &str, input: Value) -> Result<Value, Error> {
        let operation = self.operations.get(name).ok_or_else(|| unknown(name))?;
        let span = tracing::info_span!(
            "call",
            operation = operation.name(),
            app = %caller.app_id(),
            user = caller.key_segment(),
        );
        let started = self.engine.now();
        let answer = self
            .run(caller, operation, input)
            .instrument(span.clone())
            .await;
        let micros = self.engine.now().since(started).as_micros();
        let outcome = answer.as_ref().map_or_else(Error::code, |_| "ok");
        span.in_scope(|| match operation.effect() {
            Effect::Read => tracing::debug!(outcome, micros, "answered"),
            Effect::Reversible | Effect::Money => tracing::info!(outcome, micros, "carried out"),
        });
        answer
    }

    async fn run(
        &self,
        caller: &Caller,
        operation: &Operation,
        mut input: Value,
    ) -> Result<Value, Error> {
        caller.require(operation.scope())?;
        if !input.is_object() {
            // A list would be read as the members in their order, which no schema says.
            return Err(Error::invalid("input", "is not a JSON object"));
        }
        let key = match operation.effect() {
            Effect::Read => None,
            Effect::Reversible | Effect::Money => Some(take_key(&mut input)?),
        };
        let prepared = operation.prepare(input)?;
        if let Some(key) = &key {
            let used_for = &prepared.fingerprint;
            keys::note(&self.engine, caller, operation.name(), key, used_for).await?;
        }
        (prepared.run)(caller.clone(), key).await
    }

    /// Describes every operation: name, summary, effect, scope, and the JSON Schemas (draft
    /// 2020-12) of input and output.
    #[must_use]
    pub fn describe(&self) -> Value {
        self.operations.values().map(describe).collect()
    }
}

fn describe(operation: &Operation) -> Value {
    serde_json::json!({
        "name": operation.name(),
        "summary": operation.summary(),
        "effect": operation.effect(),
        "scope": operation.scope(),
        "input": operation.input(),
        "output": operation.output(),
    })
}

fn take_key(input: &mut Value) -> Result<IdempotencyKey, Error> {
    let object = input
        .as_object_mut()
        .ok_or_else(|| Error::invalid("input", "is not a JSON object"))?;
    match object.remove(KEY) {
        Some(Value::String(key)) => key.parse().map_err(|error| Error::invalid(KEY, error)),
        Some(_) => Err(Error::invalid(KEY, "is not a string")),
        None => Err(Error::invalid(KEY, "is required")),
    }
}

fn unknown(name: &str) -> Error {
    let shown: String = name.chars().take(60).collect();
    let message = format!("no operation is named {shown:?}: describe() lists those there are");
    Error::new(ErrorKind::NotFound, "unknown_operation", message).with_field("operation")
}

fn unfit(name: &str, problem: &str) -> Error {
    Error::new(
        ErrorKind::Refused,
        "unfit_operation",
        format!("{name} {problem}"),
    )
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("operations", &self.operations.keys())
            .finish_non_exhaustive()
    }
}
