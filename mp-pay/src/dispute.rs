//! A payer's bank takes money back: what a backend tells of disputes and chargebacks.

use mp_core::{Document, Timestamp, amount::Money};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::backend::{DeclineCode, Reference};

mp_core::id_type!(
    /// Names a dispute at us; it is derived from the intent and the backend's reference.
    pub DisputeId, "dp"
);

/// The most disputes of one intent.
pub const DISPUTES_MAX: u32 = 20;

/// One dispute of a payment, as the backend tells of it.
///
/// It happens outside of our reach, so it is only observed: in any order and any number of times.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Dispute {
    /// Its name.
    pub id: DisputeId,
    /// The backend's name for it.
    pub reference: Reference,
    /// Which attempt's charge it is about; the one that counts if none was told. Only what is about that
    /// one counts against the intent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// How much is disputed; of several amounts that were told, the greatest.
    pub amount: Money,
    /// How far it has come; of several that were told, the furthest.
    pub status: DisputeStatus,
    /// Why, in the backend's or the card scheme's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<DeclineCode>,
    /// When it was first heard of.
    pub told_at: Timestamp,
}

impl Document for Dispute {
    const KIND: &'static str = "payment_dispute";
    const FORMAT: u32 = 2;
}

/// How far a dispute has come, the later after the earlier.
#[derive(
    Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DisputeStatus {
    /// The bank asks, and has taken nothing yet.
    Inquiry,
    /// The bank has taken the money back, and evidence can be given.
    NeedsResponse,
    /// Evidence was given.
    UnderReview,
    /// The money has come back to us.
    Won,
    /// The money stays with the payer. If a backend says both, this is the last word.
    Lost,
    /// A newer release wrote it; the money is taken to be gone, and nothing moves on from it here.
    #[serde(other)]
    Unrecognized,
}

impl DisputeStatus {
    /// Returns whether the disputed money is not with us.
    #[must_use]
    pub const fn withholds(self) -> bool {
        !matches!(self, Self::Inquiry | Self::Won)
    }

    /// Returns whether it is over.
    #[must_use]
    pub const fn is_closed(self) -> bool {
        matches!(self, Self::Won | Self::Lost)
    }
}

impl Dispute {
    /// Joins what was told of the same dispute, in whichever order.
    pub(crate) fn join(&mut self, other: &Self) {
        if other.amount.minor() > self.amount.minor() {
            self.amount = other.amount;
        }
        self.status = self.status.max(other.status);
        self.attempt = least(self.attempt, other.attempt);
        self.reason = least(self.reason.take(), other.reason.clone());
        self.told_at = self.told_at.min(other.told_at);
    }
}

/// Returns the least of what was told, so that it does not matter which came first.
fn least<T: Ord>(one: Option<T>, another: Option<T>) -> Option<T> {
    match (one, another) {
        (Some(one), Some(another)) => Some(one.min(another)),
        (one, another) => one.or(another),
    }
}
