use mp_core::{
    Document, Timestamp,
    capacity::{Holding, Reservation, ReservationState},
    id::UserId,
};
use serde::{Deserialize, Serialize};

use crate::offer::HOLD_MAX;

/// Stock that is held.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct InFlight(pub(super) Reservation);

/// A reservation that is sold, given back, lapsed or refused: nothing can be reserved under its key
/// again.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Closed {
    /// How it ended; `None` if nothing was ever reserved.
    pub(super) reservation: Option<Reservation>,
    pub(super) closed_at: Timestamp,
    /// Why it was refused, if it was.
    #[serde(default)]
    pub(super) refusal: Option<String>,
}

impl Closed {
    /// Returns when it may be forgotten; never, as long as its pieces are sold.
    pub(super) fn forget_at(&self) -> Option<Timestamp> {
        (!self.is_sold()).then(|| self.closed_at.plus(HOLD_MAX))
    }

    pub(super) fn is_sold(&self) -> bool {
        self.ended(ReservationState::Confirmed)
    }

    /// Returns why the key can hold nothing any more.
    pub(super) fn code(&self) -> &str {
        match &self.refusal {
            Some(code) => code,
            None if self.ended(ReservationState::Lapsed) => "lapsed",
            None => "released",
        }
    }

    fn ended(&self, state: ReservationState) -> bool {
        let reservation = self.reservation.as_ref();
        reservation.is_some_and(|reservation| reservation.state == state)
    }
}

/// What one user has of the offer, over all groups.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct Held(pub(super) Holding);

/// The work of giving back a reservation whose time limit has passed, and of forgetting one that is
/// closed.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Lapse {
    pub(super) reservation: String,
}

impl Document for InFlight {
    const KIND: &'static str = "offer.reservation";
    const FORMAT: u32 = 1;
}

impl Document for Closed {
    const KIND: &'static str = "offer.closed";
    const FORMAT: u32 = 2;
}

impl Document for Held {
    const KIND: &'static str = "offer.holding";
    const FORMAT: u32 = 1;
}

impl Document for Lapse {
    const KIND: &'static str = "offer.lapse";
    const FORMAT: u32 = 1;
}

pub(super) const IN_FLIGHT: &str = "r/";

pub(super) fn in_flight_key(key: &str) -> String {
    format!("{IN_FLIGHT}{key}")
}

pub(super) fn closed_key(key: &str) -> String {
    format!("c/{key}")
}

pub(super) fn holding_key(owner: &UserId) -> String {
    format!("u/{owner}")
}
