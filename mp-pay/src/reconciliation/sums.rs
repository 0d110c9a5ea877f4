//! What a report and our journal add up to, by currency; counted in 128 bits, told in 64.

use std::collections::BTreeMap;

use mp_core::{
    Error,
    amount::{Currency, JSON_INTEGER_MAX, Money},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{LineKind, ReportLine};

/// What everything in one currency adds up to.
///
/// `difference` is always what the report tells of movements less what our journal does: that of
/// the extra lines and the differing ones, less what is missing.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Total {
    /// The currency.
    pub currency: Currency,
    /// What our journal says has moved and the report has to tell: what is pending is not in it.
    pub ours: Money,
    /// What the report says has moved: all of its lines but fees and payouts.
    pub theirs: Money,
    /// Theirs less ours.
    pub difference: Money,
    /// What our journal says has moved and the next report has to tell.
    pub pending: Money,
    /// What the provider has kept, on lines of its own or of others.
    pub fees: Money,
    /// What the provider has sent to the bank.
    pub paid_out: Money,
}

#[derive(Debug, Default)]
struct Sum {
    ours: i128,
    theirs: i128,
    pending: i128,
    fees: i128,
    paid_out: i128,
}

/// The sums, while lines are taken.
#[derive(Debug, Default)]
pub(super) struct Sums(BTreeMap<Currency, Sum>);

impl Sums {
    pub(super) fn add_line(&mut self, line: &ReportLine) {
        let amount = i128::from(line.amount.minor());
        let sum = self.of(line.amount);
        sum.fees += i128::from(line.fee);
        match line.kind {
            LineKind::Fee => sum.fees -= amount,
            LineKind::Payout => sum.paid_out -= amount,
            _ => sum.theirs += amount,
        }
    }

    pub(super) fn add_ours(&mut self, amount: Money) {
        self.of(amount).ours += i128::from(amount.minor());
    }

    pub(super) fn add_pending(&mut self, amount: Money) {
        self.of(amount).pending += i128::from(amount.minor());
    }

    fn of(&mut self, amount: Money) -> &mut Sum {
        self.0.entry(amount.currency()).or_default()
    }

    pub(super) fn totals(self) -> Result<Vec<Total>, Error> {
        let totals = self.0.into_iter().map(|(currency, sum)| {
            Ok(Total {
                currency,
                ours: money(sum.ours, currency)?,
                theirs: money(sum.theirs, currency)?,
                difference: money(sum.theirs - sum.ours, currency)?,
                pending: money(sum.pending, currency)?,
                fees: money(sum.fees, currency)?,
                paid_out: money(sum.paid_out, currency)?,
            })
        });
        totals.collect()
    }
}

/// Returns a sum as money, if JSON can tell it exactly.
pub(super) fn money(minor: i128, currency: Currency) -> Result<Money, Error> {
    let minor = i64::try_from(minor).ok();
    let told = minor.filter(|it| (-JSON_INTEGER_MAX..=JSON_INTEGER_MAX).contains(it));
    let beyond = || Error::invalid("report", "adds up to more than can be told exactly");
    told.map(|minor| Money::new(minor, currency))
        .ok_or_else(beyond)
}
