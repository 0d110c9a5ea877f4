use std::fmt;

use mp_core::{Timestamp, amount::Money};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::LineKind;
use crate::{backend::Reference, dispute::DisputeId, intent::IntentId, operation::OperationKey};

/// What of ours moves money: an operation, or a dispute that the backend told of.
#[derive(
    Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Subject {
    /// An operation, by the key that the provider knows too.
    Operation(OperationKey),
    /// A dispute.
    #[non_exhaustive]
    Dispute {
        /// About which payment.
        intent: IntentId,
        /// Which.
        dispute: DisputeId,
    },
}

impl Subject {
    /// Names a dispute about a payment.
    #[must_use]
    pub const fn dispute(intent: IntentId, dispute: DisputeId) -> Self {
        Self::Dispute { intent, dispute }
    }

    /// Returns the payment that it is about.
    #[must_use]
    pub const fn intent(&self) -> IntentId {
        match self {
            Self::Operation(key) => key.intent,
            Self::Dispute { intent, .. } => *intent,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operation(key) => key.fmt(f),
            Self::Dispute { dispute, .. } => dispute.fmt(f),
        }
    }
}

/// Whether money goes to the merchant or away.
#[derive(
    Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// To the merchant.
    In,
    /// Away.
    Out,
}

impl Direction {
    pub(super) const fn of(amount: Money) -> Self {
        if amount.is_negative() {
            Self::Out
        } else {
            Self::In
        }
    }
}

/// What our journal knows of a movement.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Standing {
    /// It happened: a report has to tell it.
    Moved,
    /// Its outcome is not known here yet: a report may tell it.
    Open,
    /// It did not happen: no report should tell it, unless it tells as well that it was taken back.
    NotMoved,
}

/// A movement of money as our journal knows it.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Expected {
    /// What it comes of.
    pub subject: Subject,
    /// What it is.
    pub kind: LineKind,
    /// How much; above zero what came in.
    pub amount: Money,
    /// The backend's own name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Reference>,
    /// From when on it may have happened: when the backend was first called for it.
    pub sent_at: Timestamp,
    /// By when it had happened: when that was learnt.
    pub at: Timestamp,
    /// What is known of it.
    pub standing: Standing,
}

impl Expected {
    /// Returns a movement that happened at this moment.
    #[must_use]
    pub const fn moved(subject: Subject, kind: LineKind, amount: Money, at: Timestamp) -> Self {
        Self {
            subject,
            kind,
            amount,
            reference: None,
            sent_at: at,
            at,
            standing: Standing::Moved,
        }
    }

    /// Tells the backend's own name for it.
    #[must_use]
    pub fn with_reference(mut self, reference: Option<Reference>) -> Self {
        self.reference = reference;
        self
    }

    /// Tells since when it may have happened.
    #[must_use]
    pub fn sent_at(mut self, at: Timestamp) -> Self {
        self.sent_at = at.min(self.at);
        self
    }

    /// Tells what is known of it.
    #[must_use]
    pub const fn standing(mut self, standing: Standing) -> Self {
        self.standing = standing;
        self
    }

    pub(super) const fn movement(&self) -> Movement {
        Movement {
            subject: self.subject,
            direction: Direction::of(self.amount),
        }
    }
}

/// Names a movement: an operation or dispute moves money at most once each way.
#[derive(
    Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize,
)]
#[non_exhaustive]
pub struct Movement {
    /// What it comes of.
    pub subject: Subject,
    /// Which way.
    pub direction: Direction,
}

impl Movement {
    /// Returns what takes it back.
    pub(super) const fn back(self) -> Self {
        let direction = match self.direction {
            Direction::In => Direction::Out,
            Direction::Out => Direction::In,
        };
        Self { direction, ..self }
    }
}
