use std::fmt;

use crate::store::{StoreError, StoreErrorKind};

/// What a store did that the contract does not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation(String);

impl Violation {
    /// Creates a violation from a sentence about what was seen.
    #[must_use]
    pub fn new(seen: impl Into<String>) -> Self {
        Self(seen.into())
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Violation {}

impl From<StoreError> for Violation {
    fn from(error: StoreError) -> Self {
        Self(format!("an unforced {:?} error: {error}", error.kind()))
    }
}

/// Demands that something holds.
pub(super) fn ensure(holds: bool, otherwise: &str) -> Result<(), Violation> {
    if holds {
        Ok(())
    } else {
        Err(Violation::new(otherwise))
    }
}

/// Demands that two things are equal.
pub(super) fn ensure_eq<T: fmt::Debug + PartialEq>(
    what: &str,
    seen: T,
    promised: T,
) -> Result<(), Violation> {
    if seen == promised {
        return Ok(());
    }
    Err(Violation(format!(
        "{what}: promised {promised:?}, seen {seen:?}"
    )))
}

/// Demands an error of one kind.
pub(super) fn ensure_refused<T>(
    what: &str,
    answer: Result<T, StoreError>,
    kind: StoreErrorKind,
) -> Result<(), Violation> {
    match answer {
        Err(error) if error.kind() == kind => Ok(()),
        Err(error) => {
            let seen = error.kind();
            Err(Violation(format!(
                "{what}: promised {kind:?}, refused as {seen:?} ({error})"
            )))
        }
        Ok(_) => Err(Violation(format!("{what}: promised {kind:?}, accepted"))),
    }
}
