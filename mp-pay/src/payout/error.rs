use mp_core::{Error, ErrorKind, amount::Money, port::PayoutStatus};

use super::PayoutId;
use crate::backend::MinorUnitsError;

/// Why a payout did not do what it was asked. A decline is none of these: it is a status.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PayoutError {
    /// The shared mechanisms refused or failed: bad input, missing rights, the store.
    #[error(transparent)]
    Core(#[from] Error),
    /// The amount is not within what the host pays out at once.
    #[error("{asked} is not within the {least} to {most} that are paid out at once")]
    OutOfBounds {
        /// What was asked for.
        asked: Money,
        /// The least.
        least: Money,
        /// The most.
        most: Money,
    },
    /// The backend cannot be told this amount; it was not asked.
    #[error(transparent)]
    Uncounted(#[from] MinorUnitsError),
    /// The payout was sent already, or is over.
    #[error("a payout that was sent or is {0} is not called off: read it again")]
    TooLate(PayoutStatus),
    /// The payout does not wait for a person: its outcome is known, or being found out.
    #[error("the payout {0} does not wait to be resolved")]
    NotUnresolved(PayoutId),
}

impl PayoutError {
    /// Returns the machine-readable code, stable across releases.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Core(core) => core.code(),
            Self::OutOfBounds { .. } => "amount_out_of_bounds",
            Self::Uncounted(_) => "invalid_payout_amount",
            Self::TooLate(_) => "payout_unexpected_state",
            Self::NotUnresolved(_) => "not_unresolved",
        }
    }

    /// Returns what kind of error it is, which says what its caller can do.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::Core(core) => core.kind(),
            Self::Uncounted(_) => ErrorKind::Unsupported,
            _ => ErrorKind::Refused,
        }
    }
}

impl From<PayoutError> for Error {
    fn from(error: PayoutError) -> Self {
        let made = Self::new(error.kind(), error.code(), error.to_string());
        match error {
            PayoutError::Core(core) => core,
            PayoutError::OutOfBounds { .. } | PayoutError::Uncounted(_) => {
                made.with_field("amount")
            }
            _ => made,
        }
    }
}
