use serde::Deserialize;

use super::money::Cents;

/// One entry of an intent's journal.
#[derive(Debug, Deserialize)]
pub(super) struct Entry {
    pub(super) number: u32,
    pub(super) event: Event,
}

/// Entries that no longer stand in the root.
#[derive(Debug, Deserialize)]
pub(super) struct Page {
    pub(super) entries: Vec<Entry>,
}

/// What happened to an intent, as far as it tells what money was to move and what moved.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Event {
    Created {
        amount: Cents,
        settlement: Option<Mark>,
    },
    Confirmed,
    CaptureAsked {
        amount: Cents,
    },
    RefundAsked {
        refund: String,
        amount: Cents,
    },
    Sent {
        operation: String,
    },
    Observed {
        operation: String,
        outcome: Outcome,
    },
    #[serde(other)]
    Other,
}

/// Ties an intent to the capability that asked for it.
#[derive(Debug, Deserialize)]
pub(super) struct Mark {
    pub(super) key: String,
}

/// What was observed of an operation.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub(super) enum Outcome {
    /// The money has moved, or the hold is gone.
    Settled,
    /// The money is held.
    Authorized,
    /// It did not happen, and will not.
    Declined,
    /// The answer was lost.
    Unknown,
    /// It is under way.
    #[default]
    #[serde(other)]
    Pending,
}

impl Outcome {
    /// Returns whether it says for good what became of the operation.
    pub(super) const fn is_known(self) -> bool {
        matches!(self, Self::Settled | Self::Authorized | Self::Declined)
    }

    /// Returns whether it was carried out.
    pub(super) const fn happened(self) -> bool {
        matches!(self, Self::Settled | Self::Authorized)
    }
}
