use mp_core::amount::{Currency, JSON_INTEGER_MAX, Money};

/// How one backend counts amounts: which currencies it takes, in which unit, in which steps.
///
/// Our amounts are in the minor unit of ISO 4217. Backends differ: Stripe counts Icelandic krónur in
/// hundredths, which ISO does not have, and Malagasy ariary in wholes, where ISO has hundredths. What
/// cannot be told exactly is refused before anything is sent.
///
/// ```
/// use mp_core::amount::{Currency, Money};
/// use mp_pay::backend::MinorUnits;
///
/// let krona: Currency = "ISK".parse()?;
/// let wire = MinorUnits::STRIPE.to_wire(Money::new(500, krona))?;
/// assert_eq!(wire, 50_000);
/// assert_eq!(MinorUnits::STRIPE.from_wire(wire, krona)?, Money::new(500, krona));
/// assert!(MinorUnits::STRIPE.from_wire(50_001, krona).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MinorUnits {
    rules: &'static [Rule],
    otherwise: Otherwise,
}

/// How a backend counts one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    code: &'static str,
    counts: Counts,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counts {
    /// With so many decimals, in steps of so many of those units.
    With {
        exponent: u8,
        multiple: i64,
    },
    /// As ISO 4217 does.
    AsIso,
    Refused,
}

/// What becomes of a currency without a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Otherwise {
    AsIso,
    /// As ISO 4217 does if it has these decimals.
    AsIsoWith(u8),
    Refused,
}

/// Why an amount cannot be told to a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MinorUnitsError {
    /// The backend does not take the currency, or nobody has said how it counts it.
    #[error("the payment backend does not take {0}")]
    Currency(Currency),
    /// The backend does not count so finely.
    #[error("the payment backend takes {currency} in steps of {step} minor units")]
    Inexact {
        /// Of which currency.
        currency: Currency,
        /// The step, in minor units of ISO 4217.
        step: i64,
    },
    /// The number is too large, or on the wire no multiple that the backend may tell.
    #[error("the number is not an amount that the payment backend can tell")]
    Number,
}

impl Rule {
    /// Counts a currency with `exponent` decimals, in steps of `multiple` of those units.
    #[must_use]
    pub const fn counted(code: &'static str, exponent: u8, multiple: i64) -> Self {
        let counts = Counts::With { exponent, multiple };
        Self { code, counts }
    }

    /// Counts a currency as ISO 4217 does.
    #[must_use]
    pub const fn as_iso(code: &'static str) -> Self {
        let counts = Counts::AsIso;
        Self { code, counts }
    }

    /// Refuses a currency.
    #[must_use]
    pub const fn refused(code: &'static str) -> Self {
        let counts = Counts::Refused;
        Self { code, counts }
    }
}

impl MinorUnits {
    /// Every currency as ISO 4217 counts it.
    pub const ISO_4217: Self = Self {
        rules: &[],
        otherwise: Otherwise::AsIso,
    };

    /// As [Stripe](https://docs.stripe.com/currencies) counts: its zero-decimal and three-decimal
    /// currencies (whose last digit must be 0), and the króna in hundredths that must be whole.
    /// Refused is what its pages do not settle: the Ugandan shilling, and currencies that ISO 4217
    /// gives other than two decimals and Stripe no rule.
    pub const STRIPE: Self = Self {
        rules: &[
            Rule::counted("BHD", 3, 10),
            Rule::counted("BIF", 0, 1),
            Rule::counted("CLP", 0, 1),
            Rule::counted("DJF", 0, 1),
            Rule::counted("GNF", 0, 1),
            Rule::counted("ISK", 2, 100),
            Rule::counted("JOD", 3, 10),
            Rule::counted("JPY", 0, 1),
            Rule::counted("KMF", 0, 1),
            Rule::counted("KRW", 0, 1),
            Rule::counted("KWD", 3, 10),
            Rule::counted("MGA", 0, 1),
            Rule::counted("OMR", 3, 10),
            Rule::counted("PYG", 0, 1),
            Rule::counted("RWF", 0, 1),
            Rule::counted("TND", 3, 10),
            Rule::counted("VND", 0, 1),
            Rule::counted("VUV", 0, 1),
            Rule::counted("XAF", 0, 1),
            Rule::counted("XOF", 0, 1),
            Rule::counted("XPF", 0, 1),
            Rule::refused("UGX"),
        ],
        otherwise: Otherwise::AsIsoWith(2),
    };

