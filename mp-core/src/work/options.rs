use std::time::Duration;

use crate::store::SlotSet;

/// How a worker works.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WorkerOptions {
    /// The slots to work on; all by default.
    pub slots: SlotSet,
    /// The most deliveries of one kind leased at a time; 128 by default.
    pub batch: u32,
    /// The most handlers that run at once; 64 by default.
    pub concurrency: usize,
    /// The pause when nothing was due; 100 ms by default.
    pub idle: Duration,
}

impl Default for WorkerOptions {
    fn default() -> Self {
        Self {
            slots: SlotSet::ALL,
            batch: 128,
            concurrency: 64,
            idle: Duration::from_millis(100),
        }
    }
}

impl WorkerOptions {
    /// Works on these slots only.
    #[must_use]
    pub const fn with_slots(mut self, slots: SlotSet) -> Self {
        self.slots = slots;
        self
    }

    /// Pauses for so long when nothing was due.
    #[must_use]
    pub const fn with_idle(mut self, idle: Duration) -> Self {
        self.idle = idle;
        self
    }

    /// Runs at most this many handlers at once; zero counts as one.
    #[must_use]
    pub const fn with_concurrency(mut self, concurrency: usize) -> Self {
        self.concurrency = concurrency;
        self
    }

    /// Leases at most this many deliveries of one kind at a time; zero counts as one.
    #[must_use]
    pub const fn with_batch(mut self, batch: u32) -> Self {
        self.batch = batch;
        self
    }
}
