//! Amounts that are known to be in a currency.

use std::fmt;

use crate::amount::{Amount, AmountError, Currency, Rounding, Unit};

/// An amount in a currency.
///
/// Where only money will do, a signature asks for it: points cannot be charged to a card. It
/// copies, and turns into an [`Amount`] for everything that amounts can do.
///
/// ```
/// use mp_core::amount::{Amount, Currency, Money};
///
/// let price = Money::new(1250, Currency::EUR);
/// assert_eq!(price.to_string(), "12.50 EUR");
/// assert_eq!(Money::try_from(Amount::from(price))?, price);
/// # Ok::<(), mp_core::amount::AmountError>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

impl Money {
    /// Returns `minor` minor units of `currency`: 1250 of EUR are 12.50 euros.
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Returns no money, in `currency`.
    pub const fn zero(currency: Currency) -> Self {
        Self::new(0, currency)
    }

    /// Returns the number of minor units.
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// Returns the currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// Tells whether there is none.
    pub const fn is_zero(self) -> bool {
        self.minor == 0
    }

    /// Tells whether it is below zero.
    pub const fn is_negative(self) -> bool {
        self.minor < 0
    }

    /// Tells whether it is above zero.
    pub const fn is_positive(self) -> bool {
        self.minor > 0
    }

    /// Returns the sum of two amounts of one currency.
    ///
    /// # Errors
    ///
    /// [`AmountError::UnitMismatch`] or [`AmountError::Overflow`].
    pub fn checked_add(self, other: Self) -> Result<Self, AmountError> {
        Amount::from(self).checked_add(&other.into())?.try_into()
    }

    /// Returns this amount less the other one; the result may be negative.
    ///
    /// # Errors
    ///
    /// [`AmountError::UnitMismatch`] or [`AmountError::Overflow`].
    pub fn checked_sub(self, other: Self) -> Result<Self, AmountError> {
        Amount::from(self).checked_sub(&other.into())?.try_into()
    }

    /// Returns `numerator / denominator` of it, as [`Amount::checked_ratio`] does.
    ///
    /// # Errors
    ///
    /// [`AmountError::ZeroDenominator`] or [`AmountError::Overflow`].
    pub fn checked_ratio(
        self,
        numerator: u32,
        denominator: u32,
        rounding: Rounding,
    ) -> Result<Self, AmountError> {
        Amount::from(self)
            .checked_ratio(numerator, denominator, rounding)?
            .try_into()
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Amount::from(*self).fmt(f)
    }
}

impl From<Money> for Amount {
    fn from(money: Money) -> Self {
        Self::new(money.minor, money.currency)
    }
}

impl TryFrom<Amount> for Money {
    type Error = AmountError;

    fn try_from(amount: Amount) -> Result<Self, AmountError> {
        match amount.unit {
            Unit::Currency(currency) => Ok(Self::new(amount.minor, currency)),
            unit @ Unit::Own(_) => Err(AmountError::NotMoney { unit }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amount::OwnUnit;

    #[test]
    fn an_own_unit_is_not_money() {
        let unit = Unit::from(OwnUnit::new("shop", "stamps").unwrap());
        let refusal = AmountError::NotMoney { unit: unit.clone() };
        assert_eq!(Money::try_from(Amount::new(3, unit)), Err(refusal));
    }

    #[test]
    fn arithmetic_stays_in_its_currency() {
        let (price, fee) = (
            Money::new(1000, Currency::EUR),
            Money::new(30, Currency::EUR),
        );
        assert_eq!(price.checked_add(fee), Ok(Money::new(1030, Currency::EUR)));
        assert_eq!(fee.checked_sub(price), Ok(Money::new(-970, Currency::EUR)));
        assert_eq!(price.checked_ratio(3, 100, Rounding::Down), Ok(fee));
        assert!(price.checked_add(Money::zero(Currency::USD)).is_err());
    }
}
