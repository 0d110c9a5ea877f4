use std::time::Duration;

use mp_core::clock::{Clock, SystemClock, Timestamp};

/// How many times faster than real ones the clocks of this test go: a lease of 50 seconds takes 5.
pub(crate) const SPEED: u32 = 10;

/// A clock that goes fast, and is off.
#[derive(Debug)]
pub(crate) struct FastClock {
    /// When all processes' clocks showed the real time.
    since: Timestamp,
    /// By how many seconds it is off.
    off: i64,
}

impl FastClock {
    pub(crate) const fn new(since: Timestamp, off: i64) -> Self {
        Self { since, off }
    }
}

impl Clock for FastClock {
    fn now(&self) -> Timestamp {
        let passed = SystemClock.now().since(self.since) * SPEED;
        let now = self.since.plus(passed);
        let off = Duration::from_secs(self.off.unsigned_abs());
        if self.off < 0 {
            now.minus(off)
        } else {
            now.plus(off)
        }
    }
}
