use std::{fmt, pin::Pin};

use super::{StoreFactory, Violation};

/// How a clause ended on a store that did not break it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The promise was kept.
    Kept,
    /// The promise could not be put to the test: the factory says that nothing survives, that no
    /// second process can open its stores, or that they do not list, or they hold nothing.
    Skipped,
}

impl From<()> for Verdict {
    fn from((): ()) -> Self {
        Self::Kept
    }
}

/// One promise of the [`Store`](crate::store::Store) contract, and how to try it.
pub struct Clause {
    pub(super) number: u8,
    pub(super) name: &'static str,
    pub(super) run: for<'a> fn(&'a dyn StoreFactory) -> Trial<'a>,
}

pub(super) type Trial<'a> = Pin<Box<dyn Future<Output = Result<Verdict, Violation>> + Send + 'a>>;

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

    /// Tries the clause on fresh stores.
    ///
    /// # Errors
    ///
    /// What was seen, if the store broke the promise.
    pub async fn check(&self, factory: &dyn StoreFactory) -> Result<Verdict, Violation> {
        (self.run)(factory).await
    }
}

impl fmt::Debug for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clause({}, {})", self.number, self.name)
    }
}
