use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::lag::Lags;
use crate::clock::Timestamp;

/// What a worker has done of one kind of work since it was made, and how late.
///
/// A lag is the time from when a delivery was due until it was leased. Alert on
/// [`lag`](Self::lag), which grows while nobody keeps up, and on [`dead`](Self::dead).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KindReport {
    /// Deliveries that were handled and are finished.
    pub finished: u64,
    /// Deliveries that were put off without failing.
    pub postponed: u64,
    /// Attempts that failed and will be repeated.
    pub failed: u64,
    /// Attempts that broke off without an answer: the handler panicked, or was not done in time.
    pub broken_off: u64,
    /// Deliveries that were given up.
    pub dead: u64,
    /// The lag of the longest due delivery when the worker last looked, zero if nothing was due; and
    /// the time since then, or since the worker was made, while the next look is overdue: all its places are taken, the store does
    /// not answer, or nobody has the worker work.
    pub lag: Duration,
    /// The longest lag since the worker was made.
    pub lag_max: Duration,
    /// The median of the lags of the last five to ten minutes, told at most a quarter too long.
    pub lag_p50: Duration,
    /// The lag that 99 of 100 did not exceed in the last five to ten minutes, told at most a quarter
    /// too long.
    pub lag_p99: Duration,
}

/// What a worker has done since it was made, by kind of work.
pub type WorkReport = BTreeMap<String, KindReport>;

/// Keeps count of one kind of work.
#[derive(Debug)]
pub(super) struct Tally(Mutex<Counts>);

#[derive(Debug)]
struct Counts {
    report: KindReport,
    measured: Lags,
    /// When the worker last looked; before it has, since when it could have.
    looked: Timestamp,
}

impl Tally {
    /// Begins to count at `now`.
    pub(super) fn new(now: Timestamp) -> Self {
        Self(Mutex::new(Counts {
            report: KindReport::default(),
            measured: Lags::new(),
            looked: now,
        }))
    }

    pub(super) fn count(&self, count: impl FnOnce(&mut KindReport)) {
        count(&mut self.lock().report);
    }

    /// Takes note of the lags that were seen at `now`, the longest first.
    pub(super) fn look(&self, lags: impl Iterator<Item = Duration>, now: Timestamp) {
        let mut counts = self.lock();
        let Counts {
            report,
            measured,
            looked,
        } = &mut *counts;
        *looked = now;
        report.lag = Duration::ZERO;
        for lag in lags {
            report.lag = report.lag.max(lag);
            measured.note(lag, now);
        }
        report.lag_max = report.lag_max.max(report.lag);
    }

    /// Returns the report at `now`, given the longest pause between two looks.
    pub(super) fn report(&self, now: Timestamp, pause_max: Duration) -> KindReport {
        let mut counts = self.lock();
        let mut report = counts.report;
        report.lag_p50 = counts.measured.quantile(0.5, now);
        report.lag_p99 = counts.measured.quantile(0.99, now);
        let unseen = now.since(counts.looked);
        if unseen > pause_max {
            report.lag += unseen;
        }
        report.lag_max = report.lag_max.max(report.lag);
        report
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
