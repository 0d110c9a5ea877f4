//! Dividing an amount without losing any of it.

use std::cmp::Reverse;

use crate::amount::{Amount, AmountError};

/// The most weights that one allocation takes.
pub const WEIGHTS_MAX: usize = 10_000;

impl Amount {
    /// Divides the amount in proportion to `weights`, one share each, in the same order.
    ///
    /// The method is that of the largest remainder (Hamilton's): each share is its exact quota
    /// rounded towards zero, and the minor units left over go one each to the largest remainders,
    /// of equal ones to the earlier. So the shares sum exactly to the amount, each is within one
    /// minor unit of its quota, a weight of zero gets nothing, and the same input always gives
    /// the same shares. A negative amount is divided as its positive and then negated.
    ///
    /// ```
    /// use mp_core::amount::{Amount, Currency};
    ///
    /// let shares = Amount::new(100, Currency::EUR).allocate(&[1, 1, 1])?;
    /// assert_eq!(shares.iter().map(Amount::minor).collect::<Vec<_>>(), [34, 33, 33]);
    /// # Ok::<(), mp_core::amount::AmountError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`AmountError::NoWeights`] if there is no weight above zero,
    /// [`AmountError::TooManyWeights`] beyond [`WEIGHTS_MAX`].
    pub fn allocate(&self, weights: &[u64]) -> Result<Vec<Self>, AmountError> {
        if weights.len() > WEIGHTS_MAX {
            return Err(AmountError::TooManyWeights);
        }
        let sign = i128::from(self.minor.signum());
        let shares = shares(self.minor.unsigned_abs(), weights)?;
        shares
            .into_iter()
            .map(|share| self.signed(sign * i128::from(share)))
            .collect()
    }

    fn signed(&self, minor: i128) -> Result<Self, AmountError> {
        self.checked(i64::try_from(minor).ok())
    }
}

/// Divides `total`; the shares sum to it, so that none is above it.
fn shares(total: u64, weights: &[u64]) -> Result<Vec<u64>, AmountError> {
    // At most 2^14 weights of 64 bits: the sum is below 2^78.
    let weight_sum: u128 = weights.iter().copied().map(u128::from).sum();
    if weight_sum == 0 {
        return Err(AmountError::NoWeights);
    }

    let mut shares = Vec::with_capacity(weights.len());
    let mut remainders = Vec::with_capacity(weights.len());
    for &weight in weights {
        // An amount has at most 2^63 minor units: the product is below 2^127.
        let product = u128::from(total) * u128::from(weight);
        // A weight is at most the sum of all, so the quotient is at most `total`.
        shares.push((product / weight_sum) as u64);
        remainders.push(product % weight_sum);
    }

    let left_over = total - shares.iter().sum::<u64>();
    for index in largest_first(&remainders)
        .into_iter()
        .take(left_over as usize)
    {
        shares[index] += 1;
    }
    Ok(shares)
}

/// Returns the indices of the largest remainders first; the sort is stable, which settles ties.
fn largest_first(remainders: &[u128]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..remainders.len()).collect();
    order.sort_by_key(|&index| Reverse(remainders[index]));
    order
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::amount::Currency;

    fn allocate(minor: i64, weights: &[u64]) -> Result<Vec<i64>, AmountError> {
        let shares = Amount::new(minor, Currency::EUR).allocate(weights)?;
        Ok(shares.iter().map(Amount::minor).collect())
    }

    #[test]
    fn ties_go_to_the_earlier_index() {
        assert_eq!(allocate(5, &[1, 1, 1]), Ok(vec![2, 2, 1]));
        assert_eq!(allocate(-5, &[1, 1, 1]), Ok(vec![-2, -2, -1]));
        assert_eq!(allocate(1, &[0, 7, 7]), Ok(vec![0, 1, 0]));
    }

    #[test]
    fn the_largest_remainder_comes_first() {
        assert_eq!(allocate(10, &[45, 27, 28]), Ok(vec![4, 3, 3]));
        assert_eq!(allocate(100, &[50, 30, 20]), Ok(vec![50, 30, 20]));
    }

    #[test]
    fn extremes_are_divided_exactly() {
        assert_eq!(allocate(i64::MIN, &[u64::MAX]), Ok(vec![i64::MIN]));
        assert_eq!(
            allocate(i64::MIN, &[u64::MAX, u64::MAX]),
            Ok(vec![i64::MIN / 2; 2])
        );
        assert_eq!(allocate(0, &[3, 0]), Ok(vec![0, 0]));
    }

    #[test]
    fn no_weights_and_too_many_are_refused() {
        assert_eq!(allocate(1, &[]), Err(AmountError::NoWeights));
        assert_eq!(allocate(1, &[0, 0]), Err(AmountError::NoWeights));
        assert_eq!(
            allocate(1, &[1; WEIGHTS_MAX]).map(|shares| shares.len()),
            Ok(WEIGHTS_MAX)
        );
        assert_eq!(
            allocate(1, &[1; WEIGHTS_MAX + 1]),
            Err(AmountError::TooManyWeights)
        );
    }

    fn weights() -> impl Strategy<Value = Vec<u64>> {
        let weight = prop_oneof![Just(0), 1_u64..100, any::<u64>()];
        vec(weight, 1..40).prop_filter("one weight above zero", |weights| {
            weights.iter().any(|&weight| weight > 0)
        })
    }

    proptest! {
        #[test]
        fn shares_sum_exactly_to_the_amount(minor: i64, weights in weights()) {
            let sum: i128 = allocate(minor, &weights).unwrap().into_iter().map(i128::from).sum();
            prop_assert_eq!(sum, i128::from(minor));
        }

        // Amounts and weights of 48 bits, so that the check itself cannot overflow.
        #[test]
        fn each_share_is_within_one_minor_unit_of_its_quota(
            minor in -(1_i64 << 48)..(1 << 48),
            weights in vec(1_u64..(1 << 48), 1..40),
        ) {
            let weight_sum: i128 = weights.iter().copied().map(i128::from).sum();
            for (share, &weight) in allocate(minor, &weights).unwrap().into_iter().zip(&weights) {
                let quota_times_sum = i128::from(minor) * i128::from(weight);
                let error = (i128::from(share) * weight_sum - quota_times_sum).abs();
                prop_assert!(error < weight_sum);
            }
        }

        #[test]
        fn a_zero_weight_gets_nothing(minor: i64, weights in weights()) {
            for (share, weight) in allocate(minor, &weights).unwrap().into_iter().zip(weights) {
                prop_assert!(weight > 0 || share == 0);
            }
        }

        #[test]
        fn a_larger_weight_never_gets_less(minor in 0_i64.., weights in weights()) {
            let mut shares: Vec<_> =
                weights.iter().copied().zip(allocate(minor, &weights).unwrap()).collect();
            shares.sort_unstable();
            prop_assert!(shares.is_sorted_by(|a, b| a.0 == b.0 || a.1 <= b.1));
        }
    }
}
