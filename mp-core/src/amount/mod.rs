//! Whole numbers of something that must not be lost: money, points, stamps, rides.
//!
//! An [`Amount`] is a count of minor units and the [`Unit`] it is counted in; [`Money`] is an
//! amount in a [`Currency`]. There are no fractions and no floating point, every operation that
//! could overflow or mix units returns an [`AmountError`], and what is divided is divided without
//! a remainder ([`Amount::allocate`]) or with a stated [`Rounding`].
//!
//! ```
//! use mp_core::amount::{Amount, Currency, Rounding};
//!
//! let bill = Amount::parse_decimal("100.00", Currency::EUR)?;
//! let tip = bill.checked_ratio(75, 1000, Rounding::HalfEven)?;
//! let total = bill.checked_add(&tip)?;
//! assert_eq!(total.to_string(), "107.50 EUR");
//!
//! let shares = total.allocate(&[1, 1, 1])?;
//! assert_eq!(shares[0].minor(), 3584);
//! assert_eq!(Amount::sum(Currency::EUR, &shares)?, total);
//! assert_eq!(serde_json::to_string(&total)?, r#"{"amount":10750,"currency":"EUR"}"#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! In JSON an amount is `{"amount":1250,"currency":"EUR"}` or `{"amount":3,"unit":"shop:stamps"}`.
//! The number is an integer within ±[`JSON_INTEGER_MAX`], because many readers of JSON keep
//! numbers as doubles; what is beyond is refused when writing as when reading.
//!
//! This module does not convert between currencies and does not format for a locale.

mod allocate;
mod arithmetic;
mod currency;
mod decimal;
mod error;
mod json;
mod money;
mod ratio;
mod unit;

pub use allocate::WEIGHTS_MAX;
pub use currency::Currency;
pub use error::{AmountError, ParseUnitError};
pub use json::JSON_INTEGER_MAX;
pub use money::Money;
pub use ratio::Rounding;
pub use unit::{OwnUnit, UNIT_APP_LENGTH_MAX, UNIT_NAME_LENGTH_MAX, Unit};

/// A whole number of minor units of a currency or of an app's own unit.
///
/// Amounts have no order of their own, because two units have none: see
/// [`checked_cmp`](Self::checked_cmp).
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Amount {
    minor: i64,
    unit: Unit,
}

impl Amount {
    /// Returns `minor` minor units of `unit`: 1250 of EUR are 12.50 euros.
    pub fn new(minor: i64, unit: impl Into<Unit>) -> Self {
        Self {
            minor,
            unit: unit.into(),
        }
    }

    /// Returns nothing of `unit`.
    pub fn zero(unit: impl Into<Unit>) -> Self {
        Self::new(0, unit)
    }

    /// Returns the number of minor units.
    pub fn minor(&self) -> i64 {
        self.minor
    }

    /// Returns what the amount is counted in.
    pub fn unit(&self) -> &Unit {
        &self.unit
    }

    /// Tells whether the amount is nothing.
    pub fn is_zero(&self) -> bool {
        self.minor == 0
    }

    /// Tells whether the amount is below zero.
    pub fn is_negative(&self) -> bool {
        self.minor < 0
    }

    /// Tells whether the amount is above zero.
    pub fn is_positive(&self) -> bool {
        self.minor > 0
    }

    /// Returns as many minor units of the same unit.
    fn with_minor(&self, minor: i64) -> Self {
        Self {
            minor,
            unit: self.unit.clone(),
        }
    }
}
