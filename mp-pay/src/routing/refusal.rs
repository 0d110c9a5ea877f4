use std::fmt;

use mp_core::id::Name;

use crate::backend::MinorUnitsError;

/// Why no backend takes a payment; none was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NoRoute {
    /// Why each candidate does not; none if no rule matches the payment.
    pub misfits: Vec<(Name, Misfit)>,
}

/// Why one backend does not take a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Misfit {
    /// It is not among the backends.
    NotConfigured,
    /// The money is to be held first, and it takes money at once or not at all.
    SeparateCapture,
    /// It cannot be told the amount.
    Uncounted(MinorUnitsError),
}

impl fmt::Display for NoRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.misfits.is_empty() {
            return f.write_str("no routing rule matches the payment");
        }
        f.write_str("no payment backend takes the payment")?;
        for (at, (name, misfit)) in self.misfits.iter().enumerate() {
            let before = if at == 0 { ": " } else { "; " };
            write!(f, "{before}{name}: {misfit}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConfigured => f.write_str("it is not configured"),
            Self::SeparateCapture => f.write_str("it has no separate capture"),
            Self::Uncounted(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for NoRoute {}
