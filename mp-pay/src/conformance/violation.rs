use std::fmt;

/// What a backend did that the contract does not allow.
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

/// Demands that something holds.
pub(super) fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), Violation> {
    if holds {
        Ok(())
    } else {
        Err(Violation(otherwise()))
    }
}

/// Demands that two things are equal.
pub(super) fn ensure_eq<T: fmt::Debug + PartialEq>(
    what: &str,
    seen: T,
    promised: T,
) -> Result<(), Violation> {
    ensure(seen == promised, || {
        format!("{what}: promised {promised:?}, seen {seen:?}")
    })
}
