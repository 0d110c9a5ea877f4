use std::{collections::BTreeSet, time::Duration};

use mp_core::{Error, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Expected, Movement, Standing};

/// The time that a report covers, and how far the provider's clock and ours may be apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    from: Timestamp,
    until: Timestamp,
    tolerance: Duration,
}

impl Window {
    /// How far apart the clocks may be unless told otherwise: an hour.
    pub const TOLERANCE: Duration = Duration::from_secs(60 * 60);

    /// Covers the time from a moment on, up to another that is not part of it.
    ///
    /// # Errors
    ///
    /// `invalid_field` if it ends before it begins.
    pub fn new(from: Timestamp, until: Timestamp) -> Result<Self, Error> {
        if until <= from {
            return Err(Error::invalid("until", "is not after from"));
        }
        Ok(Self {
            from,
            until,
            tolerance: Self::TOLERANCE,
        })
    }

    /// Lets the provider tell of a movement this much earlier or later than we learnt of it.
    #[must_use]
    pub const fn with_tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Returns when it begins.
    #[must_use]
    pub const fn from(&self) -> Timestamp {
        self.from
    }

    /// Returns when it ends.
    #[must_use]
    pub const fn until(&self) -> Timestamp {
        self.until
    }

    /// Returns whether a movement may stand in the report, by its time.
    pub(super) fn may_tell(&self, expected: &Expected) -> bool {
        let over = self.is_before(expected) && expected.standing != Standing::Open;
        !over && expected.sent_at < self.until.plus(self.tolerance)
    }

    /// Returns whether a movement can only have stood in an earlier report.
    pub(super) fn is_before(&self, expected: &Expected) -> bool {
        expected.at.plus(self.tolerance) < self.from
    }

    /// Returns whether a movement may also stand in the report after this one.
    pub(super) fn may_stand_in_next(&self, expected: &Expected) -> bool {
        expected.standing == Standing::Open || self.until <= expected.at.plus(self.tolerance)
    }

    /// Returns whether a movement may also have stood in the report before this one.
    pub(super) fn may_have_stood_before(&self, expected: &Expected) -> bool {
        expected.sent_at < self.from.plus(self.tolerance)
    }
}

/// What one report leaves to the next: so that over reports whose windows follow on each other each
/// movement is found once, or missed once.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Carry {
    /// What did not stand in the report, and may stand in the next.
    pub pending: Vec<Expected>,
    /// What stood in the report, though by our time it may belong to the next.
    pub seen: BTreeSet<Movement>,
}
