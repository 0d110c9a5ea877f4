use std::{fmt, future::Future, pin::Pin, sync::Arc};

use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{KEY, decode::decode};
use crate::{
    caller::{Caller, Scope},
    error::{Error, ErrorKind},
    id::IdempotencyKey,
    idempotency::{self, IDEMPOTENCY_MEMORY},
};

/// What an operation may do to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It changes nothing.
    Read,
    /// It changes something that another operation can undo.
    Reversible,
    /// It moves money or value.
    Money,
}

/// What an operation reads: JSON with a schema, written back to take its fingerprint.
///
/// Every type with these traits is one; the type must refuse unknown members
/// (`#[serde(deny_unknown_fields)]`).
pub trait Input: DeserializeOwned + JsonSchema + Send + Serialize + 'static {}

impl<T: DeserializeOwned + JsonSchema + Send + Serialize + 'static> Input for T {}

/// What an operation answers: JSON with a schema. Every type with these traits is one.
pub trait Output: JsonSchema + Serialize + 'static {}

impl<T: JsonSchema + Serialize + 'static> Output for T {}

/// One thing that can be asked of a host, with everything its faces need to know of it.
#[derive(Clone)]
pub struct Operation {
    name: &'static str,
    summary: &'static str,
    effect: Effect,
    scope: Scope,
    input: Schema,
    output: Schema,
    handler: Arc<dyn Handle>,
}

type Answer = Pin<Box<dyn Future<Output = Result<Value, Error>> + Send>>;

/// A call whose input was read but not carried out.
pub(super) struct Prepared {
    /// The fingerprint of the typed command, its defaults filled in.
    pub(super) fingerprint: String,
    /// Carries it out.
    pub(super) run: Box<dyn FnOnce(Caller, Option<IdempotencyKey>) -> Answer + Send>,
}

trait Handle: Send + Sync {
    fn prepare(&self, input: Value) -> Result<Prepared, Error>;
}

impl Operation {
    /// The longest name, in bytes: with any caller and any key, what was answered under it has its
    /// place in a store.
    pub const NAME_LENGTH_MAX: usize = 50;

    /// Declares an operation that changes nothing.
    pub fn read<I, O, E, F, R>(
        name: &'static str,
        summary: &'static str,
        scope: Scope,
        handler: F,
    ) -> Self
    where
        I: Input,
        O: Output,
        E: Into<Error> + 'static,
        F: Fn(Caller, I) -> R + Send + Sync + Clone + 'static,
        R: Future<Output = Result<O, E>> + Send + 'static,
    {
        let keyless =
            move |caller: Caller, input: I, _: Option<IdempotencyKey>| handler(caller, input);
        Self::new::<I, O, E, _, R>(name, summary, Effect::Read, scope, keyless)
    }

    /// Declares an operation whose effect another one can undo.
    pub fn reversible<I, O, E, F, R>(
        name: &'static str,
        summary: &'static str,
        scope: Scope,
        handler: F,
    ) -> Self
    where
        I: Input,
        O: Output,
        E: Into<Error> + 'static,
        F: Fn(Caller, I, IdempotencyKey) -> R + Send + Sync + Clone + 'static,
        R: Future<Output = Result<O, E>> + Send + 'static,
    {
        Self::keyed(name, summary, Effect::Reversible, scope, handler)
    }

    /// Declares an operation that moves money or value.
    pub fn money<I, O, E, F, R>(
        name: &'static str,
        summary: &'static str,
        scope: Scope,
        handler: F,
    ) -> Self
    where
        I: Input,
        O: Output,
        E: Into<Error> + 'static,
        F: Fn(Caller, I, IdempotencyKey) -> R + Send + Sync + Clone + 'static,
        R: Future<Output = Result<O, E>> + Send + 'static,
    {
        Self::keyed(name, summary, Effect::Money, scope, handler)
    }

    fn keyed<I, O, E, F, R>(
        name: &'static str,
        summary: &'static str,
        effect: Effect,
        scope: Scope,
        handler: F,
    ) -> Self
    where
        I: Input,
        O: Output,
        E: Into<Error> + 'static,
        F: Fn(Caller, I, IdempotencyKey) -> R + Send + Sync + Clone + 'static,
        R: Future<Output = Result<O, E>> + Send + 'static,
    {
        let with_key = move |caller: Caller, input: I, key: Option<IdempotencyKey>| {
            let answer = key.map(|key| handler(caller, input, key));
            async move {
                match answer {
                    Some(answer) => answer.await.map_err(Into::into),
                    None => Err(Error::invalid(KEY, "is required")),
                }
            }
        };
        Self::new::<I, O, Error, _, _>(name, summary, effect, scope, with_key)
    }

