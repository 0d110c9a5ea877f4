//! The currencies of ISO 4217.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use iso_currency::Currency as Iso;

use crate::amount::ParseUnitError;
use crate::text_form;

/// A currency of [ISO 4217](https://www.iso.org/iso-4217-currency-codes.html) that has a minor unit.
///
/// Its text form is the three-letter code. Codes without a minor unit (precious metals, `XDR`,
/// `XTS`, `XXX`) are refused, because an amount in them cannot be a whole number of anything.
/// Codes that were superseded are accepted, because old records keep them.
///
/// ```
/// use mp_core::amount::Currency;
///
/// let yen: Currency = "JPY".parse()?;
/// assert_eq!((yen, yen.exponent()), (Currency::JPY, 0));
/// assert!("XXX".parse::<Currency>().is_err());
/// # Ok::<(), mp_core::amount::ParseUnitError>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Currency(Iso);

impl Currency {
    /// Chinese yuan.
    pub const CNY: Self = Self(Iso::CNY);
    /// Euro.
    pub const EUR: Self = Self(Iso::EUR);
    /// Pound sterling.
    pub const GBP: Self = Self(Iso::GBP);
    /// Hong Kong dollar.
    pub const HKD: Self = Self(Iso::HKD);
    /// Indian rupee.
    pub const INR: Self = Self(Iso::INR);
    /// Japanese yen.
    pub const JPY: Self = Self(Iso::JPY);
    /// South Korean won.
    pub const KRW: Self = Self(Iso::KRW);
    /// New Taiwan dollar.
    pub const TWD: Self = Self(Iso::TWD);
    /// United States dollar.
    pub const USD: Self = Self(Iso::USD);

    /// Returns the currency of an alphabetic code such as `EUR`.
    ///
    /// # Errors
    ///
    /// [`ParseUnitError`] if ISO 4217 has no such code, or gives it no minor unit.
    pub fn new(code: &str) -> Result<Self, ParseUnitError> {
        Iso::from_code(code)
            .filter(|iso| iso.exponent().is_some())
            .map(Self)
            .ok_or(ParseUnitError { expected: EXPECTED })
    }

    /// Returns the alphabetic code, three capital letters.
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// Returns the number of decimals of the minor unit: 2 for cents, 0 for yen, at most 4.
    pub fn exponent(self) -> u8 {
        // `new` admits only currencies with an exponent, and ISO 4217 knows none above 4.
        self.0
            .exponent()
            .and_then(|exponent| u8::try_from(exponent).ok())
            .unwrap_or(0)
    }
}

/// By code. A derived order would be that of a foreign table, which is nobody's promise.
impl Ord for Currency {
    fn cmp(&self, other: &Self) -> Ordering {
        self.code().cmp(other.code())
    }
}

impl PartialOrd for Currency {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl FromStr for Currency {
    type Err = ParseUnitError;

    fn from_str(code: &str) -> Result<Self, ParseUnitError> {
        Self::new(code)
    }
}

text_form!(Currency, text: |currency: &Self| currency.code(), expected: EXPECTED, pattern: "^[A-Z]{3}$");

const EXPECTED: &str = "a `currency` code of ISO 4217 such as EUR";

#[cfg(test)]
mod tests {
    use super::*;

    fn every_currency() -> Vec<Currency> {
        let letters = b'A'..=b'Z';
        let mut found = Vec::new();
        for first in letters.clone() {
            for second in letters.clone() {
                for third in letters.clone() {
                    let code = [first, second, third]
                        .map(char::from)
                        .iter()
                        .collect::<String>();
                    found.extend(Currency::new(&code));
                }
            }
        }
        found
    }

    fn codes_with_exponent(exponent: u8) -> Vec<&'static str> {
        every_currency()
            .into_iter()
            .filter(|currency| currency.exponent() == exponent)
            .map(Currency::code)
            .collect()
    }

    /// ISO 4217 table A.1, 2024 edition with amendments: every minor unit other than 2.
    #[test]
    fn exponents_are_those_of_iso_4217() {
        assert_eq!(
            codes_with_exponent(0),
            [
                "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI",
                "VND", "VUV", "XAF", "XOF", "XPF"
            ]
        );
        assert_eq!(
            codes_with_exponent(3),
            ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"]
        );
        assert_eq!(codes_with_exponent(4), ["CLF", "UYW"]);
        assert_eq!(codes_with_exponent(1), [""; 0]);
        assert!(codes_with_exponent(2).len() > 120);
    }

    #[test]
    fn order_is_that_of_the_codes() {
        assert!(every_currency().is_sorted());
        assert!(every_currency().is_sorted_by_key(|currency| currency.code()));
    }

    #[test]
    fn text_and_json_round_trip() {
        for currency in every_currency() {
            assert_eq!(currency.to_string().parse(), Ok(currency));
            let json = serde_json::to_string(&currency).unwrap();
            assert_eq!(serde_json::from_str::<Currency>(&json).unwrap(), currency);
        }
    }

    #[test]
    fn codes_that_are_no_currency_are_refused() {
        for code in [
            "", "eur", "Eur", "EURO", "EU", " EUR", "XAU", "XDR", "XTS", "XXX", "ZZZ",
        ] {
            assert!(Currency::new(code).is_err(), "{code}");
        }
    }

    #[test]
    fn a_number_is_refused_with_the_field_name() {
        let refusal = serde_json::from_str::<Currency>("978")
            .unwrap_err()
            .to_string();
        assert!(refusal.contains("`currency`"), "{refusal}");
    }
}
