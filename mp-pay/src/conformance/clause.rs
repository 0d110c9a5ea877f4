use std::{fmt, pin::Pin, time::Duration};

use super::{BackendFactory, Skip, Violation, scene::Scene, stop::Stop};

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

/// One promise of the [`PaymentBackend`](crate::PaymentBackend) contract, and how to try it.
pub struct Clause {
    pub(super) number: u8,
    pub(super) name: &'static str,
    pub(super) advice: &'static str,
    pub(super) run: for<'a> fn(&'a Scene) -> Trial<'a>,
}

pub(super) type Trial<'a> = Pin<Box<dyn Future<Output = Result<(), Stop>> + Send + 'a>>;

impl Clause {
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
    pub async fn check(&self, factory: &dyn BackendFactory) -> Result<Verdict, Violation> {
        let trial = async {
            let scene = Scene::open(factory).await;
            (self.run)(&scene).await
        };
        match tokio::time::timeout(CLAUSE_MAX, trial).await {
            Ok(Ok(())) => Ok(Verdict::Kept),
            Ok(Err(Stop::Skipped(skip))) => Ok(Verdict::Skipped(skip)),
            Ok(Err(Stop::Broken(violation))) => Err(violation),
            Err(_) => Err(Violation::new(format!("no end after {CLAUSE_MAX:?}"))),
        }
    }
}

impl fmt::Debug for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clause({}, {})", self.number, self.name)
    }
}
