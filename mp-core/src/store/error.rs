use std::{error::Error as StdError, fmt, sync::Arc};

use crate::error::{Error, ErrorKind};

/// What a caller of a store can do about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The head is not the one decided on; nothing was written. Read and decide again.
    Conflict,
    /// It is not known whether the commit happened. Read the head and compare commit ids.
    Unknown,
    /// The store is out of reach or too busy; nothing was written. Try again later.
    Unavailable,
    /// The request breaks the contract; nothing was written. Correct the caller.
    Invalid,
    /// The disk or a quota is full; nothing was written. Make room.
    Full,
    /// The store cannot be written to. Correct its permissions.
    ReadOnly,
    /// A newer release made this store. Upgrade this program.
    Newer,
    /// What is stored does not read back, or the tables are not ours. A person has to look.
    Corrupt,
}

/// A failure of a store: what to do, during what, and why. The why is its
/// [`source`](std::error::Error::source): print the whole chain for a person, who may find there what
/// to do.
#[derive(Clone, Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    op: &'static str,
    source: Arc<dyn StdError + Send + Sync>,
}

impl StoreError {
    /// Creates an error of `kind` during `op`, caused by `source`.
    pub fn new(
        kind: StoreErrorKind,
        op: &'static str,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self {
            kind,
            op,
            source: Arc::from(source.into()),
        }
    }

    /// Creates the error of a head that has moved on.
    #[must_use]
    pub fn conflict() -> Self {
        Self::new(StoreErrorKind::Conflict, "commit", "the head has moved on")
    }

    /// Creates the error of a request that breaks the contract.
    #[must_use]
    pub fn invalid(op: &'static str, problem: &'static str) -> Self {
        Self::new(StoreErrorKind::Invalid, op, problem)
    }

    /// Returns what a caller can do.
    #[must_use]
    pub const fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// Returns the operation that failed.
    #[must_use]
    pub const fn op(&self) -> &'static str {
        self.op
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            StoreErrorKind::Conflict => "the partition changed in between",
            StoreErrorKind::Unknown => "the outcome is not known",
            StoreErrorKind::Unavailable => "the store is out of reach or busy",
            StoreErrorKind::Invalid => "the request breaks the store's contract",
            StoreErrorKind::Full => "the store is full: make room on the disk",
            StoreErrorKind::ReadOnly => "the store is read-only: correct its permissions",
            StoreErrorKind::Newer => "a newer release made this store: upgrade this program",
            StoreErrorKind::Corrupt => {
                "the store does not read back, or is none of ours: change nothing before the cause is \
                 known; what is damaged is restored from a copy, a file with SqliteStore::restore"
            }
        };
        write!(f, "{} failed: {what}", self.op)
    }
}

impl StdError for StoreError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(self.source.as_ref())
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        let (kind, code) = match error.kind {
            StoreErrorKind::Conflict => (ErrorKind::Unavailable, "contended"),
            StoreErrorKind::Unavailable => (ErrorKind::Unavailable, "store_unavailable"),
            StoreErrorKind::Unknown => (ErrorKind::Unknown, "store_outcome_unknown"),
            StoreErrorKind::Invalid => (ErrorKind::Refused, "store_limit"),
            StoreErrorKind::Full => (ErrorKind::Unavailable, "store_full"),
            StoreErrorKind::ReadOnly => (ErrorKind::Unavailable, "store_read_only"),
            StoreErrorKind::Newer => (ErrorKind::Unsupported, "store_newer"),
            StoreErrorKind::Corrupt => (ErrorKind::Corrupt, "store_corrupt"),
        };
        let message = error.to_string();
        Self::new(kind, code, message).with_source(error)
    }
}
