use std::fmt;

use serde::{Serialize, Serializer};

use super::{BackendFactory, Clause, Joined, Skip, Verdict, Violation, clauses};

/// How a backend did, clause by clause.
///
/// It prints for people, and serializes for programs: a list of `number`, `clause`, `verdict`
/// (`kept`, `skipped`, `untried` or `broken`), and where there is more to say, `seen` and `advice`.
#[derive(Debug)]
pub struct Report<J: 'static = Joined>(Vec<(&'static Clause<J>, Result<Verdict, Violation>)>);

impl<J> Clone for Report<J> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<J> Report<J> {
    /// Tries these clauses, one after another, each on a fresh backend.
    pub(super) async fn on(clauses: &'static [Clause<J>], factory: &dyn BackendFactory<J>) -> Self {
        let mut outcomes = Vec::new();
        for clause in clauses {
            outcomes.push((clause, clause.check(factory).await));
        }
        Self(outcomes)
    }

    /// Returns every clause and how it ended, in the order of the contract.
    pub fn outcomes(
        &self,
    ) -> impl Iterator<Item = (&'static Clause<J>, &Result<Verdict, Violation>)> {
        self.0.iter().map(|(clause, outcome)| (*clause, outcome))
    }

    /// Returns whether no clause was broken.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.0.iter().all(|(_, outcome)| outcome.is_ok())
    }

    /// Returns the clauses that were not tried because the factory's
    /// [`Provider`](super::Provider) shows or does too little.
    pub fn untried(&self) -> impl Iterator<Item = &'static Clause<J>> {
        self.outcomes()
            .filter(|(_, outcome)| word(outcome) == "untried")
            .map(|(clause, _)| clause)
    }

    fn count(&self, wanted: &str) -> usize {
        let outcomes = self.outcomes();
        outcomes.filter(|(_, it)| word(it) == wanted).count()
    }
}

/// Returns the one word for how a clause ended.
const fn word(outcome: &Result<Verdict, Violation>) -> &'static str {
    match outcome {
        Ok(Verdict::Kept) => "kept",
        Ok(Verdict::Skipped(Skip::NotProvided(_))) => "untried",
        Ok(Verdict::Skipped(_)) => "skipped",
        Err(_) => "broken",
    }
}

impl<J> fmt::Display for Report<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.outcomes().map(|(clause, _)| clause.name().len());
        let width = names.max().unwrap_or_default();
        for (clause, outcome) in self.outcomes() {
            write!(f, "{:>2}  {:<width$}  ", clause.number(), clause.name())?;
            match outcome {
                Ok(Verdict::Kept) => writeln!(f, "kept")?,
                Ok(Verdict::Skipped(skip)) => writeln!(f, "skipped: {skip}")?,
                Err(violation) => {
                    writeln!(f, "BROKEN: {violation}")?;
                    writeln!(f, "    what to do: {}", clause.advice())?;
                }
            }
        }
        write!(f, "{} clauses: {} kept", self.0.len(), self.count("kept"))?;
        for word in ["skipped", "untried", "broken"] {
            write!(f, ", {} {word}", self.count(word))?;
        }
        Ok(())
    }
}

impl<J> Serialize for Report<J> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.outcomes().map(|(clause, outcome)| Line {
            number: clause.number(),
            clause: clause.name(),
            verdict: word(outcome),
            seen: match outcome {
                Ok(Verdict::Kept) => None,
                Ok(Verdict::Skipped(skip)) => Some(skip.to_string()),
                Err(violation) => Some(violation.to_string()),
            },
            advice: outcome.is_err().then(|| clause.advice()),
        }))
    }
}

/// One clause as programs read it.
#[derive(Serialize)]
struct Line {
    number: u8,
    clause: &'static str,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    seen: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<&'static str>,
}

/// Tries every clause, one after another, each on a fresh backend.
pub async fn check_all(factory: &dyn BackendFactory) -> Report {
    Report::on(clauses::CLAUSES, factory).await
}
