use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use tokio::time::Instant;

use super::Chance;
use crate::clock::{Clock, SKEW_MAX, Timestamp};

/// How far a process's clock may be from the true one: as far as those of two processes may differ,
/// and that in both directions.
const OFFSET_MAX: i64 = SKEW_MAX.as_micros() as i64;

/// The clock of one process: tokio's paused time, and an offset that jumps.
#[derive(Debug)]
pub(super) struct VirtualClock {
    origin: Timestamp,
    started: Instant,
    offset: AtomicI64,
}

impl VirtualClock {
    /// Makes a clock that is off by chance.
    pub(super) fn new(origin: Timestamp, started: Instant, chance: &mut Chance) -> Self {
        let offset = between(-OFFSET_MAX, OFFSET_MAX, chance);
        Self {
            origin,
            started,
            offset: AtomicI64::new(offset),
        }
    }

    /// Jumps forward or back, within what it may be off.
    pub(super) fn jump(&self, forward: bool, chance: &mut Chance) {
        let offset = self.offset.load(Ordering::Relaxed);
        let target = if forward {
            between(offset, OFFSET_MAX, chance)
        } else {
            between(-OFFSET_MAX, offset, chance)
        };
        self.offset.store(target, Ordering::Relaxed);
    }

    pub(super) fn offset_millis(&self) -> i64 {
        self.offset.load(Ordering::Relaxed) / 1_000
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        let truth = self.origin.plus(self.started.elapsed());
        let offset = self.offset.load(Ordering::Relaxed);
        let span = Duration::from_micros(offset.unsigned_abs());
        if offset < 0 {
            truth.minus(span)
        } else {
            truth.plus(span)
        }
    }
}

fn between(least: i64, most: i64, chance: &mut Chance) -> i64 {
    let span = u64::try_from(most - least).unwrap_or_default();
    least + i64::try_from(chance.below(span + 1)).unwrap_or_default()
}
