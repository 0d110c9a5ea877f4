use std::{collections::BTreeMap, time::Duration};

/// What a worker has done of one kind of work since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KindReport {
    /// Deliveries that were handled and are finished.
    pub finished: u64,
    /// Deliveries that were put off without failing.
    pub postponed: u64,
    /// Attempts that failed and will be repeated.
    pub failed: u64,
    /// Deliveries that were given up.
    pub dead: u64,
    /// How long after it was due the last delivery was leased.
    pub lag: Duration,
    /// The longest such lag.
    pub lag_max: Duration,
}

/// What a worker has done since it was made, by kind of work.
pub type WorkReport = BTreeMap<String, KindReport>;
