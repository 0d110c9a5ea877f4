use std::borrow::Cow;

use mp_core::{
    Caller, Error,
    id::{IdempotencyKey, UserId},
    idempotency::{Idempotency, key_reused},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much of a fingerprint is kept: 128 bits, by which no two commands of one caller are taken for each
/// other by chance.
const DIGITS: usize = 32;

/// A call that asked for something: by whom, for what and under which key. A repetition of the call is told
/// by it, for as long as the journal stands.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Request {
    /// The user who asked; the app itself if none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<UserId>,
    /// For what, such as `pay.capture`.
    pub operation: Cow<'static, str>,
    /// Under which key.
    pub key: IdempotencyKey,
    /// The first 32 digits of the [fingerprint](mp_core::idempotency::fingerprint) of the whole command.
    pub fingerprint: String,
}

impl Request {
    /// Makes the request of a call.
    pub(crate) fn of(
        caller: &Caller,
        operation: &'static str,
        key: &IdempotencyKey,
        once: &Idempotency,
    ) -> Self {
        Self {
            by: caller.user_id().cloned(),
            operation: Cow::Borrowed(operation),
            key: key.clone(),
            fingerprint: digits(once.fingerprint()).to_owned(),
        }
    }

    /// Returns the texts, as they are written, without which nothing is this call.
    pub(crate) fn names(&self) -> Result<[String; 2], serde_json::Error> {
        let [operation, key] = [&*self.operation, self.key.as_str()];
        Ok([
            serde_json::to_string(operation)?,
            serde_json::to_string(key)?,
        ])
    }

    /// Returns whether this call is that one again.
    ///
    /// # Errors
    ///
    /// `idempotency_conflict` if it has the same key and asks for something else.
    pub(crate) fn repeats(&self, that: &Self) -> Result<bool, Error> {
        let same_name =
            self.by == that.by && self.operation == that.operation && self.key == that.key;
        if same_name && self.fingerprint != that.fingerprint {
            return Err(key_reused());
        }
        Ok(same_name)
    }
}

fn digits(fingerprint: &str) -> &str {
    fingerprint.get(..DIGITS).unwrap_or(fingerprint)
}
