use std::{fmt, str::FromStr};

use mp_core::Error;

/// Names a country by its ISO 3166-1 alpha-2 code, such as `DE` or `CN`.
///
/// Two capital letters. Which of them are assigned is not checked: the list changes, and a payer
/// from a country that is newer than this release pays all the same.
///
/// ```
/// use mp_pay::method::Country;
///
/// let country: Country = "NL".parse()?;
/// assert_eq!(country.as_str(), "NL");
/// assert!("nl".parse::<Country>().is_err());
/// # Ok::<(), mp_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country([u8; 2]);

impl Country {
    /// Returns the code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Two capital letters, as the only constructor checks.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for Country {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text.as_bytes() {
            [one @ b'A'..=b'Z', two @ b'A'..=b'Z'] => Ok(Self([*one, *two])),
            _ => Err(Error::invalid("country", EXPECTED)),
        }
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

const EXPECTED: &str = "is not an ISO 3166-1 alpha-2 code such as DE";

mp_core::text_form!(Country, expected: EXPECTED, pattern: "^[A-Z]{2}$");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_capital_letters_are_a_country_and_nothing_else_is() {
        for text in ["DE", "CN", "ZZ", "AA"] {
            let country: Country = text.parse().expect("a country");
            assert_eq!(country.to_string(), text);
        }
        for text in ["", "D", "DEU", "de", "D1", "D ", "Ä", "ÄÖ"] {
            let refused = text.parse::<Country>().expect_err("refused");
            assert_eq!(refused.field(), Some("country"), "{text}");
        }
    }
}
