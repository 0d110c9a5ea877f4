use mp_core::{Error, ErrorKind, amount::Money, id::Name};

use crate::{
    backend::MinorUnitsError,
    intent::{IntentEvent, IntentStatus},
    operation::OperationKey,
    routing::NoRoute,
};

/// Why a payment or a pass did not do what it was asked.
///
/// A decline is none of these: it is a state, with its code in
/// [`PaymentIntent::last_error`](crate::PaymentIntent::last_error).
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PayError {
    /// The shared mechanisms refused or failed: bad input, missing rights, the store.
    #[error(transparent)]
    Core(#[from] Error),
    /// The intent is in a state that does not allow this.
    #[error("an intent that is {status} does not {event}: read it again")]
    UnexpectedState {
        /// Where the intent stands.
        status: IntentStatus,
        /// What was asked of it.
        event: IntentEvent,
    },
    /// More was asked for than is left to capture or to refund.
    #[error("{asked} is more than the {left} that is left")]
    AmountTooLarge {
        /// What was asked for.
        asked: Money,
        /// What can still be had.
        left: Money,
    },
    /// The backend cannot do this; it was not asked.
    #[error("the payment backend has no {0}")]
    Unsupported(&'static str),
    /// The backend cannot be told this amount; it was not asked.
    #[error(transparent)]
    Uncounted(#[from] MinorUnitsError),
    /// None of the backends takes the payment; none was asked.
    #[error(transparent)]
    NoRoute(#[from] NoRoute),
    /// The attempt went to a backend that is not configured here. It waits, and goes to no other.
    #[error("the attempt's payment backend {0} is not configured here: add it to the backends")]
    BackendMissing(Name),
    /// A named limit is reached.
    #[error("there are {most} {what} already, which is the most")]
    TooMany {
        /// What there are too many of.
        what: &'static str,
        /// The limit.
        most: u32,
    },
    /// The operation does not wait for a person: its outcome is known, or being found out.
    #[error("the operation {0} does not wait to be resolved")]
    NotUnresolved(OperationKey),
    /// A pass holds less than is to be redeemed.
    #[error("the pass holds {held} {unit} and {asked} are needed")]
    NotEnough {
        /// What of.
        unit: &'static str,
        /// What it holds.
        held: u64,
        /// What was asked for.
        asked: u64,
    },
}

impl PayError {
    /// Returns the machine-readable code, stable across releases.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Core(core) => core.code(),
            Self::UnexpectedState { .. } => "payment_intent_unexpected_state",
            Self::AmountTooLarge { .. } => "amount_too_large",
            Self::Unsupported(_) => "unsupported",
            Self::Uncounted(_) => "invalid_charge_amount",
            Self::NoRoute(_) => "no_route",
            Self::BackendMissing(_) => "backend_not_configured",
            Self::TooMany { .. } => "too_many",
            Self::NotUnresolved(_) => "not_unresolved",
            Self::NotEnough { .. } => "balance_insufficient",
        }
    }

    /// Returns what kind of error it is, which says what its caller can do.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::Core(core) => core.kind(),
            Self::Unsupported(_) | Self::Uncounted(_) | Self::NoRoute(_) => ErrorKind::Unsupported,
            Self::BackendMissing(_) => ErrorKind::Unavailable,
            _ => ErrorKind::Refused,
        }
    }
}

impl From<PayError> for Error {
    fn from(error: PayError) -> Self {
        let made = Self::new(error.kind(), error.code(), error.to_string());
        match error {
            PayError::Core(core) => core,
            PayError::AmountTooLarge { .. } | PayError::Uncounted(_) => made.with_field("amount"),
            _ => made,
        }
    }
}

/// Returns whether what was to be read is broken, or such that only a newer release reads it: one such
/// record hides no other.
pub(crate) fn is_unreadable(error: &Error) -> bool {
    error.kind() == ErrorKind::Corrupt || error.code() == "newer_release"
}
