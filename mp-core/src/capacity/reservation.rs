use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{clock::Timestamp, id::UserId};

/// Asks for capacity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// For whom.
    pub owner: UserId,
    /// How much of which quotas; all of it or nothing.
    pub takes: BTreeMap<String, u32>,
    /// Until when it is held if it is not confirmed.
    pub until: Timestamp,
}

impl Request {
    /// Asks for one unit of one quota.
    #[must_use]
    pub fn one(quota: &str, owner: &UserId, until: Timestamp) -> Self {
        Self {
            owner: owner.clone(),
            takes: BTreeMap::from([(quota.to_owned(), 1)]),
            until,
        }
    }
}

/// Where a reservation stands.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReservationState {
    /// Held until its time limit.
    Reserved,
    /// Kept for good.
    Confirmed,
    /// Given back, by the owner or by a release.
    Released,
    /// Given back because its time limit passed.
    Lapsed,
    /// Something a newer release knows.
    #[serde(other)]
    Unrecognized,
}

impl ReservationState {
    /// Every state, for tables and tests.
    pub const ALL: [Self; 5] = [
        Self::Reserved,
        Self::Confirmed,
        Self::Released,
        Self::Lapsed,
        Self::Unrecognized,
    ];

    /// Returns whether nothing can change any more.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Released | Self::Lapsed)
    }
}

/// Capacity that was taken, and by whom.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Reservation {
    /// Whose it is.
    pub owner: UserId,
    /// How much of which quotas.
    pub takes: BTreeMap<String, u32>,
    /// Until when it is held if it is not confirmed.
    pub until: Timestamp,
    /// Where it stands.
    pub state: ReservationState,
}

impl Reservation {
    /// Returns whether it is still held but its time limit has passed.
    #[must_use]
    pub fn has_lapsed(&self, now: Timestamp) -> bool {
        self.state == ReservationState::Reserved && self.until <= now
    }

    pub(super) fn quantity(&self) -> u32 {
        self.takes
            .values()
            .fold(0, |sum, takes| sum.saturating_add(*takes))
    }
}

/// How much one owner has, over all reservations that are held or kept.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct Holding {
    /// In units of any quota.
    pub quantity: u32,
}
