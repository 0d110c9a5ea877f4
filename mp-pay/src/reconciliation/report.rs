use mp_core::{Timestamp, amount::Money};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Carry, Expected, LineKind, PayoutContent, ReportLine, Subject, Total};

/// The most findings of one class that a report lists; the others are counted and summed.
pub const FINDINGS_MAX: usize = 10_000;

/// What comes of a reconciliation: the report, and what to give to the next one.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Reconciled {
    /// For people.
    pub report: Report,
    /// For the reconciliation of the report after this one.
    pub carry: Carry,
}

/// What a provider's settlement report tells, beside what our journal does.
///
/// As text it is a table for people, as JSON it is data.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// From when on.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// How many lines the report has.
    pub lines: u64,
    /// How many movements of ours it tells as we do.
    pub matched: u64,
    /// What moved and is not in it, by operation.
    pub missing: Listed<Expected>,
    /// What moved so late that it may stand in the next, by operation.
    pub pending: Listed<Expected>,
    /// What moved so early that it may have stood in the one before, where nobody has told what
    /// stood there.
    pub earlier: Listed<Expected>,
    /// What is in it and not ours, by line.
    pub extra: Listed<Extra>,
    /// What it tells otherwise than we do, by line.
    pub differing: Listed<Differing>,
    /// What everything adds up to, by currency.
    pub totals: Vec<Total>,
    /// What each payout is made up of, by its name.
    pub payouts: Vec<PayoutContent>,
}

impl Report {
    /// Returns whether there is nothing that anybody has to look into.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        let found = self.missing.count + self.extra.count + self.differing.count;
        found == 0 && self.payouts.iter().all(|it| it.adds_up() != Some(false))
    }
}

/// Findings: all of them counted, the first [`FINDINGS_MAX`] listed.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Listed<T> {
    /// How many there are.
    pub count: u64,
    /// The first of them.
    pub items: Vec<T>,
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self {
            count: 0,
            items: Vec::new(),
        }
    }
}

impl<T> Listed<T> {
    pub(super) fn of(found: impl IntoIterator<Item = T>) -> Self {
        let mut listed = Self::default();
        found.into_iter().for_each(|item| listed.push(item));
        listed
    }

    pub(super) fn push(&mut self, item: T) {
        self.count += 1;
        if self.items.len() < FINDINGS_MAX {
            self.items.push(item);
        }
    }
}

/// A line that tells of nothing of ours.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Extra {
    /// The line.
    pub line: ReportLine,
    /// Why.
    pub why: ExtraReason,
}

/// Why a line tells of nothing of ours.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ExtraReason {
    /// Nothing of ours has such a name and amount.
    NotOurs,
    /// It names a payment that retention has moved out of the store: look in the archive.
    Archived,
}

/// A line that tells of something of ours otherwise than we do.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Differing {
    /// What it is about.
    pub subject: Subject,
    /// Which line.
    pub line: u64,
    /// How much by our journal.
    pub ours: Money,
    /// How much by the report.
    pub theirs: Money,
    /// What differs.
    pub what: Difference,
}

/// How a line differs from our journal.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Difference {
    /// It tells another amount.
    Amount,
    /// It tells another currency.
    Currency,
    /// It calls it something else.
    Kind(LineKind),
    /// It, or the report before it, has told it before.
    Twice,
    /// It moved before the time of this report: an earlier one has told it, or was found to miss it.
    Late,
    /// It tells as done what we do not know the outcome of yet.
    Open,
    /// It tells as done what by our journal did not happen.
    NotMoved,
}

impl Difference {
    /// Returns whether what our journal tells is counted: each movement once, if it happened.
    pub(super) const fn counts_as_ours(self) -> bool {
        matches!(self, Self::Amount | Self::Currency | Self::Kind(_))
    }
}
