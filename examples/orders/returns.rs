use mp_core::{Timestamp, label::Label, port::SettlementKey};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::OrderId;

/// A buyer's wish to give an order back, and what became of it.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
pub struct Return {
    reason: Label,
    requested_at: Timestamp,
    returned_at: Option<Timestamp>,
    #[serde(default)]
    failures: u32,
}

impl Return {
    /// Creates a wish that nobody has answered yet.
    pub(super) const fn requested(reason: Label, at: Timestamp) -> Self {
        Self {
            reason,
            requested_at: at,
            returned_at: None,
            failures: 0,
        }
    }

    /// Returns the key under which the money is given back: an order has one return, and another
    /// key only once the one before was declined for good.
    pub(super) fn part(&self, order: OrderId) -> SettlementKey {
        let key = match self.failures {
            0 => format!("{order}.return"),
            failures => format!("{order}.return-{failures}"),
        };
        SettlementKey::new(key).expect("at most 48 letters, digits, `_`, `.` and `-`")
    }

    /// Notes that the settlement has declined to give the money back.
    pub(super) const fn failed(mut self) -> Self {
        self.failures = self.failures.saturating_add(1);
        self
    }

    /// Notes that the goods were taken back and the money was given back.
    pub(super) const fn done(mut self, at: Timestamp) -> Self {
        self.returned_at = Some(at);
        self
    }

    /// Returns the buyer's reason.
    #[must_use]
    pub const fn reason(&self) -> &Label {
        &self.reason
    }

    /// Returns when the buyer asked.
    #[must_use]
    pub const fn requested_at(&self) -> Timestamp {
        self.requested_at
    }

    /// Returns how often the settlement has declined to give the money back.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// Returns when the money was given back, if it was.
    #[must_use]
    pub const fn returned_at(&self) -> Option<Timestamp> {
        self.returned_at
    }
}
