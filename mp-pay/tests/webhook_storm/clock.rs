use mp_core::clock::{Clock, SystemClock, Timestamp};

/// How many times faster than real ones the clocks go: what a killed worker had leased comes back
/// after five seconds instead of fifty.
const SPEED: u32 = 10;

/// A clock that goes fast, the same in all processes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FastClock {
    /// When it showed the real time.
    pub(crate) since: Timestamp,
}

impl Clock for FastClock {
    fn now(&self) -> Timestamp {
        let passed = SystemClock.now().since(self.since) * SPEED;
        self.since.plus(passed)
    }
}
