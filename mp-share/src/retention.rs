//! When groups may leave the store: [`EndedGroups`].

use mp_core::{
    Error, Family, Timestamp,
    retention::Rule,
    steps::{Plan, Standing},
};

use crate::{
    group::{Group, GroupState},
    groups::{MEMBERS, PARTITION_KIND, PLANS},
    member::{MemberState, Memberships},
};

/// Takes a group for closed when it has ended and every member has either a confirmed seat or
/// everything back.
#[derive(Clone, Copy, Debug, Default)]
pub struct EndedGroups;

impl Rule for EndedGroups {
    fn kind(&self) -> &str {
        PARTITION_KIND
    }

    fn is_closed(&self, family: &Family, _now: Timestamp) -> Result<bool, Error> {
        // Past its deadline an open group counts as expired, but its members have not been seen to.
        let ended = |state| {
            let ends = [
                GroupState::Filled,
                GroupState::Expired,
                GroupState::Canceled,
            ];
            ends.contains(&state)
        };
        let group = family.root::<Group>()?;
        let members = family.scan::<Memberships>(MEMBERS)?;
        let plans = family.scan::<Plan>(PLANS)?;
        let settled = |state| matches!(state, MemberState::Confirmed | MemberState::Released);
        let rests = |plan: &Plan| {
            let standing = plan.standing();
            plan.is_recognized() && matches!(standing, Standing::Confirmed | Standing::Released)
        };
        Ok(group.is_some_and(|group| ended(group.state))
            && members
                .iter()
                .all(|(_, user)| user.members.values().all(|member| settled(member.state)))
            && plans.iter().all(|(_, plan)| rests(plan)))
    }
}
