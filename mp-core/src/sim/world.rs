use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use super::{
    Act, Chance, Fault, WritePoint,
    clock::VirtualClock,
    life::Life,
    mix::Mix,
    record::Record,
    shared::{Inspect, SharedStore},
    signal::Signal,
};

/// How many of a hundred faults that could strike a read do: there are many reads.
const READS_PERCENT: u64 = 20;

/// Everything that processes share, and that outlives them: the store, chance, and true time.
pub(super) struct World {
    pub(super) store: SharedStore,
    pub(super) mix: Mix,
    /// When faults end.
    pub(super) calm: Signal,
    pub(super) record: Arc<Record>,
    started: Instant,
    chance: Mutex<Chance>,
    ticks: AtomicU64,
}

impl World {
    pub(super) fn new(mut chance: Chance, record: Arc<Record>, inspect: Box<Inspect>) -> Self {
        let started = Instant::now();
        let mix = Mix::draw(&mut chance);
        let clock = VirtualClock::new(mix.origin, started, &mut chance);
        let store = SharedStore::new(Arc::new(clock), record.clone(), inspect);
        record.note(|| format!("begins with {mix:?}"));
        Self {
            store,
            mix,
            calm: Signal::default(),
            record,
            started,
            chance: Mutex::new(chance),
            ticks: AtomicU64::new(0),
        }
    }

    pub(super) fn clock(&self) -> VirtualClock {
        VirtualClock::new(self.mix.origin, self.started, &mut self.chance())
    }

    pub(super) fn chance(&self) -> MutexGuard<'_, Chance> {
        self.chance.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn note(&self, what: impl FnOnce() -> String) {
        self.record.note(what);
    }

    /// Returns the next moment in the order of what clients ask and hear.
    pub(super) fn tick(&self) -> u64 {
        self.ticks.fetch_add(1, Ordering::Relaxed)
    }

    /// Takes as long as a call does in one direction; the more often nothing, the faster all is.
    pub(super) async fn travel(&self) {
        let most = self.mix.travel_max;
        let drawn = self.chance().below(2 * most + 2);
        if drawn < most {
            tokio::time::sleep(Duration::from_millis(drawn)).await;
        } else if drawn.is_multiple_of(2) {
            tokio::task::yield_now().await;
        }
    }

    /// Draws what happens to a write of a process, and counts it.
    pub(super) fn strike(&self, life: &Life, point: WritePoint) -> Option<Fault> {
        if self.calm.is_given() {
            return None;
        }
        let is_possible = |fault: &Fault| {
            *fault != Fault::LeaseExpiry || point.act == Act::Lease || life.holds_leases()
        };
        let fault = self.mix.strike(&mut self.chance()).filter(is_possible);
        if let Some(fault) = fault {
            self.note(|| format!("process {}: {fault} at {point}", life.number));
        }
        self.record.pass(point, fault);
        fault
    }

    /// Draws what happens to a read of a process.
    pub(super) fn strike_read(&self, life: &Life, of: &str) -> Option<Fault> {
        if self.calm.is_given() || !self.chance().percent(READS_PERCENT) {
            return None;
        }
        let fault = self
            .mix
            .strike(&mut self.chance())
            .filter(|fault| fault.strikes_reads())?;
        self.note(|| format!("process {}: {fault} at a read of {of}", life.number));
        Some(fault)
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World")
            .field("mix", &self.mix)
            .finish_non_exhaustive()
    }
}
