//! What can go wrong with amounts.

use thiserror::Error;

use crate::amount::{Unit, WEIGHTS_MAX};

/// Says why an operation on amounts was refused.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum AmountError {
    /// The two amounts are counted in different units.
    #[error("{left} and {right} cannot be combined, convert one of them first")]
    UnitMismatch {
        /// The unit of the amount the method was called on.
        left: Unit,
        /// The unit of the other amount.
        right: Unit,
    },
    /// The result does not fit into 64 bits.
    #[error("the amount is beyond 64 bits of minor units")]
    Overflow,
    /// Money was asked for, but the amount is in a unit of an app's own.
    #[error("{unit} is not a currency, use an amount of money")]
    NotMoney {
        /// The unit that is not a currency.
        unit: Unit,
    },
    /// A ratio has the denominator zero.
    #[error("a ratio needs a denominator above zero")]
    ZeroDenominator,
    /// There is nothing to allocate to: no weights, or only zeros.
    #[error("an allocation needs at least one weight above zero")]
    NoWeights,
    /// There are more than [`WEIGHTS_MAX`] weights.
    #[error("an allocation takes at most {WEIGHTS_MAX} weights, split it")]
    TooManyWeights,
    /// The text is no decimal number of the form `-12.50`.
    #[error("expected a decimal number such as 12.50 or -3")]
    NotDecimal,
    /// The text has more decimals than the unit.
    #[error("{unit} has at most {decimals_max} decimals")]
    TooManyDecimals {
        /// The unit of the amount.
        unit: Unit,
        /// How many decimals the unit has.
        decimals_max: u8,
    },
}

/// Says that a text names no [`Unit`], no [`Currency`](super::Currency) or no
/// [`OwnUnit`](super::OwnUnit).
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("expected {expected}")]
pub struct ParseUnitError {
    pub(super) expected: &'static str,
}
