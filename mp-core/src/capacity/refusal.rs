use crate::error::{Error, ErrorKind};

/// Why capacity was not given, or not kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CapacityRefusal {
    /// Less is free than was asked for.
    #[error("only {free} of {quota} left")]
    SoldOut {
        /// The quota that is short.
        quota: String,
        /// How much of it is free.
        free: u32,
    },
    /// The owner would have more than one owner may.
    #[error("no more than {max} each")]
    OwnerLimit {
        /// How much one owner may have.
        max: u32,
    },
    /// There is no quota of that name.
    #[error("there is no quota named {0}")]
    NoSuchQuota(String),
    /// The request takes nothing, or its time limit has passed.
    #[error("a reservation must take something and end in the future")]
    Empty,
    /// The reservation's time limit has passed; what it held may be somebody else's.
    #[error("the reservation has lapsed")]
    Lapsed,
    /// The reservation was released before.
    #[error("the reservation was released")]
    Released,
    /// A newer release wrote the reservation.
    #[error("a newer release wrote this reservation")]
    Unrecognized,
}

impl CapacityRefusal {
    /// Returns the machine-readable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::SoldOut { .. } => "sold_out",
            Self::OwnerLimit { .. } => "owner_limit",
            Self::NoSuchQuota(_) => "no_such_quota",
            Self::Empty => "empty_reservation",
            Self::Lapsed => "lapsed",
            Self::Released => "released",
            Self::Unrecognized => "newer_release",
        }
    }
}

impl From<CapacityRefusal> for Error {
    fn from(refusal: CapacityRefusal) -> Self {
        let kind = match refusal {
            CapacityRefusal::NoSuchQuota(_) | CapacityRefusal::Empty => ErrorKind::Invalid,
            // It is tried again until a process of that release takes it up.
            CapacityRefusal::Unrecognized => ErrorKind::Unavailable,
            _ => ErrorKind::Refused,
        };
        Self::new(kind, refusal.code(), refusal.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::HandlerError;

    #[test]
    fn what_a_newer_release_wrote_is_tried_again_until_one_takes_it_up() {
        let error = Error::from(CapacityRefusal::Unrecognized);
        assert_eq!(error.code(), "newer_release");
        let error = HandlerError::from(error);
        assert!(matches!(error, HandlerError::Retry(_)), "{error:?}");
    }
}
