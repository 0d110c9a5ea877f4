use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use mp_core::conformance::{Call, Phase};

/// Where a fault may strike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Site {
    Store(Call),
    Port,
}

/// A moment of a run: before or after one call on the store or on a participant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Moment {
    pub(crate) site: Site,
    pub(crate) phase: Phase,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Mode {
    /// The process dies.
    Crash,
    /// The call fails: before it acted it says so, afterwards its answer is lost.
    Fail,
    /// Nothing was done, but the caller is told that nobody knows.
    Mute,
    /// The caller is told that nobody knows, and the call acts when everything is over.
    Late,
}

impl Moment {
    /// Returns what can go wrong at this moment.
    pub(crate) fn modes(self) -> &'static [Mode] {
        match (self.site, self.phase) {
            (_, Phase::After) => &[Mode::Crash, Mode::Fail],
            (Site::Port, Phase::Before) => &[Mode::Crash, Mode::Fail, Mode::Mute, Mode::Late],
            (Site::Store(Call::Commit | Call::Settle), Phase::Before) => {
                &[Mode::Crash, Mode::Fail, Mode::Mute]
            }
            (Site::Store(_), Phase::Before) => &[Mode::Crash, Mode::Fail],
        }
    }
}

/// The faults of one run: at the moment of this number, counted from the start, this happens.
pub(crate) type Armed = Vec<(usize, Mode)>;

/// Counts the moments of a run and strikes at the armed ones.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    armed: Armed,
    passed: Mutex<Vec<Moment>>,
    pub(crate) crashed: Notify,
}

impl Faults {
    pub(crate) fn new(armed: Armed) -> Self {
        Self {
            armed,
            ..Self::default()
        }
    }

    /// Passes a moment; returns what goes wrong at it. A process that dies here never returns.
    pub(crate) async fn pass(&self, site: Site, phase: Phase) -> Option<Mode> {
        let number = {
            let mut passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
            passed.push(Moment { site, phase });
            passed.len() - 1
        };
        let mode = self.armed.iter().find(|(at, _)| *at == number)?.1;
        if mode == Mode::Crash {
            self.crashed.notify_one();
            std::future::pending::<()>().await;
        }
        Some(mode)
    }

    pub(crate) fn passed(&self) -> Vec<Moment> {
        self.passed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
