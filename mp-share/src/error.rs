//! Why links and groups refuse something.

use mp_core::{Error, ErrorKind};

use crate::group::GroupState;

/// Why a share link is refused, or could not be made.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShareError {
    /// The text is no token, no URL of this host with one, or of a format not known here.
    #[error("this is no share link of ours")]
    Malformed,
    /// The key that signed it was retired, or never was ours.
    #[error("the key of this share link was retired: ask for a fresh one")]
    UnknownKey,
    /// The link was changed, or signed for another app.
    #[error("the share link's signature does not match: treat it as forged")]
    BadSignature,
    /// The link's time is over.
    #[error("the share link has expired: ask for a fresh one")]
    Expired,
    /// The campaign has as many sharers as it may.
    #[error("the campaign has as many sharers as it may: take another campaign number")]
    CampaignFull,
    /// The text is longer than a QR code of level M holds.
    #[error("the text is too long for a QR code: take a shorter base URL")]
    TooLongForQr,
    /// The caller has no right to it, or the store failed.
    #[error(transparent)]
    Core(#[from] Error),
}

impl ShareError {
    /// Returns the machine-readable code, stable across releases.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "link_malformed",
            Self::UnknownKey => "link_key_unknown",
            Self::BadSignature => "link_forged",
            Self::Expired => "link_expired",
            Self::CampaignFull => "campaign_full",
            Self::TooLongForQr => "too_long_for_qr",
            Self::Core(error) => error.code(),
        }
    }

    /// Returns what kind of error it is, which says what its caller can do.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::Malformed | Self::UnknownKey | Self::BadSignature | Self::TooLongForQr => {
                ErrorKind::Invalid
            }
            Self::Expired | Self::CampaignFull => ErrorKind::Refused,
            Self::Core(error) => error.kind(),
        }
    }

    const fn field(&self) -> &'static str {
        match self {
            Self::CampaignFull => "campaign",
            _ => "link",
        }
    }
}

impl From<ShareError> for Error {
    fn from(error: ShareError) -> Self {
        match error {
            ShareError::Core(core) => core,
            other => {
                Self::new(other.kind(), other.code(), other.to_string()).with_field(other.field())
            }
        }
    }
}

/// Why a group refuses something, or could not do it.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GroupError {
    /// The offer was taken off sale.
    #[error("the offer is closed: no new groups")]
    OfferClosed,
    /// The group is not open any more.
    #[error("the group is {0}: open another one")]
    Over(GroupState),
    /// Every seat is taken; one that is not paid for in time comes free again.
    #[error("every seat of the group is taken: try again later or open another one")]
    Full,
    /// The caller has a seat already.
    #[error("the caller has a seat in this group already")]
    AlreadyMember,
    /// The caller has no seat to leave.
    #[error("the caller has no seat in this group")]
    NotMember,
    /// The group, or this user in it, has been joined as often as it may.
    #[error("too many attempts to join this group: open another one")]
    TooManyAttempts,
    /// The caller has no right to it, or the store or a port failed.
    #[error(transparent)]
    Core(#[from] Error),
}

impl GroupError {
    /// Returns the machine-readable code, stable across releases.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::OfferClosed => "offer_closed",
            Self::Over(_) => "group_over",
            Self::Full => "group_full",
            Self::AlreadyMember => "already_member",
            Self::NotMember => "not_member",
            Self::TooManyAttempts => "too_many_attempts",
            Self::Core(error) => error.code(),
        }
    }

    /// Returns what kind of error it is, which says what its caller can do.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::Core(error) => error.kind(),
            _ => ErrorKind::Refused,
        }
    }
}

impl From<GroupError> for Error {
    fn from(error: GroupError) -> Self {
        let field = match error {
            GroupError::Core(core) => return core,
            GroupError::OfferClosed => "offer",
            _ => "group",
        };
        Self::new(error.kind(), error.code(), error.to_string()).with_field(field)
    }
}

/// Returns the error of something that a newer release has written: work on it is tried again until
/// one that knows it takes it up.
pub(crate) fn newer_release(field: &'static str) -> Error {
    let message = "a newer release wrote this, and only it can go on";
    Error::new(ErrorKind::Unavailable, "newer_release", message).with_field(field)
}
