//! What an amount is counted in.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::amount::{Currency, ParseUnitError};
use crate::text::is_made_of;
use crate::text_form;

/// The longest name of an app that owns a unit, in bytes.
pub const UNIT_APP_LENGTH_MAX: usize = 64;

/// The longest name of a unit within its app, in bytes.
pub const UNIT_NAME_LENGTH_MAX: usize = 32;

/// What an amount is counted in: a currency, or a unit of an app's own.
///
/// The text form of a currency is its code (`EUR`), that of an own unit `{app}:{name}`
/// (`shop:stamps`); the colon keeps them apart. Hosts may match it fully: there is no third kind.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Unit {
    /// Money, counted in the minor unit of the currency.
    Currency(Currency),
    /// Points, stamps, rides: counted whole.
    Own(OwnUnit),
}

impl Unit {
    /// Returns the number of decimals: the currency's exponent, and 0 for own units.
    pub fn exponent(&self) -> u8 {
        match self {
            Self::Currency(currency) => currency.exponent(),
            Self::Own(_) => 0,
        }
    }
}

impl From<Currency> for Unit {
    fn from(currency: Currency) -> Self {
        Self::Currency(currency)
    }
}

impl From<OwnUnit> for Unit {
    fn from(unit: OwnUnit) -> Self {
        Self::Own(unit)
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Currency(currency) => currency.fmt(f),
            Self::Own(unit) => unit.fmt(f),
        }
    }
}

impl FromStr for Unit {
    type Err = ParseUnitError;

    fn from_str(text: &str) -> Result<Self, ParseUnitError> {
        if text.contains(':') {
            text.parse().map(Self::Own)
        } else {
            text.parse().map(Self::Currency)
        }
    }
}

text_form!(
    Unit,
    expected: "a unit such as EUR or shop:stamps",
    pattern: "^([A-Z]{3}|[A-Za-z0-9._-]{1,64}:[a-z][a-z0-9_]{0,31})$",
);

/// A unit that an app defines for itself, such as `shop:stamps`.
///
/// The app is 1 to 64 of `A-Z a-z 0-9 . _ -`; the name begins with a small letter and goes on with
/// at most 31 of `a-z 0-9 _`. Cloning copies a pointer.
///
/// ```
/// use mp_core::amount::OwnUnit;
///
/// let stamps = OwnUnit::new("shop", "stamps")?;
/// assert_eq!(stamps, "shop:stamps".parse()?);
/// assert_eq!((stamps.app(), stamps.name()), ("shop", "stamps"));
/// # Ok::<(), mp_core::amount::ParseUnitError>(())
/// ```
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct OwnUnit(Arc<str>);

impl OwnUnit {
    /// Returns the unit `name` of `app`.
    ///
    /// # Errors
    ///
    /// [`ParseUnitError`] if either is too long, empty, or has a character it must not have.
    pub fn new(app: &str, name: &str) -> Result<Self, ParseUnitError> {
        if is_app(app) && is_name(name) {
            Ok(Self(format!("{app}:{name}").into()))
        } else {
            Err(ParseUnitError { expected: EXPECTED })
        }
    }

    /// Returns the app that defines the unit.
    pub fn app(&self) -> &str {
        self.parts().0
    }

    /// Returns the unit's name within its app.
    pub fn name(&self) -> &str {
        self.parts().1
    }

    /// Returns the text form, `{app}:{name}`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn parts(&self) -> (&str, &str) {
        self.0
            .split_once(':')
            .expect("the only constructor puts a colon in")
    }
}

impl fmt::Debug for OwnUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OwnUnit").field(&self.as_str()).finish()
    }
}

impl fmt::Display for OwnUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for OwnUnit {
    type Err = ParseUnitError;

    fn from_str(text: &str) -> Result<Self, ParseUnitError> {
        let (app, name) = text
            .split_once(':')
            .ok_or(ParseUnitError { expected: EXPECTED })?;
        Self::new(app, name)
    }
}

text_form!(
    OwnUnit,
    text: Self::as_str,
    expected: EXPECTED,
    pattern: "^[A-Za-z0-9._-]{1,64}:[a-z][a-z0-9_]{0,31}$",
);

fn is_app(app: &str) -> bool {
    is_made_of(app, UNIT_APP_LENGTH_MAX, |byte| {
        byte.is_ascii_alphanumeric() || b"._-".contains(&byte)
    })
}

fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && is_made_of(name, UNIT_NAME_LENGTH_MAX, |byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'
        })
}

const EXPECTED: &str = "a `unit` of the form app:name such as shop:stamps";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_json_round_trip() {
        let longest = format!("{}:{}", "A".repeat(64), "z".repeat(32));
        for text in ["EUR", "shop:stamps", "a.b-c_D9:r2_d2", &longest] {
            let unit: Unit = text.parse().unwrap();
            assert_eq!(unit.to_string(), text);
            let json = serde_json::to_string(&unit).unwrap();
            assert_eq!(json, format!("\"{text}\""));
            assert_eq!(serde_json::from_str::<Unit>(&json).unwrap(), unit);
        }
    }

    #[test]
    fn malformed_units_are_refused() {
        let long_app = format!("{}:points", "a".repeat(65));
        let long_name = format!("shop:{}", "a".repeat(33));
        for text in [
            "",
            ":",
            "shop:",
            ":stamps",
            "shop:Stamps",
            "shop:9lives",
            "shop:_x",
            "a:b:c",
            "a/b:c",
            "shop:süß",
            "shöp:stamps",
            "stamps",
            "shop: stamps",
            &long_app,
            &long_name,
        ] {
            assert!(text.parse::<Unit>().is_err(), "{text}");
        }
    }

    #[test]
    fn own_units_have_no_decimals() {
        assert_eq!(
            Unit::from(OwnUnit::new("shop", "stamps").unwrap()).exponent(),
            0
        );
        assert_eq!(Unit::from(Currency::EUR).exponent(), 2);
    }

    #[test]
    fn clones_share_their_text() {
        let unit = OwnUnit::new("shop", "stamps").unwrap();
        assert!(Arc::ptr_eq(&unit.0, &unit.clone().0));
    }
}
