use mp_core::amount::JSON_INTEGER_MAX;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Act, Entry};

/// The most that an account's debits or its credits may come to, what is pending counted in, in minor
/// units: 2⁵³ − 1, the largest
/// integer that every reader of JSON can tell from its neighbours (RFC 8259 §6).
pub const SUM_MAX: i64 = JSON_INTEGER_MAX;

/// On which side an account's balance grows.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Debits make it grow: cash at the bank, what is owed to us.
    Debit,
    /// Credits make it grow: what a visitor has in the wallet, sales.
    Credit,
}

/// What was ever debited and credited, posted and pending, in minor units. None is below zero.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct Balance {
    /// Debits for good.
    pub debits_posted: i64,
    /// Debits that are held.
    pub debits_pending: i64,
    /// Credits for good.
    pub credits_posted: i64,
    /// Credits that are held.
    pub credits_pending: i64,
}

impl Balance {
    /// Returns the posted balance, positive on the account's own side.
    #[must_use]
    pub const fn posted(&self, side: Side) -> i64 {
        // Both sums are within 0 and SUM_MAX, so that no difference of them overflows.
        match side {
            Side::Debit => self.debits_posted - self.credits_posted,
            Side::Credit => self.credits_posted - self.debits_posted,
        }
    }

    /// Returns what the posted balance falls to if all that is held against it is posted.
    #[must_use]
    pub const fn least(&self, side: Side) -> i64 {
        match side {
            Side::Debit => self.posted(side) - self.credits_pending,
            Side::Credit => self.posted(side) - self.debits_pending,
        }
    }

    /// Returns what the posted balance rises to if all that is held in its favour is posted.
    #[must_use]
    pub const fn most(&self, side: Side) -> i64 {
        match side {
            Side::Debit => self.posted(side) + self.debits_pending,
            Side::Credit => self.posted(side) + self.credits_pending,
        }
    }

    /// Returns what was debited or credited in all, what is pending counted in.
    pub(super) const fn sum(&self, on: Side) -> i64 {
        // Both are within 0 and SUM_MAX.
        match on {
            Side::Debit => self.debits_posted + self.debits_pending,
            Side::Credit => self.credits_posted + self.credits_pending,
        }
    }

    /// Returns the balance after an entry on one of its sides; `None` if a sum would leave its
    /// range.
    #[must_use]
    pub fn after(&self, entry: &Effect, on: Side) -> Option<Self> {
        let mut after = *self;
        let (posted, pending) = match on {
            Side::Debit => (&mut after.debits_posted, &mut after.debits_pending),
            Side::Credit => (&mut after.credits_posted, &mut after.credits_pending),
        };
        *posted = in_range(posted.checked_add(entry.posted)?)?;
        *pending = in_range(pending.checked_add(entry.pending)?)?;
        Some(after)
    }
}

/// What an entry adds to the posted and to the pending sum, on both of its sides alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effect {
    /// Never below zero: what is posted stays.
    pub posted: i64,
    /// Below zero where something that was held is let go of or posted.
    pub pending: i64,
}

impl Effect {
    /// Returns what an entry does; `None` for one that a newer release wrote.
    #[must_use]
    pub const fn of(entry: &Entry) -> Option<Self> {
        Self::made_by(entry.act, entry.amount, entry.released)
    }

    pub(super) const fn made_by(act: Act, amount: i64, released: i64) -> Option<Self> {
        let (posted, pending) = match act {
            Act::Posted | Act::Undone => (amount, 0),
            Act::Pending => (0, amount),
            Act::PostedPending | Act::VoidedPending | Act::ExpiredPending => (amount, -released),
            Act::Unrecognized => return None,
        };
        Some(Self { posted, pending })
    }
}

const fn in_range(sum: i64) -> Option<i64> {
    if sum >= 0 && sum <= SUM_MAX {
        Some(sum)
    } else {
        None
    }
}
