use mp_core::{Document, id::UserId, port::Notification};
use serde::{Deserialize, Serialize};

/// The work of expiring a group whose deadline has passed.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Expire {}

/// The work of beginning the payments of members who took a seat and did not wait.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct PlanPayments {}

/// The work of telling a member something.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Notice {
    pub(super) notification: Notification,
}

impl Document for Expire {
    const KIND: &'static str = "group.expire";
    const FORMAT: u32 = 1;
}

impl Document for PlanPayments {
    const KIND: &'static str = "group.plan";
    const FORMAT: u32 = 1;
}

impl Document for Notice {
    const KIND: &'static str = "group.notice";
    const FORMAT: u32 = 1;
}

pub(crate) const MEMBERS: &str = "m/";
pub(crate) const PLANS: &str = "s/";

pub(super) fn member_key(user: &UserId) -> String {
    format!("{MEMBERS}{user}")
}
