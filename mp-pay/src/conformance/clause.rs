use std::{fmt, pin::Pin, time::Duration};

use super::{BackendFactory, Joined, Skip, Violation, stop::Stop};

/// The longest that one clause may take; a backend that takes longer hangs.
pub const CLAUSE_MAX: Duration = Duration::from_secs(120);

/// How a clause ended on a backend that did not break it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The promise was kept.
    Kept,
    /// The promise was not put to the test, for this reason.
    Skipped(Skip),
}

/// One promise of a contract, that of [`PaymentBackend`](crate::PaymentBackend) unless another is
/// named, and how to try it on a backend that is joined to its provider.
pub struct Clause<J = Joined> {
    pub(super) number: u8,
    pub(super) name: &'static str,
    pub(super) advice: &'static str,
    pub(super) run: fn(J) -> Trial,
}

pub(super) type Trial = Pin<Box<dyn Future<Output = Result<(), Stop>> + Send>>;

impl<J> Clause<J> {
    /// Returns the number in the contract that the clause belongs to.
    #[must_use]
    pub const fn number(&self) -> u8 {
        self.number
    }

    /// Returns the clause's name: the promise in words.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns what to do about a backend that breaks it.
    #[must_use]
    pub const fn advice(&self) -> &'static str {
        self.advice
    }

    /// Tries the clause on a fresh backend.
    ///
    /// # Errors
    ///
    /// What was seen, if the backend broke the promise.
    pub async fn check(&self, factory: &dyn BackendFactory<J>) -> Result<Verdict, Violation> {
        let trial = async { (self.run)(factory.open().await).await };
        match tokio::time::timeout(CLAUSE_MAX, trial).await {
            Ok(Ok(())) => Ok(Verdict::Kept),
            Ok(Err(Stop::Skipped(skip))) => Ok(Verdict::Skipped(skip)),
            Ok(Err(Stop::Broken(violation))) => Err(violation),
            Err(_) => Err(Violation::new(format!("no end after {CLAUSE_MAX:?}"))),
        }
    }
}

impl<J> fmt::Debug for Clause<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clause({}, {})", self.number, self.name)
    }
}
