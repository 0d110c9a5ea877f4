use std::fmt;

use super::Trace;
use crate::conformance::Violation;

/// The variable of the environment that names the one seed to run.
pub const SEED_VARIABLE: &str = "MP_SIM_SEED";

/// How many of the last lines of the trace a failure shows.
const LINES_SHOWN: usize = 60;

/// What was seen in the run of one seed that must not be.
///
/// Its text says how to see it again. The alternate form (`{:#}`) has the whole trace.
#[derive(Clone)]
pub struct Failure {
    pub(super) seed: u64,
    pub(super) violation: Violation,
    pub(super) trace: Trace,
}

impl Failure {
    /// Returns the seed.
    #[must_use]
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// Returns what was seen.
    #[must_use]
    pub const fn violation(&self) -> &Violation {
        &self.violation
    }

    /// Returns what happened up to then.
    #[must_use]
    pub const fn trace(&self) -> &Trace {
        &self.trace
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            seed,
            violation,
            trace,
        } = self;
        let shown = if f.alternate() {
            usize::MAX
        } else {
            LINES_SHOWN
        };
        writeln!(f, "seed {seed}: {violation}")?;
        for line in trace.last(shown) {
            writeln!(f, "{line}")?;
        }
        write!(f, "again, and alone: {SEED_VARIABLE}={seed}")
    }
}

/// The same as its text: what a test prints that unwraps it.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Failure {}