    /// As WeChat Pay counts for merchants in mainland China: yuan, in fen.
    pub const WECHAT_PAY: Self = Self::only(&[Rule::as_iso("CNY")]);

    /// Takes the currencies of these rules and no others.
    #[must_use]
    pub const fn only(rules: &'static [Rule]) -> Self {
        let otherwise = Otherwise::Refused;
        Self { rules, otherwise }
    }

    /// Takes every currency as ISO 4217 counts it, but for those of these rules.
    #[must_use]
    pub const fn iso_but(rules: &'static [Rule]) -> Self {
        let otherwise = Otherwise::AsIso;
        Self { rules, otherwise }
    }

    /// Returns the number that the backend takes for an amount.
    ///
    /// # Errors
    ///
    /// [`MinorUnitsError`] if there is none that says exactly the same.
    pub fn to_wire(self, amount: Money) -> Result<i64, MinorUnitsError> {
        let currency = amount.currency();
        let (up, down, multiple) = self.scale(currency)?;
        let scaled = amount.minor().checked_mul(up);
        let scaled = scaled.ok_or(MinorUnitsError::Number)?;
        if scaled % down != 0 || (scaled / down) % multiple != 0 {
            let step = (down * multiple / up).max(1);
            return Err(MinorUnitsError::Inexact { currency, step });
        }
        let wire = scaled / down;
        in_range(wire).ok_or(MinorUnitsError::Number)
    }

    /// Returns the amount that a number of the backend's stands for.
    ///
    /// # Errors
    ///
    /// [`MinorUnitsError`] if the backend cannot have meant an amount of ours by it.
    pub fn from_wire(self, wire: i64, currency: Currency) -> Result<Money, MinorUnitsError> {
        let (up, down, multiple) = self.scale(currency)?;
        let scaled = wire.checked_mul(down).ok_or(MinorUnitsError::Number)?;
        if wire % multiple != 0 || scaled % up != 0 {
            return Err(MinorUnitsError::Number);
        }
        let minor = in_range(scaled / up).ok_or(MinorUnitsError::Number)?;
        Ok(Money::new(minor, currency))
    }

    /// Returns by how much a minor unit of ours is multiplied and divided to be one of the
    /// backend's, and the step it takes.
    fn scale(self, currency: Currency) -> Result<(i64, i64, i64), MinorUnitsError> {
        let iso = currency.exponent();
        let rule = self.rules.iter().find(|rule| rule.code == currency.code());
        let (exponent, multiple) = match (rule.map(|rule| rule.counts), self.otherwise) {
            (Some(Counts::With { exponent, multiple }), _) => (exponent, multiple.max(1)),
            (Some(Counts::AsIso), _) | (None, Otherwise::AsIso) => (iso, 1),
            (None, Otherwise::AsIsoWith(decimals)) if decimals == iso => (iso, 1),
            _ => return Err(MinorUnitsError::Currency(currency)),
        };
        let power = |by: u8| 10_i64.checked_pow(by.into()).ok_or(MinorUnitsError::Number);
        let up = power(exponent.saturating_sub(iso))?;
        let down = power(iso.saturating_sub(exponent))?;
        Ok((up, down, multiple))
    }
}

fn in_range(number: i64) -> Option<i64> {
    (-JSON_INTEGER_MAX..=JSON_INTEGER_MAX)
        .contains(&number)
        .then_some(number)
}

#[cfg(test)]
mod tests;
