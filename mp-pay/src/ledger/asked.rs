//! What is asked of the books that a transfer touches beside its home.

use std::time::Duration;

use mp_core::{Error, Timestamp, label::Label, retention::AGE_MIN};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{BookId, Hold, Leg, MOVING_MAX, plan_id::PlanId};

/// No step is of use for so long after its transfer was made: [`MOVING_MAX`] and the margins between
/// the steps are less.
const ASKED_MAX: Duration = MOVING_MAX.saturating_mul(2);

const _: () = assert!(
    ASKED_MAX.as_secs() < AGE_MIN.as_secs(),
    "what is closed is older than whatever is asked for"
);

/// What a far book is asked to hold.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FarLegs {
    pub(super) book: BookId,
    pub(super) legs: Vec<Leg>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) memo: Option<Label>,
}

/// One step of a plan, as it is asked of a far book.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) legs: FarLegs,
    /// Until when it is of use to hold it.
    pub(super) until: Timestamp,
    /// How much of it is posted, as the home says.
    pub(super) posted_part: Option<i64>,
}

impl FarLegs {
    pub(super) fn of(request: &Value) -> Result<Self, Error> {
        Self::deserialize(request)
            .map_err(|error| Error::invalid("request", "is not about a book").with_source(error))
    }
}

impl Asked {
    /// Returns whether the hold that stands there is of this very transfer.
    ///
    /// Another one of the same id may have left it: one of another home, or one of this home that
    /// was closed since. No hold is older than the transfer which it is of.
    pub(super) fn is_of(&self, plan: &PlanId, hold: &Hold) -> bool {
        let made_before = hold.changed_at < self.until.minus(ASKED_MAX);
        hold.home == plan.home && hold.legs == self.legs.legs && !made_before
    }
}
