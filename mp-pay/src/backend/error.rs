use std::{error::Error as StdError, fmt, sync::Arc};

/// What a caller can do about a failed call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BackendErrorKind {
    /// It is not known whether the call acted.
    Unknown,
    /// The call surely did not act; it may later.
    Unavailable,
    /// The backend never does this; it did not act.
    Unsupported,
}

/// A failure of a payment backend: what to do, during what, and why.
#[derive(Clone, Debug)]
pub struct BackendError {
    kind: BackendErrorKind,
    op: &'static str,
    source: Arc<dyn StdError + Send + Sync>,
}

impl BackendError {
    /// Creates an error of `kind` during `op`, caused by `source`.
    pub fn new(
        kind: BackendErrorKind,
        op: &'static str,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self {
            kind,
            op,
            source: Arc::from(source.into()),
        }
    }

    /// Returns what a caller can do.
    #[must_use]
    pub const fn kind(&self) -> BackendErrorKind {
        self.kind
    }
}

impl fmt::Display for BackendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            BackendErrorKind::Unknown => "its outcome is not known",
            BackendErrorKind::Unavailable => "the backend is out of reach",
            BackendErrorKind::Unsupported => "the backend does not do this",
        };
        write!(f, "the call to {} failed: {what}", self.op)
    }
}

impl StdError for BackendError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.source)
    }
}
