use std::fmt;

use mp_core::{Timestamp, amount::Money};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{backend::Reference, operation::OperationKey};

/// What a line of a settlement report is about.
#[derive(
    Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LineKind {
    /// Money taken from a payer at once.
    Charge,
    /// Money taken out of a hold. Many providers call that a charge too: the two count as one.
    Capture,
    /// The part of a hold that was not captured, where the provider has told the whole hold as a
    /// charge: below zero, and added to that.
    Reversal,
    /// Money given back to a payer; above zero what came back because the refund failed.
    Refund,
    /// Money that a payer's bank has withdrawn; above zero what it has returned.
    Dispute,
    /// What the provider keeps for itself, on a line of its own.
    Fee,
    /// What the provider has sent to the merchant's bank account.
    Payout,
    /// Anything else.
    Adjustment,
}

impl LineKind {
    /// Returns whether the provider's books may call by one of these names what ours call by the
    /// other.
    pub(super) fn is_akin_to(self, other: Self) -> bool {
        let charges = |kind| matches!(kind, Self::Charge | Self::Capture);
        self == other || (charges(self) && charges(other))
    }
}

impl fmt::Display for LineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Charge => "charge",
            Self::Capture => "capture",
            Self::Reversal => "reversal",
            Self::Refund => "refund",
            Self::Dispute => "dispute",
            Self::Fee => "fee",
            Self::Payout => "payout",
            Self::Adjustment => "adjustment",
        })
    }
}

/// One line of a provider's settlement report.
///
/// Amounts are seen from the merchant's balance at the provider: above zero is what came in.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ReportLine {
    /// Where it stands in the file, from 1.
    pub number: u64,
    /// What it is about.
    pub kind: LineKind,
    /// Our key of the operation, if the provider tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<OperationKey>,
    /// The provider's own names for it, the most particular first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<Reference>,
    /// How much, before fees.
    pub amount: Money,
    /// What the provider has kept of it, in minor units of the same currency; below zero what it has
    /// returned.
    #[serde(default)]
    pub fee: i64,
    /// When it happened, as the provider tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// The payout that it is part of; of a payout's own line, which payout it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payout: Option<Reference>,
}

impl ReportLine {
    /// Returns a line that says no more than how much of what.
    #[must_use]
    pub const fn new(number: u64, kind: LineKind, amount: Money) -> Self {
        Self {
            number,
            kind,
            key: None,
            references: Vec::new(),
            amount,
            fee: 0,
            at: None,
            payout: None,
        }
    }

    /// Tells which operation of ours it is about.
    #[must_use]
    pub const fn with_key(mut self, key: OperationKey) -> Self {
        self.key = Some(key);
        self
    }

    /// Tells a name that the provider has for it, less particular than those told before.
    #[must_use]
    pub fn with_reference(mut self, reference: Reference) -> Self {
        self.references.push(reference);
        self
    }

    /// Tells what the provider has kept of it, in minor units.
    #[must_use]
    pub const fn with_fee(mut self, fee: i64) -> Self {
        self.fee = fee;
        self
    }

    /// Tells when it happened.
    #[must_use]
    pub const fn with_time(mut self, at: Timestamp) -> Self {
        self.at = Some(at);
        self
    }

    /// Tells the payout that it is part of.
    #[must_use]
    pub fn in_payout(mut self, payout: Reference) -> Self {
        self.payout = Some(payout);
        self
    }

    /// Returns what it has changed the balance by, in minor units.
    pub(super) fn net(&self) -> i128 {
        i128::from(self.amount.minor()) - i128::from(self.fee)
    }

    /// Returns which payout it belongs to: a payout's own line may tell it as its name.
    pub(super) fn payout_id(&self) -> Option<&Reference> {
        let own = || {
            self.references
                .first()
                .filter(|_| self.kind == LineKind::Payout)
        };
        self.payout.as_ref().or_else(own)
    }
}
