use std::sync::{Mutex, PoisonError};

use mp_core::{
    conformance::{Call, Phase},
    store::StoreErrorKind,
};
use tokio::sync::Notify;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Mode {
    /// The process dies.
    Crash,
    /// The call fails; after it acted, its answer is lost.
    Fail,
    /// Nothing was done, but nobody knows.
    Mute,
}

/// A call on the store, before or after it.
pub(crate) type Moment = (Call, Phase);

/// Where a life is struck, and what it has passed.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    pub(crate) armed: Option<(usize, Mode)>,
    pub(crate) passed: Mutex<Vec<Moment>>,
    pub(crate) crashed: Notify,
}

impl Faults {
    pub(crate) async fn pass(&self, call: Call, phase: Phase) -> Result<(), StoreErrorKind> {
        let number = {
            let mut passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
            passed.push((call, phase));
            passed.len() - 1
        };
        let Some((_, mode)) = self.armed.filter(|(at, _)| *at == number) else {
            return Ok(());
        };
        if mode == Mode::Crash {
            self.crashed.notify_one();
            std::future::pending::<()>().await;
        }
        let writes = matches!(call, Call::Commit | Call::Settle);
        Err(if writes && (phase == Phase::After || mode == Mode::Mute) {
            StoreErrorKind::Unknown
        } else {
            StoreErrorKind::Unavailable
        })
    }
}

/// Returns what can go wrong there.
pub(crate) const fn modes((call, phase): Moment) -> &'static [Mode] {
    match (call, phase) {
        (Call::Commit | Call::Settle, Phase::Before) => &[Mode::Crash, Mode::Fail, Mode::Mute],
        _ => &[Mode::Crash, Mode::Fail],
    }
}
