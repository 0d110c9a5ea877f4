use std::{collections::BTreeMap, ops::RangeInclusive, time::Duration};

use mp_core::amount::{Currency, JSON_INTEGER_MAX, Money};

use super::PayoutError;

/// How payouts are carried out.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PayoutsOptions {
    /// The longest that one call to the backend may take, counted from the commit that claims it; 30
    /// seconds by default. What takes longer counts as unknown, and what a dead process had sent is
    /// looked into after as long and twice [`SKEW_MAX`](mp_core::clock::SKEW_MAX).
    pub call_max: Duration,
    bounds: BTreeMap<Currency, RangeInclusive<i64>>,
}

impl Default for PayoutsOptions {
    fn default() -> Self {
        Self {
            call_max: Duration::from_secs(30),
            bounds: BTreeMap::new(),
        }
    }
}

impl PayoutsOptions {
    /// Lets one call to the backend take this long at most.
    #[must_use]
    pub const fn with_call_max(mut self, call_max: Duration) -> Self {
        self.call_max = call_max;
        self
    }

    /// Pays out no less and no more than this at once, in minor units of a currency. Once any
    /// currency is bounded, nothing is paid out in those that are not.
    #[must_use]
    pub fn with_bounds(mut self, currency: Currency, minor: RangeInclusive<i64>) -> Self {
        self.bounds.insert(currency, minor);
        self
    }

    pub(super) fn check(&self, asked: Money) -> Result<(), PayoutError> {
        let currency = asked.currency();
        let (none, all) = (0..=0, 1..=JSON_INTEGER_MAX);
        let bounds = match self.bounds.is_empty() {
            true => &all,
            false => self.bounds.get(&currency).unwrap_or(&none),
        };
        if bounds.contains(&asked.minor()) && asked.is_positive() {
            return Ok(());
        }
        Err(PayoutError::OutOfBounds {
            asked,
            least: Money::new(*bounds.start(), currency),
            most: Money::new(*bounds.end(), currency),
        })
    }
}
