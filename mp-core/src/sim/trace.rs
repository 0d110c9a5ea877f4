use std::{fmt, time::Duration};

/// What happened in a run, line by line: two runs of one seed have equal traces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace(Vec<String>);

impl Trace {
    /// Returns the lines, each with how long after the beginning it happened, by the true clock.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.0
    }

    /// Returns the last lines, at most so many.
    #[must_use]
    pub fn last(&self, count: usize) -> &[String] {
        &self.0[self.0.len().saturating_sub(count)..]
    }

    pub(super) fn note(&mut self, at: Duration, what: &str) {
        self.0.push(format!("{:>12.6}  {what}", at.as_secs_f64()));
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}
