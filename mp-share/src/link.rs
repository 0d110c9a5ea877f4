//! What a share link says: [`ShareLink`], its [`Subject`], and the [`Campaign`] it counts for.

use std::fmt;

use mp_core::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{error::ShareError, group::GroupId, offer::OfferId, page::Page};

/// The bytes of a link's body inside a token.
pub(crate) const BODY_LENGTH: usize = 24;

/// A link that somebody shares: to what, by whom, for which campaign, until when.
///
/// ```text
/// body: subject's kind 1 byte │ subject 16 bytes │ campaign 3 bytes │ sharer 4 bytes
/// ```
///
/// The numbers are big-endian. There is no user id in it: the sharer is a number that means
/// something only in the campaign's own records.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, Hash, Serialize)]
pub struct ShareLink {
    /// What it leads to.
    pub subject: Subject,
    /// The campaign it counts for.
    pub campaign: Campaign,
    /// Who shares it, by number; `None` for a link of the app's own, such as a table's QR code.
    pub sharer: Option<SharerNumber>,
    /// From when on it is refused; a whole second.
    pub expires_at: Timestamp,
}

/// What a share link leads to.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, Hash, Serialize)]
#[serde(
    tag = "kind",
    content = "id",
    rename_all = "snake_case",
    deny_unknown_fields
)]
#[non_exhaustive]
pub enum Subject {
    /// A group that can be joined.
    Group(GroupId),
    /// An offer that groups can be opened on.
    Offer(OfferId),
    /// A page of the app.
    Page(Page),
}

/// Numbers a campaign: openings are told apart by campaign. 0 to 16 777 215; 0 if the app has none.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize,
)]
#[serde(try_from = "u32", into = "u32")]
pub struct Campaign(u32);

/// Numbers a sharer within a campaign, from 1.
#[derive(
    Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize,
)]
#[serde(transparent)]
pub struct SharerNumber(pub std::num::NonZeroU32);

impl ShareLink {
    /// Returns the link unless it has expired.
    pub(crate) fn unless_expired(self, now: Timestamp) -> Result<Self, ShareError> {
        if self.expires_at <= now {
            return Err(ShareError::Expired);
        }
        Ok(self)
    }

    pub(crate) fn expiry_seconds(&self) -> u32 {
        u32::try_from(self.expires_at.as_millis() / 1_000).unwrap_or(u32::MAX)
    }

    pub(crate) fn to_body(self) -> [u8; BODY_LENGTH] {
        let mut body = [0; BODY_LENGTH];
        let (kind, subject) = self.subject.to_bytes();
        body[0] = kind;
        body[1..17].copy_from_slice(&subject);
        body[17..20].copy_from_slice(&self.campaign.0.to_be_bytes()[1..]);
        let sharer = self.sharer.map_or(0, |number| number.0.get());
        body[20..].copy_from_slice(&sharer.to_be_bytes());
        body
    }

    /// Reads back what was signed; `None` for a subject that a newer release knows.
    pub(crate) fn from_parts(expiry: u32, body: &[u8; BODY_LENGTH]) -> Option<Self> {
        let sharer = u32::from_be_bytes(body[20..].try_into().ok()?);
        Some(Self {
            subject: Subject::from_bytes(body[0], body[1..17].try_into().ok()?)?,
            campaign: Campaign(u32::from_be_bytes([0, body[17], body[18], body[19]])),
            sharer: std::num::NonZeroU32::new(sharer).map(SharerNumber),
            expires_at: Timestamp::from_micros(i64::from(expiry) * 1_000_000),
        })
    }
}

impl Subject {
    const fn to_bytes(self) -> (u8, [u8; 16]) {
        match self {
            Self::Group(id) => (1, id.to_bytes()),
            Self::Offer(id) => (2, id.to_bytes()),
            Self::Page(page) => (3, page.to_bytes()),
        }
    }

    fn from_bytes(kind: u8, bytes: [u8; 16]) -> Option<Self> {
        match kind {
            1 => Some(Self::Group(GroupId::from_bytes(bytes))),
            2 => Some(Self::Offer(OfferId::from_bytes(bytes))),
            3 => Page::from_bytes(bytes).map(Self::Page),
            _ => None,
        }
    }
}

impl Campaign {
    /// The greatest number of a campaign: what three bytes hold.
    pub const MAX: u32 = 0x00ff_ffff;

    /// The campaign of links that belong to none.
    ///
    /// It ends as any other: once [`SHARERS_MAX`](crate::links::SHARERS_MAX) users have made a link in it,
    /// a further user's is refused as `campaign_full`, for good, and beyond
    /// [`OPENERS_MAX`](crate::links::OPENERS_MAX) no first opening is noted. An app in which more people
    /// share names its campaigns, by month for instance, from the start.
    pub const NONE: Self = Self(0);

    /// Returns the campaign of a number.
    ///
    /// # Errors
    ///
    /// [`CampaignRangeError`] beyond [`MAX`](Self::MAX).
    pub const fn new(number: u32) -> Result<Self, CampaignRangeError> {
        if number <= Self::MAX {
            Ok(Self(number))
        } else {
            Err(CampaignRangeError(()))
        }
    }

    /// Returns the number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

/// The number is no campaign's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a campaign is a number from 0 to {}", Campaign::MAX)]
pub struct CampaignRangeError(());

impl TryFrom<u32> for Campaign {
    type Error = CampaignRangeError;

    fn try_from(number: u32) -> Result<Self, CampaignRangeError> {
        Self::new(number)
    }
}

impl From<Campaign> for u32 {
    fn from(campaign: Campaign) -> Self {
        campaign.0
    }
}

impl fmt::Display for Campaign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl JsonSchema for Campaign {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Campaign".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "integer", "minimum": 0, "maximum": Self::MAX })
    }
}
