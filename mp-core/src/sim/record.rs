use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::time::Instant;

use super::{Coverage, Fault, Trace, WritePoint, signal::Signal};
use crate::conformance::Violation;

/// What is kept of a run, however it ends.
#[derive(Debug, Default)]
pub(super) struct Record {
    is_traced: bool,
    /// When the run began: the first time that something is noted.
    started: OnceLock<Instant>,
    kept: Mutex<Kept>,
    /// Given with the first violation.
    pub(super) failed: Signal,
}

#[derive(Debug, Default)]
struct Kept {
    coverage: Coverage,
    trace: Trace,
    violation: Option<Violation>,
}

impl Record {
    pub(super) fn new(is_traced: bool) -> Self {
        Self {
            is_traced,
            ..Self::default()
        }
    }

    /// Adds a line to the trace, which is put into words only if somebody will read it.
    pub(super) fn note(&self, what: impl FnOnce() -> String) {
        if self.is_traced {
            let started = self.started.get_or_init(Instant::now);
            let line = what();
            self.kept().trace.note(started.elapsed(), &line);
        }
    }

    pub(super) fn pass(&self, point: WritePoint, fault: Option<Fault>) {
        self.kept().coverage.pass(point, fault);
    }

    /// Notes what must not be; only the first such thing counts.
    pub(super) fn fail(&self, violation: Violation) {
        self.kept().violation.get_or_insert(violation);
        self.failed.give();
    }

    /// Takes what was kept.
    pub(super) fn take(&self) -> (Coverage, Trace, Option<Violation>) {
        let kept = std::mem::take(&mut *self.kept());
        (kept.coverage, kept.trace, kept.violation)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
