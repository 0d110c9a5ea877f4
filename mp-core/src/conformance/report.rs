use std::fmt;

use super::{Clause, StoreFactory, Verdict, Violation, clauses};

/// How a store did, clause by clause.
#[derive(Clone, Debug)]
pub struct Report(Vec<(&'static Clause, Result<Verdict, Violation>)>);

impl Report {
    /// Returns every clause and how it ended, in the order of the contract.
    pub fn outcomes(&self) -> impl Iterator<Item = (&'static Clause, &Result<Verdict, Violation>)> {
        self.0.iter().map(|(clause, outcome)| (*clause, outcome))
    }

    /// Returns whether no clause was broken.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.0.iter().all(|(_, outcome)| outcome.is_ok())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (clause, outcome) in &self.0 {
            write!(f, "{:>2} {}: ", clause.number(), clause.name())?;
            match outcome {
                Ok(Verdict::Kept) => writeln!(f, "kept")?,
                Ok(Verdict::Skipped) => writeln!(f, "skipped")?,
                Err(violation) => writeln!(f, "BROKEN: {violation}")?,
            }
        }
        Ok(())
    }
}

/// Tries every clause, one after another, each on fresh stores.
pub async fn check_all(factory: &dyn StoreFactory) -> Report {
    let mut outcomes = Vec::new();
    for clause in clauses::CLAUSES {
        outcomes.push((clause, clause.check(factory).await));
    }
    Report(outcomes)
}
