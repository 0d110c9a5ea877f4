use mp_core::{Document, Timestamp, id::UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::link::{SharerNumber, Subject};

/// The root of a campaign's partition: how many share and how many have opened.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct CampaignBook {
    pub(super) sharers: u32,
    pub(super) openers: u32,
}

/// Who a number stands for.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Sharer {
    pub(super) user: UserId,
}

/// Which number a user has.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct OwnNumber {
    pub(super) number: SharerNumber,
}

/// The first link of a campaign that somebody opened.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
pub struct Opening {
    /// Whose link it was: the one whom the campaign has to thank. `None` for a link of the app's.
    pub sharer: Option<UserId>,
    /// What it led to.
    pub subject: Subject,
    /// When.
    pub opened_at: Timestamp,
}

impl Document for CampaignBook {
    const KIND: &'static str = "share.campaign";
    const FORMAT: u32 = 1;
}

impl Document for Sharer {
    const KIND: &'static str = "share.sharer";
    const FORMAT: u32 = 1;
}

impl Document for OwnNumber {
    const KIND: &'static str = "share.number";
    const FORMAT: u32 = 1;
}

impl Document for Opening {
    const KIND: &'static str = "share.opening";
    const FORMAT: u32 = 1;
}

pub(super) fn sharer_key(number: SharerNumber) -> String {
    format!("n/{}", number.0)
}

pub(super) fn own_number_key(user: &UserId) -> String {
    format!("u/{user}")
}

pub(super) fn opening_key(user: &UserId) -> String {
    format!("o/{user}")
}
