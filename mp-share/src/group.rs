//! People who buy together: [`Group`] and its [`GroupState`].

use std::fmt;

use mp_core::{Document, Timestamp, capacity::Capacity, id::UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::offer::{OfferId, Terms};

mp_core::id_type!(
    /// Names a group.
    pub GroupId, "gb"
);

/// The name of a group's quota.
pub const SEATS: &str = "seats";

/// The most memberships of one group, those that came to nothing included.
pub const ATTEMPTS_MAX: u32 = 20_000;

/// The most memberships of one user in one group, those that came to nothing included.
pub const ATTEMPTS_EACH_MAX: usize = 10;

/// People who buy one offer together, on the terms it had when the group was opened.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// What is bought.
    pub offer: OfferId,
    /// Who opened it.
    pub opener: UserId,
    /// On what terms.
    #[serde(flatten)]
    pub terms: Terms,
    /// Where it stands.
    pub state: GroupState,
    /// Since when it is open.
    pub opened_at: Timestamp,
    /// When it expires unless it is full by then.
    pub deadline: Timestamp,
    /// The quota [`SEATS`]: held while the payment is awaited, confirmed once money is secured.
    pub seats: Capacity,
    /// How many memberships were begun; the last one has this number.
    pub attempts: u32,
    /// From when on a seat may have lapsed: none lapses earlier.
    #[serde(default)]
    pub lapses_from: Timestamp,
    /// Every membership up to this number has the plan that pays for it, or needs none any more.
    #[serde(default)]
    pub planned: u32,
}

impl Document for Group {
    const KIND: &'static str = "group";
    const FORMAT: u32 = 3;
}

impl Group {
    /// Returns how many members have their money secured.
    #[must_use]
    pub fn secured(&self) -> u32 {
        self.seats.quota(SEATS).map_or(0, |seats| seats.confirmed)
    }

    /// Returns whether every seat is paid for.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.secured() == self.terms.group_size
    }

    /// Returns where the group stands at a time: past its deadline an open one counts as expired,
    /// whether or not its timer has run.
    #[must_use]
    pub fn state_at(&self, now: Timestamp) -> GroupState {
        if self.state == GroupState::Open && self.deadline <= now {
            GroupState::Expired
        } else {
            self.state
        }
    }
}

/// Where a group stands.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupState {
    /// It can be joined.
    Open,
    /// Every seat is paid for; the members' money is taken.
    Filled,
    /// Its time was over before it was full; the members' money is given back.
    Expired,
    /// The merchant called it off; the members' money is given back.
    Canceled,
    /// Something a newer release knows.
    #[serde(other)]
    Unrecognized,
}

/// What happens to a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GroupEvent {
    /// The last seat was paid for.
    Fill,
    /// Its deadline passed.
    Expire,
    /// The merchant calls it off.
    Cancel,
}

impl GroupState {
    /// Every state, for tables and tests.
    pub const ALL: [Self; 5] = [
        Self::Open,
        Self::Filled,
        Self::Expired,
        Self::Canceled,
        Self::Unrecognized,
    ];

    /// Returns the state after an event, or `None` if that changes nothing.
    ///
    /// ```text
    ///              Fill     Expire    Cancel
    /// Open         Filled   Expired   Canceled
    /// Filled       -        -         -
    /// Expired      -        -         -
    /// Canceled     -        -         -
    /// ```
    ///
    /// A group ends once: nothing revives an expired one, and nothing expires a filled one.
    #[must_use]
    pub const fn next(self, event: GroupEvent) -> Option<Self> {
        match (self, event) {
            (Self::Open, GroupEvent::Fill) => Some(Self::Filled),
            (Self::Open, GroupEvent::Expire) => Some(Self::Expired),
            (Self::Open, GroupEvent::Cancel) => Some(Self::Canceled),
            _ => None,
        }
    }
}

impl fmt::Display for GroupState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "open",
            Self::Filled => "filled",
            Self::Expired => "expired",
            Self::Canceled => "canceled",
            Self::Unrecognized => "in a state that a newer release knows",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_and_event_has_one_outcome() {
        use GroupState::{Canceled, Expired, Filled, Open, Unrecognized};
        let events = [GroupEvent::Fill, GroupEvent::Expire, GroupEvent::Cancel];
        let table = [
            (Open, [Some(Filled), Some(Expired), Some(Canceled)]),
            (Filled, [None; 3]),
            (Expired, [None; 3]),
            (Canceled, [None; 3]),
            (Unrecognized, [None; 3]),
        ];
        assert_eq!(table.map(|(state, _)| state), GroupState::ALL);
        for (state, row) in table {
            for (event, expected) in events.into_iter().zip(row) {
                assert_eq!(state.next(event), expected, "{state:?} {event:?}");
            }
        }
    }
}
