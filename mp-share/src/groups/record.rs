use mp_core::{Document, capacity::Holding, id::UserId, port::Notification};
use serde::{Deserialize, Serialize};

use crate::member::MemberNumber;

/// What one user has in a group, and how often they tried.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Seat {
    pub(super) holding: Holding,
    pub(super) attempts: u32,
    /// The user's last membership.
    pub(super) member: Option<MemberNumber>,
}

/// The work of expiring a group whose deadline has passed.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Expire {}

/// The work of telling a member something.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Notice {
    pub(super) notification: Notification,
}

impl Document for Seat {
    const KIND: &'static str = "group.seat";
    const FORMAT: u32 = 1;
}

impl Document for Expire {
    const KIND: &'static str = "group.expire";
    const FORMAT: u32 = 1;
}

impl Document for Notice {
    const KIND: &'static str = "group.notice";
    const FORMAT: u32 = 1;
}

pub(crate) const MEMBERS: &str = "m/";
pub(super) const SEATS: &str = "u/";
pub(crate) const PLANS: &str = "s/";

pub(super) fn member_key(number: MemberNumber) -> String {
    format!("{MEMBERS}{number}")
}

pub(super) fn seat_key(user: &UserId) -> String {
    format!("{SEATS}{user}")
}
