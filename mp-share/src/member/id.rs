use std::{fmt, str::FromStr};

use mp_core::{Error, id::UserId};

use super::MemberNumber;
use crate::{group::GroupId, offer::OfferId};

/// Names one member of a group, by its number, and says whose it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct MemberId {
    pub(crate) number: MemberNumber,
    pub(crate) user: UserId,
}

/// Names the plan of one member: `{offer}.{group}.{number}`.
///
/// It begins with the offer, because the steps on the offer's stock know it by nothing else, and
/// it is unique within the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PlanId {
    pub(crate) offer: OfferId,
    pub(crate) group: GroupId,
    pub(crate) member: MemberNumber,
}

impl fmt::Display for PlanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.offer, self.group, self.member)
    }
}

impl FromStr for PlanId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let malformed = || Error::invalid("plan", "is not of the form offer.group.number");
        let mut parts = text.split('.');
        let mut part = || parts.next().ok_or_else(malformed);
        let plan = Self {
            offer: part()?.parse().map_err(|_| malformed())?,
            group: part()?.parse().map_err(|_| malformed())?,
            member: MemberNumber(part()?.parse().map_err(|_| malformed())?),
        };
        if plan.to_string() == text {
            Ok(plan)
        } else {
            Err(malformed())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    #[test]
    fn a_plans_name_reads_back_and_leaves_room_for_a_step() {
        let plan = PlanId {
            offer: OfferId::from_bytes([1; 16]),
            group: GroupId::from_bytes([2; 16]),
            member: MemberNumber(NonZeroU32::MAX),
        };
        let text = plan.to_string();
        assert_eq!(text.parse::<PlanId>().expect("well-formed"), plan);
        assert!(text.len() + ".7".len() <= mp_core::port::SettlementKey::LENGTH_MAX);
        for wrong in [
            format!("{text}.0"),
            text.replace(".4", ".04"),
            String::new(),
        ] {
            assert!(wrong.parse::<PlanId>().is_err(), "{wrong}");
        }
    }
}