    fn new<I, O, E, F, R>(
        name: &'static str,
        summary: &'static str,
        effect: Effect,
        scope: Scope,
        handler: F,
    ) -> Self
    where
        I: Input,
        O: Output,
        E: Into<Error> + 'static,
        F: Fn(Caller, I, Option<IdempotencyKey>) -> R + Send + Sync + Clone + 'static,
        R: Future<Output = Result<O, E>> + Send + 'static,
    {
        let handler: Arc<dyn Handle> = Arc::new(Typed {
            effect,
            handler,
            marker: std::marker::PhantomData::<fn(I) -> (O, E)>,
        });
        let (input, output) = (schema::<I>(), schema::<O>());
        Self {
            name,
            summary,
            effect,
            scope,
            input,
            output,
            handler,
        }
    }

    /// Returns the name, such as `queue.join`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the sentence that says what it does.
    #[must_use]
    pub const fn summary(&self) -> &'static str {
        self.summary
    }

    /// Returns the effect class.
    #[must_use]
    pub const fn effect(&self) -> Effect {
        self.effect
    }

    /// Returns the scope that a caller needs.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Returns the JSON Schema of the input; for an operation with an effect, `idempotency_key` is
    /// one of its required members.
    #[must_use]
    pub fn input(&self) -> Value {
        let mut schema = self.input.clone().to_value();
        if self.effect != Effect::Read {
            require_key(&mut schema);
        }
        schema
    }

    /// Returns the JSON Schema of the answer.
    #[must_use]
    pub const fn output(&self) -> &Schema {
        &self.output
    }

    /// Returns whether the input refuses members that it does not know.
    pub(super) fn is_strict(&self) -> bool {
        self.input.get("additionalProperties") == Some(&Value::Bool(false))
    }

    pub(super) fn prepare(&self, input: Value) -> Result<Prepared, Error> {
        self.handler.prepare(input)
    }
}

struct Typed<F, M> {
    effect: Effect,
    handler: F,
    marker: std::marker::PhantomData<M>,
}

impl<I, O, E, F, R> Handle for Typed<F, fn(I) -> (O, E)>
where
    I: Input,
    O: Output,
    E: Into<Error> + 'static,
    F: Fn(Caller, I, Option<IdempotencyKey>) -> R + Send + Sync + Clone + 'static,
    R: Future<Output = Result<O, E>> + Send + 'static,
{
    fn prepare(&self, input: Value) -> Result<Prepared, Error> {
        let input: I = decode(input)?;
        let fingerprint = idempotency::fingerprint(&input)?;
        let (effect, handler) = (self.effect, self.handler.clone());
        let run = Box::new(
            move |caller: Caller, key: Option<IdempotencyKey>| -> Answer {
                let answer = handler(caller, input, key);
                Box::pin(async move { to_json(effect, &answer.await.map_err(Into::into)?) })
            },
        );
        Ok(Prepared { fingerprint, run })
    }
}

fn to_json(effect: Effect, answer: &impl Serialize) -> Result<Value, Error> {
    serde_json::to_value(answer).map_err(|error| untold(effect).with_source(error))
}

/// The error of an answer that does not serialise: where there is an effect it has happened, so nobody may
/// be told to correct the input and call again.
fn untold(effect: Effect) -> Error {
    match effect {
        Effect::Read => Error::invalid("answer", "does not serialise as JSON"),
        Effect::Reversible | Effect::Money => {
            let message = "what came of it does not serialise as JSON, so nobody can be told";
            Error::new(ErrorKind::Unknown, "untold_outcome", message)
        }
    }
}

fn schema<T: JsonSchema>() -> Schema {
    let settings =
        SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    SchemaGenerator::new(settings).into_root_schema_for::<T>()
}

fn require_key(schema: &mut Value) {
    let key = serde_json::json!({
        "type": "string",
        "minLength": 1,
        "maxLength": IdempotencyKey::LENGTH_MAX,
        "description": format!(
            "Repeat a call with the same key within {} hours to be sure that it happens once.",
            IDEMPOTENCY_MEMORY.as_secs() / 3_600,
        ),
    });
    schema["properties"][KEY] = key;
    match &mut schema["required"] {
        Value::Array(required) => required.push(KEY.into()),
        required => *required = serde_json::json!([KEY]),
    }
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operation")
            .field("name", &self.name)
            .field("effect", &self.effect)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}
