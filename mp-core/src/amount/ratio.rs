//! Parts of an amount, and how they are rounded.

use crate::amount::{Amount, AmountError};

/// Says what becomes of the part of a minor unit that a ratio leaves over.
///
/// All three treat an amount and its negative alike, so that a fee and its refund agree.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[allow(
    clippy::exhaustive_enums,
    reason = "hosts choose one of three, and may match them"
)]
pub enum Rounding {
    /// Towards zero.
    Down,
    /// Away from zero.
    Up,
    /// To the nearest, and from the middle to the even one (IEEE 754 `roundTiesToEven`).
    HalfEven,
}

impl Amount {
    /// Returns `numerator / denominator` of the amount: 19 of 100 is 19 percent.
    ///
    /// The product is exact; only the quotient is rounded, once.
    ///
    /// ```
    /// use mp_core::amount::{Amount, Currency, Rounding};
    ///
    /// let price = Amount::new(1050, Currency::EUR);
    /// assert_eq!(price.checked_ratio(5, 100, Rounding::Down)?.minor(), 52);
    /// assert_eq!(price.checked_ratio(5, 100, Rounding::Up)?.minor(), 53);
    /// assert_eq!(price.checked_ratio(5, 100, Rounding::HalfEven)?.minor(), 52);
    /// # Ok::<(), mp_core::amount::AmountError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`AmountError::ZeroDenominator`], or [`AmountError::Overflow`] if the ratio is above one
    /// and the result does not fit.
    pub fn checked_ratio(
        &self,
        numerator: u32,
        denominator: u32,
        rounding: Rounding,
    ) -> Result<Self, AmountError> {
        if denominator == 0 {
            return Err(AmountError::ZeroDenominator);
        }
        // 64 by 32 bits: the product always fits into 128.
        let product = i128::from(self.minor) * i128::from(numerator);
        let quotient = rounding.divide(product, i128::from(denominator));
        self.checked(i64::try_from(quotient).ok())
    }
}

impl Rounding {
    /// Divides by a positive `denominator`; both are far from the limits of 128 bits.
    fn divide(self, product: i128, denominator: i128) -> i128 {
        let towards_zero = product / denominator;
        let rest = (product % denominator).abs();
        if self.leaves(rest, denominator, towards_zero) {
            towards_zero
        } else {
            towards_zero + product.signum()
        }
    }

    fn leaves(self, rest: i128, denominator: i128, towards_zero: i128) -> bool {
        match self {
            Self::Down => true,
            Self::Up => rest == 0,
            Self::HalfEven => {
                2 * rest < denominator || (2 * rest == denominator && towards_zero % 2 == 0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::amount::Currency;

    const ALL: [Rounding; 3] = [Rounding::Down, Rounding::Up, Rounding::HalfEven];

    fn ratio(minor: i64, numerator: u32, denominator: u32) -> [Result<i64, AmountError>; 3] {
        let amount = Amount::new(minor, Currency::EUR);
        ALL.map(|rounding| {
            amount
                .checked_ratio(numerator, denominator, rounding)
                .map(|part| part.minor())
        })
    }

    #[test]
    fn halves_go_to_the_even_neighbour() {
        for (minor, even) in [(1, 0), (3, 2), (5, 2), (7, 4), (-1, 0), (-3, -2), (-5, -2)] {
            assert_eq!(ratio(minor, 1, 2)[2], Ok(even), "half of {minor}");
        }
    }

    #[test]
    fn down_is_towards_zero_and_up_is_away() {
        assert_eq!(ratio(10, 1, 3), [Ok(3), Ok(4), Ok(3)]);
        assert_eq!(ratio(-10, 1, 3), [Ok(-3), Ok(-4), Ok(-3)]);
        assert_eq!(ratio(-11, 1, 3), [Ok(-3), Ok(-4), Ok(-4)]);
        assert_eq!(ratio(9, 1, 3), [Ok(3), Ok(3), Ok(3)]);
    }

    #[test]
    fn extremes_are_exact_or_refused() {
        assert_eq!(
            ratio(i64::MIN, u32::MAX, u32::MAX),
            [const { Ok(i64::MIN) }; 3]
        );
        assert_eq!(
            ratio(i64::MAX, 2, 1),
            [const { Err(AmountError::Overflow) }; 3]
        );
        assert_eq!(
            ratio(1, 1, 0),
            [const { Err(AmountError::ZeroDenominator) }; 3]
        );
    }

    proptest! {
        #[test]
        fn every_rounding_is_within_one_minor_unit(
            minor: i64,
            numerator in 0_u32..=1000,
            denominator in 1000_u32..,
        ) {
            let exact = i128::from(minor) * i128::from(numerator);
            let denominator_wide = i128::from(denominator);
            let [down, up, even] = ratio(minor, numerator, denominator)
                .map(|part| i128::from(part.expect("a ratio of at most one fits")));
            prop_assert!(down.abs() * denominator_wide <= exact.abs());
            prop_assert!(up.abs() * denominator_wide >= exact.abs());
            prop_assert!((up - down).abs() <= 1 && (even == up || even == down));
            prop_assert!(2 * (even * denominator_wide - exact).abs() <= denominator_wide);
        }

        #[test]
        fn a_negative_amount_mirrors_the_positive(minor in 0..i64::MAX, parts in 0_u32..=100) {
            let negated = ratio(-minor, parts, 100).map(|part| part.map(|minor| -minor));
            prop_assert_eq!(ratio(minor, parts, 100), negated);
        }
    }
}
