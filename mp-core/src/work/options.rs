use std::time::Duration;

use crate::store::SlotSet;

/// How a worker works.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WorkerOptions {
    /// The slots to work on; all by default, which is right for any number of workers: a store
    /// hands each delivery to one of them.
    ///
    /// Workers that look in slots of their own ([`SlotSet::share`]) do not meet at all, but what is
    /// due in the slots of one that is down waits until it is back. Except on Citus, all others step
    /// over it at each poll, row by row: the more of it there is, the slower is all due work.
    pub slots: SlotSet,
    /// The most deliveries of one kind leased at a time; 128 by default. No more are leased than
    /// can be handled at once.
    pub batch: u32,
    /// The most handlers that run at once; 64 by default. Half of these places are divided evenly
    /// among the kinds of work, the other half goes to whichever kind has something to do.
    pub concurrency: usize,
    /// The pause when nothing was due; 100 ms by default. What this process commits to be done at
    /// once wakes the worker before that; each kind costs one `due` of the store per pause.
    pub idle: Duration,
    /// How long handlers may take to finish after the worker was told to stop; 20 s by default.
    /// What is not done by then is broken off and due again: at once, or after a pause if it was tried before.
    pub grace: Duration,
    /// How often the worker tells through `tracing` what it has done, at level `INFO`; every minute
    /// by default.
    pub report_every: Duration,
}

impl Default for WorkerOptions {
    fn default() -> Self {
        Self {
            slots: SlotSet::ALL,
            batch: 128,
            concurrency: 64,
            idle: Duration::from_millis(100),
            grace: Duration::from_secs(20),
            report_every: Duration::from_secs(60),
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

    /// Gives handlers so long to finish when the worker is told to stop.
    #[must_use]
    pub const fn with_grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Tells through `tracing` this often what was done.
    #[must_use]
    pub const fn with_report_every(mut self, report_every: Duration) -> Self {
        self.report_every = report_every;
        self
    }
}
