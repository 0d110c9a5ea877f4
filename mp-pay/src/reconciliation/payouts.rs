//! What each payout is made up of, and whether that is what was paid.

use std::collections::BTreeMap;

use mp_core::{
    Error, ErrorKind,
    amount::{Currency, Money},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{LineKind, ReportLine, sums::money};
use crate::backend::Reference;

/// The most payouts that one report may name.
pub const PAYOUTS_MAX: usize = 10_000;

/// One payout of the provider's to the merchant's bank, in one currency.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PayoutContent {
    /// The provider's name for it.
    pub id: Reference,
    /// How many lines it is made up of.
    pub lines: u64,
    /// What they come to, less their fees.
    pub contains: Money,
    /// What was paid, if its own line is in the report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid: Option<Money>,
}

impl PayoutContent {
    /// Returns whether what was paid is what it contains; `None` if the report does not tell what
    /// was paid.
    #[must_use]
    pub fn adds_up(&self) -> Option<bool> {
        self.paid.map(|paid| paid == self.contains)
    }
}

#[derive(Debug, Default)]
struct Content {
    lines: u64,
    contains: i128,
    paid: Option<i128>,
}

/// The payouts, while lines are taken.
#[derive(Debug, Default)]
pub(super) struct Payouts(BTreeMap<(Reference, Currency), Content>);

impl Payouts {
    pub(super) fn add_line(&mut self, line: &ReportLine) -> Result<(), Error> {
        let Some(id) = line.payout_id() else {
            return Ok(());
        };
        let place = (id.clone(), line.amount.currency());
        if self.0.len() == PAYOUTS_MAX && !self.0.contains_key(&place) {
            return Err(too_many());
        }
        let content = self.0.entry(place).or_default();
        if line.kind == LineKind::Payout {
            content.paid = Some(content.paid.unwrap_or_default() - line.net());
        } else {
            content.lines += 1;
            content.contains += line.net();
        }
        Ok(())
    }

    pub(super) fn contents(self) -> Result<Vec<PayoutContent>, Error> {
        let contents = self.0.into_iter().map(|((id, currency), content)| {
            Ok(PayoutContent {
                id,
                lines: content.lines,
                contains: money(content.contains, currency)?,
                paid: content.paid.map(|paid| money(paid, currency)).transpose()?,
            })
        });
        contents.collect()
    }
}

fn too_many() -> Error {
    let message = format!("the report names more than {PAYOUTS_MAX} payouts: split it");
    Error::new(ErrorKind::Invalid, "too_many", message)
}
