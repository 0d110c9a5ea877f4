use mp_core::{Document, id::UserId, port::Notification};
use serde::{Deserialize, Serialize};

/// The work of expiring a group whose deadline has passed.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(super) struct Expire {}

/// The work of beginning the payments of members who took a seat and did not wait.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(super) struct PlanPayments {}

/// The work of telling a member something.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(super) struct Notice {
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

pub(super) const MEMBERS: &str = "m/";
pub(super) const PLANS: &str = "s/";

pub(super) fn member_key(user: &UserId) -> String {
    format!("{MEMBERS}{user}")
}

#[cfg(test)]
mod tests {
    use mp_core::steps::Drive;

    use super::*;
    use crate::{fixture, groups::home::GroupHome};

    #[test]
    fn what_was_ever_stored_reads_back() {
        fixture::reads_back::<Expire>();
        fixture::reads_back::<PlanPayments>();
        fixture::reads_back::<Notice>();
        fixture::reads_back::<Drive<GroupHome>>();
    }
}
