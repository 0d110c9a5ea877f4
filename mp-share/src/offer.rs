//! What a group can be opened on: [`Offer`] and its [`Terms`].

use std::time::Duration;

use mp_core::{
    Document, Error, Timestamp, amount::Money, capacity::Capacity, id::UserId, label::Label,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::seconds;

mp_core::id_type!(
    /// Names an offer.
    pub OfferId, "of"
);

/// The fewest and the most members of a group.
pub const GROUP_SIZES: std::ops::RangeInclusive<u32> = 2..=5_000;

/// The shortest and the longest time for which a seat is held for its payment.
pub const SEAT_HOLDS: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(30)..=Duration::from_secs(24 * 60 * 60);

/// The longest time for which a group is open.
pub const GROUP_DURATION_MAX: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The most pieces of one offer.
pub const PIECES_MAX: u32 = 90_000;

/// The longest time for which pieces are held: what a group's whole life needs. A reservation that
/// was given back or refused is remembered as long, so that a late call cannot bring it to life.
pub const HOLD_MAX: Duration = Duration::from_secs(32 * 24 * 60 * 60);

/// Something that is cheaper when bought together.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Offer {
    /// Its id.
    pub id: OfferId,
    /// Who offers it.
    pub merchant: UserId,
    /// On what terms.
    #[serde(flatten)]
    pub terms: Terms,
    /// Whether it takes new reservations.
    pub state: OfferState,
    /// Since when it is offered.
    pub opened_at: Timestamp,
    /// What is held and sold of it over all groups: the quota [`STOCK`].
    pub stock: Capacity,
    /// How many reservations were ever made.
    pub reservations: u64,
    /// From when on a reservation may have lapsed: none lapses earlier.
    pub lapses_from: Option<Timestamp>,
}

impl Document for Offer {
    const KIND: &'static str = "offer";
    const FORMAT: u32 = 1;
}

/// The name of an offer's quota.
pub const STOCK: &str = "stock";

/// Whether an offer takes new reservations.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OfferState {
    /// It does.
    Open,
    /// It does not; what is held may still be bought.
    Closed,
    /// Something a newer release knows.
    #[serde(other)]
    Unrecognized,
}

/// What is offered, at which prices, to groups of which size.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
pub struct Terms {
    /// What it is, for people to read.
    pub title: Label,
    /// The price of one piece for somebody who buys alone: for a screen to compare with.
    pub price: Money,
    /// The price of one piece for each member of a group that fills.
    pub group_price: Money,
    /// How many members make a group full; in [`GROUP_SIZES`].
    pub group_size: u32,
    /// For how long a seat is held until it is paid for; whole seconds, in [`SEAT_HOLDS`].
    #[serde(rename = "seat_hold_seconds", with = "seconds")]
    #[schemars(with = "u32")]
    pub seat_hold: Duration,
    /// For how long a group stays open; whole seconds, no fewer than a seat is held, up to
    /// [`GROUP_DURATION_MAX`].
    #[serde(rename = "group_duration_seconds", with = "seconds")]
    #[schemars(with = "u32")]
    pub group_duration: Duration,
    /// How many pieces there are; enough for one group, up to [`PIECES_MAX`].
    pub pieces: u32,
    /// How many pieces one user may have over all groups; no limit if absent. What a user had in a group
    /// that is over counts until it is given back, which due work does.
    #[serde(default)]
    pub each_max: Option<u32>,
}

impl Terms {
    /// Refuses terms on which no group could ever fill, or that exceed a limit.
    ///
    /// # Errors
    ///
    /// `invalid_field` with the member's name.
    pub fn check(&self) -> Result<(), Error> {
        let same_currency = self.price.currency() == self.group_price.currency();
        let cheaper = self.group_price.minor() <= self.price.minor();
        let durations = self.seat_hold..=GROUP_DURATION_MAX;
        let checks = [
            ("price", self.price.is_positive(), "is not above zero"),
            (
                "group_price",
                self.group_price.is_positive(),
                "is not above zero",
            ),
            (
                "group_price",
                same_currency,
                "is in another currency than the price",
            ),
            ("group_price", cheaper, "is above the price for one alone"),
            (
                "group_size",
                GROUP_SIZES.contains(&self.group_size),
                "is not 2 to 5000",
            ),
            (
                "seat_hold_seconds",
                SEAT_HOLDS.contains(&self.seat_hold),
                "is not 30 seconds to a day",
            ),
            (
                "seat_hold_seconds",
                seconds::are_whole(self.seat_hold),
                "is not a whole number of seconds",
            ),
            (
                "group_duration_seconds",
                seconds::are_whole(self.group_duration),
                "is not a whole number of seconds",
            ),
            (
                "group_duration_seconds",
                durations.contains(&self.group_duration),
                "is shorter than a seat is held, or longer than 30 days",
            ),
            (
                "pieces",
                (self.group_size..=PIECES_MAX).contains(&self.pieces),
                "is too little for one group, or above 90000",
            ),
            ("each_max", self.each_max != Some(0), "is zero"),
        ];
        let failed = checks.into_iter().find(|(_, holds, _)| !holds);
        failed.map_or(Ok(()), |(field, _, problem)| {
            Err(Error::invalid(field, problem))
        })
    }

    /// Returns the capacity of a new offer.
    pub(crate) fn capacity(&self) -> Capacity {
        let stock = Capacity::of(STOCK, self.pieces);
        match self.each_max {
            Some(max) => stock.with_owner_max(max),
            None => stock,
        }
    }
}

#[cfg(test)]
mod tests;
