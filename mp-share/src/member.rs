//! A person's part in a group: [`Member`], its [`MemberState`] and its [`Seat`].

mod id;

use std::{collections::BTreeMap, fmt, num::NonZeroU32};

use mp_core::{
    Document, Timestamp,
    capacity::{Holding, Reservation, ReservationState},
    id::UserId,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use self::id::{MemberId, PlanId};
use crate::group::SEATS;

/// Numbers the memberships of a group in the order in which they were begun, from 1.
#[derive(
    Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize,
)]
#[serde(transparent)]
pub struct MemberNumber(pub NonZeroU32);

impl fmt::Display for MemberNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// All that one user began in a group: who leaves and joins again is a new member.
///
/// There are at most [`ATTEMPTS_EACH_MAX`](crate::group::ATTEMPTS_EACH_MAX), and the last of them
/// alone may have a seat.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Memberships {
    /// Who.
    pub user: UserId,
    /// What came of each, by its number.
    pub members: BTreeMap<MemberNumber, Member>,
}

impl Document for Memberships {
    const KIND: &'static str = "group.memberships";
    const FORMAT: u32 = 2;
}

impl Memberships {
    /// Returns those of a user who has begun nothing yet.
    #[must_use]
    pub const fn of(user: UserId) -> Self {
        Self {
            user,
            members: BTreeMap::new(),
        }
    }

    /// Returns the last one that was begun.
    #[must_use]
    pub fn last(&self) -> Option<(MemberNumber, &Member)> {
        let last = self.members.last_key_value();
        last.map(|(number, member)| (*number, member))
    }

    /// Returns how many seats the user has.
    #[must_use]
    pub fn holding(&self) -> Holding {
        let seats = self.members.values();
        let taken = seats.fold(0, |sum, member| sum + u32::from(member.seat.is_taken()));
        Holding { quantity: taken }
    }
}

/// One person's part in a group.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Member {
    /// Where it stands.
    pub state: MemberState,
    /// The seat.
    pub seat: Seat,
    /// Since when.
    pub joined_at: Timestamp,
    /// Why it came to nothing: a code such as `unpaid`, `left`, `group_expired`, `payment_lost` where
    /// money that was secured is gone, or the code of a declined payment.
    #[serde(default)]
    pub reason: Option<String>,
    /// A short hash of the key that the seat was taken under: whoever repeats that call after its answer
    /// is forgotten is told of this member.
    #[serde(default)]
    pub joined_under: Option<String>,
    /// The same of the key that the seat was given up under.
    #[serde(default)]
    pub left_under: Option<String>,
}

/// The seat that a member holds, keeps, or had.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Seat {
    /// Until when it is held if it is not paid for.
    pub until: Timestamp,
    /// Where it stands.
    pub state: ReservationState,
}

impl Seat {
    /// Returns the seat as a group's [`SEATS`] count it: one of them, for its user.
    #[must_use]
    pub fn reservation(&self, user: &UserId) -> Reservation {
        Reservation {
            owner: user.clone(),
            takes: BTreeMap::from([(SEATS.to_owned(), 1)]),
            until: self.until,
            state: self.state,
        }
    }

    /// Returns whether nobody else can have it.
    #[must_use]
    pub const fn is_taken(&self) -> bool {
        matches!(
            self.state,
            ReservationState::Reserved | ReservationState::Confirmed
        )
    }

    /// Returns whether it is still held but its time limit has passed.
    #[must_use]
    pub fn has_lapsed(&self, now: Timestamp) -> bool {
        self.state == ReservationState::Reserved && self.until <= now
    }
}

impl From<Reservation> for Seat {
    fn from(reservation: Reservation) -> Self {
        Self {
            until: reservation.until,
            state: reservation.state,
        }
    }
}

/// Where a member stands.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberState {
    /// The seat is held until it is paid for.
    Reserved,
    /// The piece is held and the money secured; what is missing is the others.
    Secured,
    /// The group has filled: the piece is sold and the money taken.
    Confirmed,
    /// It came to nothing: the piece and the money are being given back.
    Releasing,
    /// It came to nothing: the piece and the money are given back.
    Released,
    /// Something a newer release knows.
    #[serde(other)]
    Unrecognized,
}

/// What happens to a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MemberEvent {
    /// Everything is reserved, the money last.
    Secure,
    /// Everything is kept.
    Confirm,
    /// It comes to nothing.
    LetGo,
    /// Everything is given back.
    Release,
}

impl MemberState {
    /// Every state, for tables and tests.
    pub const ALL: [Self; 6] = [
        Self::Reserved,
        Self::Secured,
        Self::Confirmed,
        Self::Releasing,
        Self::Released,
        Self::Unrecognized,
    ];

    /// Returns the state after an event, or `None` if that changes nothing.
    ///
    /// ```text
    ///              Secure    Confirm     LetGo       Release
    /// Reserved     Secured   -           Releasing   -
    /// Secured      -         Confirmed   Releasing   -
    /// Confirmed    -         -           -           -
    /// Releasing    -         -           -           Released
    /// Released     -         -           -           -
    /// ```
    ///
    /// A payment that lands on a member who is being let go finds a state in which it secures
    /// nothing; it is given back.
    #[must_use]
    pub const fn next(self, event: MemberEvent) -> Option<Self> {
        match (self, event) {
            (Self::Reserved, MemberEvent::Secure) => Some(Self::Secured),
            (Self::Secured, MemberEvent::Confirm) => Some(Self::Confirmed),
            (Self::Reserved | Self::Secured, MemberEvent::LetGo) => Some(Self::Releasing),
            (Self::Releasing, MemberEvent::Release) => Some(Self::Released),
            _ => None,
        }
    }

    /// Returns whether the member has a seat.
    #[must_use]
    pub const fn has_seat(self) -> bool {
        matches!(self, Self::Reserved | Self::Secured | Self::Confirmed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_and_event_has_one_outcome() {
        use MemberEvent::{Confirm, LetGo, Release, Secure};
        use MemberState::{Confirmed, Released, Releasing, Reserved, Secured, Unrecognized};
        let events = [Secure, Confirm, LetGo, Release];
        let table = [
            (Reserved, [Some(Secured), None, Some(Releasing), None]),
            (Secured, [None, Some(Confirmed), Some(Releasing), None]),
            (Confirmed, [None; 4]),
            (Releasing, [None, None, None, Some(Released)]),
            (Released, [None; 4]),
            (Unrecognized, [None; 4]),
        ];
        assert_eq!(table.map(|(state, _)| state), MemberState::ALL);
        for (state, row) in table {
            for (event, expected) in events.into_iter().zip(row) {
                assert_eq!(state.next(event), expected, "{state:?} {event:?}");
            }
        }
    }
}
