//! Adding, subtracting and comparing: exact, or refused.

use std::cmp::Ordering;

use crate::amount::{Amount, AmountError, Unit};

impl Amount {
    /// Returns the sum of two amounts of one unit.
    ///
    /// # Errors
    ///
    /// [`AmountError::UnitMismatch`] or [`AmountError::Overflow`].
    pub fn checked_add(&self, other: &Self) -> Result<Self, AmountError> {
        self.same_unit(other)?;
        self.checked(self.minor.checked_add(other.minor))
    }

    /// Returns this amount less the other one; the result may be negative.
    ///
    /// # Errors
    ///
    /// [`AmountError::UnitMismatch`] or [`AmountError::Overflow`].
    pub fn checked_sub(&self, other: &Self) -> Result<Self, AmountError> {
        self.same_unit(other)?;
        self.checked(self.minor.checked_sub(other.minor))
    }

    /// Returns the amount `factor` times over.
    ///
    /// # Errors
    ///
    /// [`AmountError::Overflow`].
    pub fn checked_mul(&self, factor: i64) -> Result<Self, AmountError> {
        self.checked(self.minor.checked_mul(factor))
    }

    /// Returns the amount with the other sign.
    ///
    /// # Errors
    ///
    /// [`AmountError::Overflow`] for `i64::MIN` minor units, which have no counterpart.
    pub fn checked_neg(&self) -> Result<Self, AmountError> {
        self.checked(self.minor.checked_neg())
    }

    /// Compares two amounts of one unit.
    ///
    /// # Errors
    ///
    /// [`AmountError::UnitMismatch`].
    pub fn checked_cmp(&self, other: &Self) -> Result<Ordering, AmountError> {
        self.same_unit(other)?;
        Ok(self.minor.cmp(&other.minor))
    }

    /// Returns the sum of any number of amounts of `unit`, which is zero for none.
    ///
    /// Only the result has to fit: the order of the amounts makes no difference.
    ///
    /// # Errors
    ///
    /// [`AmountError::UnitMismatch`] if one of them is not in `unit`, or
    /// [`AmountError::Overflow`].
    pub fn sum<'a>(
        unit: impl Into<Unit>,
        amounts: impl IntoIterator<Item = &'a Self>,
    ) -> Result<Self, AmountError> {
        let zero = Self::zero(unit);
        let mut total = 0_i128;
        for amount in amounts {
            zero.same_unit(amount)?;
            total = total
                .checked_add(i128::from(amount.minor))
                .ok_or(AmountError::Overflow)?;
        }
        zero.checked(i64::try_from(total).ok())
    }

    /// Returns the amount of this unit, if the number fitted.
    pub(super) fn checked(&self, minor: Option<i64>) -> Result<Self, AmountError> {
        minor
            .map(|minor| self.with_minor(minor))
            .ok_or(AmountError::Overflow)
    }

    fn same_unit(&self, other: &Self) -> Result<(), AmountError> {
        if self.unit == other.unit {
            return Ok(());
        }
        Err(AmountError::UnitMismatch {
            left: self.unit.clone(),
            right: other.unit.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::amount::{Currency, OwnUnit};

    fn euros(minor: i64) -> Amount {
        Amount::new(minor, Currency::EUR)
    }

    #[test]
    fn differing_units_are_never_combined() {
        let stamps = Amount::new(1, OwnUnit::new("shop", "stamps").unwrap());
        for other in [Amount::new(1, Currency::USD), stamps] {
            let left = Unit::from(Currency::EUR);
            let mismatch = AmountError::UnitMismatch {
                left,
                right: other.unit().clone(),
            };
            assert_eq!(euros(1).checked_add(&other), Err(mismatch.clone()));
            assert_eq!(euros(1).checked_sub(&other), Err(mismatch.clone()));
            assert_eq!(euros(1).checked_cmp(&other), Err(mismatch.clone()));
            assert_eq!(
                Amount::sum(Currency::EUR, [&euros(1), &other]),
                Err(mismatch)
            );
        }
    }

    #[test]
    fn overflow_is_an_error_on_both_sides() {
        let (least, most) = (euros(i64::MIN), euros(i64::MAX));
        for result in [
            most.checked_add(&euros(1)),
            least.checked_sub(&euros(1)),
            most.checked_mul(2),
            least.checked_neg(),
            Amount::sum(Currency::EUR, [&most, &euros(1)]),
        ] {
            assert_eq!(result, Err(AmountError::Overflow));
        }
    }

    #[test]
    fn a_sum_does_not_overflow_on_its_way() {
        let (most, one, less_one) = (euros(i64::MAX), euros(1), euros(-1));
        assert_eq!(
            Amount::sum(Currency::EUR, [&most, &one, &less_one]),
            Ok(most.clone())
        );
        assert_eq!(Amount::sum(Currency::EUR, []), Ok(euros(0)));
    }

    proptest! {
        #[test]
        fn arithmetic_is_that_of_the_integers(left: i64, right: i64) {
            let (a, b) = (euros(left), euros(right));
            let minor = |result: Result<Amount, AmountError>| result.ok().map(|sum| sum.minor());
            prop_assert_eq!(minor(a.checked_add(&b)), left.checked_add(right));
            prop_assert_eq!(minor(a.checked_sub(&b)), left.checked_sub(right));
            prop_assert_eq!(minor(a.checked_mul(right)), left.checked_mul(right));
            prop_assert_eq!(minor(a.checked_neg()), left.checked_neg());
            prop_assert_eq!(a.checked_cmp(&b), Ok(left.cmp(&right)));
        }
    }
}
