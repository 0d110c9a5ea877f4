//! What can go wrong, said so that a caller knows what to do next.

use std::{borrow::Cow, error::Error as StdError, fmt, sync::Arc};

use serde::Serialize;

/// What a caller can do about an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Advice {
    /// Correct the named field, or the rights, and call again under a new key.
    FixInput,
    /// The world moved on: read again, then decide.
    Reread,
    /// Nothing happened; the same call with the same key may succeed later.
    Retry,
    /// Something may have happened: make the same call again with the same key; it tells.
    AskOutcome,
    /// No call will help; a person has to look.
    GiveUp,
}

/// The kind of an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// The input is malformed; [`Error::field`] names the part.
    Invalid,
    /// The call needs a signed-in user and has none.
    Unauthenticated,
    /// The caller may not do this, or not to this.
    Forbidden,
    /// There is no such thing, or none that the caller may see.
    NotFound,
    /// The thing is in a state, or at a limit, that does not allow this.
    Refused,
    /// The idempotency key was used before for another body or another target.
    KeyReused,
    /// The other side cannot do this at all.
    Unsupported,
    /// Too busy or out of reach; nothing was written.
    Unavailable,
    /// It is not known whether it happened.
    Unknown,
    /// Stored data does not read back; nothing was written.
    Corrupt,
}

impl ErrorKind {
    /// Returns the HTTP status that says as much, for a host that answers by HTTP: RFC 9110, section 15.
    ///
    /// ```
    /// use mp_core::error::ErrorKind;
    ///
    /// assert_eq!(ErrorKind::Invalid.status(), 400);
    /// assert_eq!(ErrorKind::Unknown.status(), 503, "with the same key it may be asked again");
    /// ```
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Invalid => 400,
            Self::Unauthenticated => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::Refused | Self::KeyReused => 409,
            Self::Unsupported => 422,
            Self::Corrupt => 500,
            Self::Unavailable | Self::Unknown => 503,
        }
    }

    /// Returns what a caller can do.
    #[must_use]
    pub const fn advice(self) -> Advice {
        match self {
            Self::Invalid | Self::Unauthenticated | Self::Forbidden | Self::KeyReused => {
                Advice::FixInput
            }
            Self::NotFound | Self::Refused => Advice::Reread,
            Self::Unavailable => Advice::Retry,
            Self::Unknown => Advice::AskOutcome,
            Self::Unsupported | Self::Corrupt => Advice::GiveUp,
        }
    }
}

/// The error that every capability's own error turns into at the edge of the suite.
///
/// ```
/// use mp_core::{Error, error::{Advice, ErrorKind}};
///
/// let error = Error::invalid("amount", "is negative");
/// assert_eq!(error.to_string(), "amount is negative");
/// assert_eq!(error.field(), Some("amount"));
/// assert_eq!(error.kind().advice(), Advice::FixInput);
/// ```
#[derive(Clone, Debug)]
pub struct Error {
    kind: ErrorKind,
    code: &'static str,
    field: Option<Cow<'static, str>>,
    message: Cow<'static, str>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Error {
    /// Creates an error with a machine-readable `code` and a sentence for a person.
    #[must_use]
    pub fn new(kind: ErrorKind, code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            code,
            field: None,
            message: message.into(),
            source: None,
        }
    }

    /// Creates the error of a malformed field; `problem` continues the field's name.
    #[must_use]
    pub fn invalid(field: impl Into<Cow<'static, str>>, problem: impl fmt::Display) -> Self {
        let field = field.into();
        let message = format!("{field} {problem}");
        Self::new(ErrorKind::Invalid, "invalid_field", message).with_field(field)
    }

    /// Creates the error of something that is not there, or not for this caller.
    #[must_use]
    pub fn not_found(field: &'static str) -> Self {
        Self::new(
            ErrorKind::NotFound,
            "not_found",
            format!("{field} names nothing here"),
        )
        .with_field(field)
    }

    /// Creates the error of a call that the caller has no right to.
    #[must_use]
    pub fn forbidden(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Forbidden, "forbidden", message)
    }

    /// Names the input field that the error is about.
    #[must_use]
    pub fn with_field(mut self, field: impl Into<Cow<'static, str>>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Keeps what caused the error.
    #[must_use]
    pub fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// Returns the kind.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Returns the machine-readable code, stable across releases.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// Returns the input field that the error is about, as a path such as `price.amount`.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// Returns the error as the JSON object that every face of the host answers with.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "error": {
                "kind": self.kind,
                "code": self.code,
                "field": self.field,
                "message": self.message,
                "advice": self.kind.advice(),
            }
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source
            .as_ref()
            .map(|source| source.as_ref() as &(dyn StdError + 'static))
    }
}
