//! Decimal text: `12.50`.

use std::fmt;

use crate::amount::{Amount, AmountError, Unit};

impl Amount {
    /// Reads a decimal number of whole units, such as `12.50` of EUR or `-3` of a point.
    ///
    /// The form is `-? digits ( . digits )?` in ASCII, with at most as many decimals as the unit
    /// has; fewer are filled up with zeros. No blanks, no plus sign, no grouping.
    ///
    /// # Errors
    ///
    /// [`AmountError::NotDecimal`], [`AmountError::TooManyDecimals`] or [`AmountError::Overflow`].
    pub fn parse_decimal(text: &str, unit: impl Into<Unit>) -> Result<Self, AmountError> {
        let unit = unit.into();
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let (whole, decimals) = split_at_point(digits)?;
        let decimals_max = unit.exponent();
        let zeros = usize::from(decimals_max)
            .checked_sub(decimals.len())
            .ok_or_else(|| AmountError::TooManyDecimals {
                unit: unit.clone(),
                decimals_max,
            })?;

        let digits = whole
            .bytes()
            .chain(decimals.bytes())
            .chain(std::iter::repeat_n(b'0', zeros));
        let minor = read_digits(digits, negative).ok_or(AmountError::Overflow)?;
        Ok(Self { minor, unit })
    }

    /// Returns the number as [`parse_decimal`](Self::parse_decimal) reads it: `12.50`.
    pub fn to_decimal(&self) -> String {
        let sign = if self.is_negative() { "-" } else { "" };
        let exponent = self.unit.exponent();
        let scale = 10_u64.pow(u32::from(exponent));
        let (whole, rest) = (
            self.minor.unsigned_abs() / scale,
            self.minor.unsigned_abs() % scale,
        );
        match usize::from(exponent) {
            0 => format!("{sign}{whole}"),
            width => format!("{sign}{whole}.{rest:0width$}"),
        }
    }
}

/// Writes the decimal number and the unit: `12.50 EUR`, `1250 JPY`, `3 shop:stamps`.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{} {}", self.to_decimal(), self.unit))
    }
}

fn split_at_point(digits: &str) -> Result<(&str, &str), AmountError> {
    let (whole, decimals) = match digits.split_once('.') {
        Some((_, "")) => return Err(AmountError::NotDecimal),
        Some(parts) => parts,
        None => (digits, ""),
    };
    let all_digits = whole
        .bytes()
        .chain(decimals.bytes())
        .all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !all_digits {
        return Err(AmountError::NotDecimal);
    }
    Ok((whole, decimals))
}

/// Counts downwards, because `i64::MIN` has no positive counterpart.
fn read_digits(mut digits: impl Iterator<Item = u8>, negative: bool) -> Option<i64> {
    let below_zero = digits.try_fold(0_i64, |number, digit| {
        number.checked_mul(10)?.checked_sub(i64::from(digit - b'0'))
    })?;
    if negative {
        Some(below_zero)
    } else {
        below_zero.checked_neg()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::amount::{Currency, OwnUnit};

    fn euros(text: &str) -> Result<i64, AmountError> {
        Amount::parse_decimal(text, Currency::EUR).map(|amount| amount.minor())
    }

    #[test]
    fn decimals_are_read_in_the_scale_of_the_unit() {
        for (text, minor) in [
            ("12.50", 1250),
            ("12.5", 1250),
            ("12", 1200),
            ("-0.01", -1),
            ("-0", 0),
            ("007", 700),
            ("92233720368547758.07", i64::MAX),
            ("-92233720368547758.08", i64::MIN),
        ] {
            assert_eq!(euros(text), Ok(minor), "{text}");
        }
    }

    #[test]
    fn what_is_no_decimal_number_is_refused() {
        for text in [
            "", "-", ".", "12.", ".50", "-.5", "+1", "--1", "1-2", "1.-5", "1.2.3", "1,50", "1 ",
            " 1", "1e3", "0x1", "١٢", "１２", "1.５", "−1", "NaN",
        ] {
            assert_eq!(euros(text), Err(AmountError::NotDecimal), "{text}");
        }
    }

    #[test]
    fn too_many_decimals_are_refused_even_if_zero() {
        let refusal =
            |unit: Unit, decimals_max| AmountError::TooManyDecimals { unit, decimals_max };
        assert_eq!(euros("1.000"), Err(refusal(Currency::EUR.into(), 2)));
        let yen = Amount::parse_decimal("1.0", Currency::JPY);
        assert_eq!(yen, Err(refusal(Currency::JPY.into(), 0)));
    }

    #[test]
    fn overflow_is_refused() {
        for text in [
            "92233720368547758.08",
            "-92233720368547758.09",
            &"9".repeat(1000),
        ] {
            assert_eq!(euros(text), Err(AmountError::Overflow));
        }
    }

    #[test]
    fn display_has_the_decimals_of_the_unit() {
        let stamps = OwnUnit::new("shop", "stamps").unwrap();
        let dinar = Currency::new("BHD").unwrap();
        for (amount, text) in [
            (Amount::new(1250, Currency::EUR), "12.50 EUR"),
            (Amount::new(-5, Currency::EUR), "-0.05 EUR"),
            (Amount::new(1250, Currency::JPY), "1250 JPY"),
            (Amount::new(1250, dinar), "1.250 BHD"),
            (Amount::new(3, stamps), "3 shop:stamps"),
            (
                Amount::new(i64::MIN, Currency::EUR),
                "-92233720368547758.08 EUR",
            ),
        ] {
            assert_eq!(amount.to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            minor: i64,
            code in prop_oneof![Just("EUR"), Just("JPY"), Just("BHD"), Just("CLF"), Just("a:b")],
        ) {
            let unit: Unit = code.parse().unwrap();
            let amount = Amount::new(minor, unit.clone());
            prop_assert_eq!(Amount::parse_decimal(&amount.to_decimal(), unit), Ok(amount));
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,40}") {
            let _ = euros(&text);
        }
    }
}
