use std::fmt;

use mp_core::amount::{Amount, Unit};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AccountId, BookId};

/// An amount on its way from one account to another.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Move {
    /// The account that is debited.
    pub debit: AccountId,
    /// The account that is credited.
    pub credit: AccountId,
    /// How much, more than zero.
    pub amount: Amount,
}

/// One move, or one end of it, inside one book: both accounts stand there.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Leg {
    /// Which move of the transfer, from 0.
    #[serde(rename = "move")]
    pub of_move: u32,
    /// The account that is debited.
    pub debit: AccountId,
    /// The account that is credited.
    pub credit: AccountId,
    /// What both count.
    pub unit: Unit,
    /// How much, in minor units.
    pub amount: i64,
}

impl Move {
    pub(super) fn leg_in(&self, number: u32, book: &BookId) -> Option<Leg> {
        let unit = self.amount.unit();
        let transit = || AccountId::in_transit(book, unit);
        let (debit, credit) = match (self.debit.is_in(book), self.credit.is_in(book)) {
            (true, true) => (self.debit.clone(), self.credit.clone()),
            (true, false) => (self.debit.clone(), transit()),
            (false, true) => (transit(), self.credit.clone()),
            (false, false) => return None,
        };
        Some(Leg {
            of_move: number,
            debit,
            credit,
            unit: unit.clone(),
            amount: self.amount.minor(),
        })
    }

    /// Returns the same move of another amount, in minor units.
    pub(super) fn of_amount(&self, amount: i64) -> Self {
        Self {
            amount: Amount::new(amount, self.amount.unit().clone()),
            ..self.clone()
        }
    }

    /// Returns the way back.
    #[must_use]
    pub fn swapped(&self, amount: i64) -> Self {
        Self {
            debit: self.credit.clone(),
            credit: self.debit.clone(),
            amount: Amount::new(amount, self.amount.unit().clone()),
        }
    }
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} from {} to {}", self.amount, self.debit, self.credit)
    }
}
