use std::time::Duration;

use mp_core::{Error, ErrorKind};

/// How long a provider is asked to wait that comes again because of a
/// [`Busy`](WebhookRefusal::Busy).
pub const BUSY_PAUSE: Duration = Duration::from_secs(30);

/// Why a webhook was not accepted: nothing of it was kept, and the provider must not be told that
/// it was.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookRefusal {
    /// No such source is set up, or not for this app.
    #[error("no webhooks come from there: correct the address at the provider")]
    UnknownSource,
    /// It is larger than any that is sent in earnest.
    #[error("there are more than {most} {what}")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        most: usize,
    },
    /// It is not in the provider's form.
    #[error("it is not a webhook: {0}")]
    Malformed(&'static str),
    /// No key that is set up has signed these bytes.
    #[error("no key that is set up has signed it")]
    BadSignature,
    /// It was signed too long ago, or in the future.
    #[error("it was signed too long ago, or in the future: compare the clocks")]
    OutsideWindow,
    /// The same event came with other bytes too often.
    #[error("the same event has come with other bytes before, as often as that is kept")]
    Contradictory,
    /// As many wait to be handled as may, or as many are being received.
    #[error("too many wait already: send it again later")]
    Busy,
    /// It was not kept, or nobody can tell whether it was.
    #[error("it is not known to be kept: send it again")]
    NotKept(#[source] Error),
}

impl WebhookRefusal {
    /// Returns the HTTP status that says so to the provider ([RFC 9110 §15](https://www.rfc-editor.org/rfc/rfc9110#section-15)).
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::UnknownSource => 404,
            Self::TooLarge { .. } => 413,
            Self::Malformed(_) => 400,
            Self::BadSignature | Self::OutsideWindow => 403,
            Self::Contradictory => 409,
            Self::Busy | Self::NotKept(_) => 503,
        }
    }

    /// Returns whether the same event, sent again, may be accepted; most providers send it again
    /// whatever the status says.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::OutsideWindow | Self::Busy | Self::NotKept(_))
    }

    /// Returns whether anybody can bring it about, without a key.
    pub(super) const fn is_strange(&self) -> bool {
        !matches!(
            self,
            Self::OutsideWindow | Self::Contradictory | Self::Busy | Self::NotKept(_)
        )
    }

    /// Returns the machine-readable code, stable across releases.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownSource => "unknown_source",
            Self::TooLarge { .. } => "too_large",
            Self::Malformed(_) => "malformed",
            Self::BadSignature => "bad_signature",
            Self::OutsideWindow => "outside_window",
            Self::Contradictory => "contradictory",
            Self::Busy => "busy",
            Self::NotKept(_) => "not_kept",
        }
    }

    /// Returns what kind of error it is, which says what its caller can do.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::NotKept(error) => error.kind(),
            Self::UnknownSource => ErrorKind::NotFound,
            Self::TooLarge { .. } | Self::Malformed(_) => ErrorKind::Invalid,
            Self::BadSignature | Self::OutsideWindow => ErrorKind::Forbidden,
            Self::Contradictory => ErrorKind::Refused,
            Self::Busy => ErrorKind::Unavailable,
        }
    }
}

/// The store's own failures: nothing is known to be kept.
impl From<Error> for WebhookRefusal {
    fn from(error: Error) -> Self {
        Self::NotKept(error)
    }
}

impl From<WebhookRefusal> for Error {
    fn from(refusal: WebhookRefusal) -> Self {
        match refusal {
            WebhookRefusal::NotKept(error) => error,
            other => Self::new(other.kind(), other.code(), other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_may_come_again_is_told_by_a_status_that_is_not_final() {
        let kept = WebhookRefusal::NotKept(Error::not_found("store"));
        let passing = [WebhookRefusal::Busy, kept];
        assert!(
            passing
                .iter()
                .all(|it| it.is_passing() && it.status() == 503)
        );
        let (what, most) = ("headers", 1);
        for (refusal, status) in [
            (WebhookRefusal::UnknownSource, 404),
            (WebhookRefusal::TooLarge { what, most }, 413),
            (WebhookRefusal::Malformed("it is empty"), 400),
            (WebhookRefusal::BadSignature, 403),
            (WebhookRefusal::Contradictory, 409),
        ] {
            assert_eq!((refusal.status(), refusal.is_passing()), (status, false));
            assert_eq!(Error::from(refusal.clone()).code(), refusal.code());
        }
    }
}
