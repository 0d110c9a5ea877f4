use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// What goes wrong with one call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    /// The process dies before the call takes effect.
    DiesBefore,
    /// The process dies after the call took effect.
    DiesAfter,
    /// The call does not take effect, and nobody knows.
    UnknownBefore,
    /// The call takes effect, and nobody knows.
    UnknownAfter,
}

impl Fault {
    pub(crate) const ALL: [Self; 4] = [
        Self::DiesBefore,
        Self::DiesAfter,
        Self::UnknownBefore,
        Self::UnknownAfter,
    ];

    const fn takes_effect(self) -> bool {
        matches!(self, Self::DiesAfter | Self::UnknownAfter)
    }

    const fn dies(self) -> bool {
        matches!(self, Self::DiesBefore | Self::DiesAfter)
    }
}

/// What a call is told instead of its answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Interrupted {
    /// The process is dead; nothing it calls takes effect.
    Dead,
    /// The answer was lost.
    Unknown,
}

/// Counts the calls that leave the process, and lets one of them go wrong.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    calls: AtomicU32,
    planned: std::sync::Mutex<Option<(u32, Fault)>>,
    dead: AtomicBool,
    fired: AtomicBool,
}

impl Faults {
    pub(crate) fn plan(&self, call: u32, fault: Fault) {
        self.calls.store(0, Ordering::SeqCst);
        *self.planned.lock().expect("no test panics inside") = Some((call, fault));
    }

    /// Starts the process again, from now on without faults.
    pub(crate) fn restart(&self) {
        *self.planned.lock().expect("no test panics inside") = None;
        self.dead.store(false, Ordering::SeqCst);
    }

    pub(crate) fn calls(&self) -> u32 {
        self.calls.load(Ordering::SeqCst)
    }

    pub(crate) fn fired(&self) -> bool {
        self.fired.load(Ordering::SeqCst)
    }

    /// Lets a call through, or not.
    pub(crate) async fn around<T>(&self, call: impl Future<Output = T>) -> Result<T, Interrupted> {
        if self.dead.load(Ordering::SeqCst) {
            return Err(Interrupted::Dead);
        }
        let number = self.calls.fetch_add(1, Ordering::SeqCst);
        let planned = *self.planned.lock().expect("no test panics inside");
        let Some((_, fault)) = planned.filter(|(at, _)| *at == number) else {
            return Ok(call.await);
        };
        self.fired.store(true, Ordering::SeqCst);
        if fault.takes_effect() {
            call.await;
        }
        self.dead.store(fault.dies(), Ordering::SeqCst);
        Err(if fault.dies() {
            Interrupted::Dead
        } else {
            Interrupted::Unknown
        })
    }
}
