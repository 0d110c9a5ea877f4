use std::time::Duration;

use mp_core::{Caller, amount::Money, host::Operation, id::IdempotencyKey, label::Label};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{GroupView, Groups};
use crate::{
    error::GroupError,
    group::GroupId,
    offer::{Offer, OfferId, OfferState, STOCK, Terms},
    scope::{GROUP_READ, GROUP_SELL, GROUP_WRITE},
    seconds,
};

/// Asks for an offer; the members are those of its [`Terms`].
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
struct CreateOffer {
    /// What it is, for people to read.
    title: Label,
    /// The price of one piece for somebody who buys alone.
    price: Money,
    /// The price of one piece for each member of a group that fills.
    group_price: Money,
    /// How many members make a group full, 2 to 5000.
    group_size: u32,
    /// For how long a seat is held until it is paid for, in seconds.
    #[serde(rename = "seat_hold_seconds", with = "seconds")]
    #[schemars(with = "u32")]
    seat_hold: Duration,
    /// For how long a group stays open, in seconds.
    #[serde(rename = "group_duration_seconds", with = "seconds")]
    #[schemars(with = "u32")]
    group_duration: Duration,
    /// How many pieces there are.
    pieces: u32,
    /// How many pieces one user may have over all groups.
    #[serde(default)]
    each_max: Option<u32>,
}

/// Names an offer.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
struct OnOffer {
    /// The offer.
    offer: OfferId,
}

/// Names a group.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
struct OnGroup {
    /// The group.
    group: GroupId,
}

/// An offer as buyers see it.
#[derive(Debug, JsonSchema, Serialize)]
struct OfferView {
    /// Its id.
    offer: OfferId,
    /// Whether it takes new reservations.
    state: OfferState,
    /// How many pieces are neither held nor sold.
    free: u32,
    #[serde(flatten)]
    terms: Terms,
}

impl Groups {
    /// Returns `group.create_offer`, `group.close_offer`, `group.offer`, `group.open`, `group.join`,
    /// `group.leave`, `group.cancel` and `group.status`, for a [`Host`](mp_core::host::Host).
    #[must_use]
    pub fn operations(&self) -> Vec<Operation> {
        let mut operations = self.for_sellers();
        operations.extend(self.for_buyers());
        operations
    }

    fn for_sellers(&self) -> Vec<Operation> {
        let (create, close, cancel) = (self.clone(), self.clone(), self.clone());
        vec![
            Operation::reversible(
                "group.create_offer",
                "Offers something that is cheaper when bought together.",
                GROUP_SELL,
                move |caller, input, key| Self::create_offer(create.clone(), caller, input, key),
            ),
            Operation::reversible(
                "group.close_offer",
                "Takes an offer off sale; what is held may still be bought.",
                GROUP_SELL,
                move |caller, input, _| Self::close_offer(close.clone(), caller, input),
            ),
            Operation::money(
                "group.cancel",
                "Calls off a group that is still open; everybody has everything given back.",
                GROUP_SELL,
                move |caller, input, _| Self::cancel_group(cancel.clone(), caller, input),
            ),
        ]
    }

    fn for_buyers(&self) -> Vec<Operation> {
        let (offer, status) = (self.clone(), self.clone());
        let (open, join, leave) = (self.clone(), self.clone(), self.clone());
        vec![
            Operation::read(
                "group.offer",
                "Tells the terms of an offer and how much of it is left.",
                GROUP_READ,
                move |caller, input| Self::tell_offer(offer.clone(), caller, input),
            ),
            Operation::money(
                "group.open",
                "Opens a group on an offer, with the caller as its first paying member.",
                GROUP_WRITE,
                move |caller, input, key| Self::open_group(open.clone(), caller, input, key),
            ),
            Operation::money(
                "group.join",
                "Takes a seat in a group and pays for it; the money comes back unless it fills.",
                GROUP_WRITE,
                move |caller, input, key| Self::join_group(join.clone(), caller, input, key),
            ),
            Operation::money(
                "group.leave",
                "Leaves a group that is still open, and has everything given back.",
                GROUP_WRITE,
                move |caller, input, key| Self::leave_group(leave.clone(), caller, input, key),
            ),
            Operation::read(
                "group.status",
                "Tells where a group and the caller's own part in it stand.",
                GROUP_READ,
                move |caller, input| Self::tell_group(status.clone(), caller, input),
            ),
        ]
    }

    async fn create_offer(
        self,
        caller: Caller,
        input: CreateOffer,
        key: IdempotencyKey,
    ) -> Result<OfferView, GroupError> {
        let offer = self.offers.create(&caller, &input.into(), &key).await?;
        Ok(offer.into())
    }

    async fn close_offer(self, caller: Caller, input: OnOffer) -> Result<OfferView, GroupError> {
        let offer = self.offers.close(&caller, input.offer).await?;
        Ok(offer.into())
    }

    async fn cancel_group(self, caller: Caller, input: OnGroup) -> Result<GroupView, GroupError> {
        self.cancel(&caller, input.group).await
    }

    async fn tell_offer(self, caller: Caller, input: OnOffer) -> Result<OfferView, GroupError> {
        let offer = self.offers.offer(&caller, input.offer).await?;
        Ok(offer.into())
    }

    async fn open_group(
        self,
        caller: Caller,
        input: OnOffer,
        key: IdempotencyKey,
    ) -> Result<GroupView, GroupError> {
        self.open(&caller, input.offer, &key).await
    }

    async fn join_group(
        self,
        caller: Caller,
        input: OnGroup,
        key: IdempotencyKey,
    ) -> Result<GroupView, GroupError> {
        self.join(&caller, input.group, &key).await
    }

    async fn leave_group(
        self,
        caller: Caller,
        input: OnGroup,
        key: IdempotencyKey,
    ) -> Result<GroupView, GroupError> {
        self.leave(&caller, input.group, &key).await
    }

    async fn tell_group(self, caller: Caller, input: OnGroup) -> Result<GroupView, GroupError> {
        self.status(&caller, input.group).await
    }
}

impl From<CreateOffer> for Terms {
    fn from(asked: CreateOffer) -> Self {
        Self {
            title: asked.title,
            price: asked.price,
            group_price: asked.group_price,
            group_size: asked.group_size,
            seat_hold: asked.seat_hold,
            group_duration: asked.group_duration,
            pieces: asked.pieces,
            each_max: asked.each_max,
        }
    }
}

impl From<Offer> for OfferView {
    fn from(offer: Offer) -> Self {
        Self {
            offer: offer.id,
            state: offer.state,
            free: offer.stock.free(STOCK),
            terms: offer.terms,
        }
    }
}
