use std::collections::BTreeMap;

use mp_core::{
    Decision, Edits, Error, Family, Timestamp,
    capacity::{CapacityRefusal, Holding, Request, Reservation, ReservationState, Taken},
    id::UserId,
};

use super::record::{Closed, Held, InFlight, Lapse, closed_key, holding_key, in_flight_key};
use crate::{
    error::newer_release,
    offer::{Offer, OfferState},
};

/// An offer's stock as one decision changes it.
pub(super) struct Stock<'a> {
    family: &'a Family,
    offer: Offer,
    holdings: BTreeMap<UserId, Holding>,
    edits: Edits,
}

/// What is known of a reservation's key.
pub(super) enum Standing {
    Unseen,
    InFlight(Reservation),
    Closed(Option<Reservation>),
}

impl<'a> Stock<'a> {
    /// Returns the stock, or `None` if there is no such offer.
    ///
    /// An offer in a state that is not known here is left to the release that knows it.
    pub(super) fn load(family: &'a Family) -> Result<Option<Self>, Error> {
        let Some(offer) = family.root::<Offer>()? else {
            return Ok(None);
        };
        if offer.state == OfferState::Unrecognized {
            return Err(newer_release("offer"));
        }
        Ok(Some(Self {
            family,
            offer: (*offer).clone(),
            holdings: BTreeMap::new(),
            edits: Edits::new(),
        }))
    }

    pub(super) fn is_open(&self) -> bool {
        self.offer.state == OfferState::Open
    }

    pub(super) fn standing(&self, key: &str) -> Result<Standing, Error> {
        if let Some(in_flight) = self.family.get::<InFlight>(&in_flight_key(key))? {
            return Ok(Standing::InFlight(in_flight.0.clone()));
        }
        let closed = self.family.get::<Closed>(&closed_key(key))?;
        Ok(closed.map_or(Standing::Unseen, |closed| {
            Standing::Closed(closed.reservation.clone())
        }))
    }

    /// Holds stock, and sets the timer that gives it back.
    pub(super) fn reserve(
        &mut self,
        key: &str,
        request: &Request,
        now: Timestamp,
    ) -> Result<Result<(), CapacityRefusal>, Error> {
        let holding = self.holding(&request.owner)?;
        let taken = match self.offer.stock.reserve(request, &holding, now) {
            Ok(taken) => taken,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let reservation = key.to_owned();
        self.edits
            .schedule(key, request.until, &Lapse { reservation });
        let in_flight = InFlight(taken.reservation.clone());
        self.edits.put(&in_flight_key(key), in_flight);
        self.take(taken);
        Ok(Ok(()))
    }

    /// Sells what is held.
    pub(super) fn confirm(
        &mut self,
        key: &str,
        reservation: &Reservation,
        now: Timestamp,
    ) -> Result<(), CapacityRefusal> {
        // Selling leaves the owner with as much as before.
        let untouched = Holding::default();
        let taken = self.offer.stock.confirm(reservation, &untouched, now)?;
        self.offer.stock = taken.capacity;
        self.close(key, Some(taken.reservation), now);
        Ok(())
    }

    /// Gives back what is held or sold, and keeps the key closed for good.
    pub(super) fn release(
        &mut self,
        key: &str,
        reservation: &Reservation,
        now: Timestamp,
    ) -> Result<(), Error> {
        let holding = self.holding(&reservation.owner)?;
        let taken = if reservation.has_lapsed(now) {
            self.offer.stock.lapse(reservation, &holding, now)?
        } else {
            self.offer.stock.release(reservation, &holding)?
        };
        self.close(key, Some(taken.reservation.clone()), now);
        self.take(taken);
        Ok(())
    }

    /// Gives back what is held if its time limit has passed.
    pub(super) fn lapse(&mut self, key: &str, now: Timestamp) -> Result<(), Error> {
        match self.standing(key)? {
            Standing::InFlight(reservation) if reservation.has_lapsed(now) => {
                self.release(key, &reservation, now)
            }
            _ => Ok(()),
        }
    }

    /// Closes a key under which nothing was ever reserved.
    pub(super) fn fence(&mut self, key: &str, now: Timestamp) {
        self.close(key, None, now);
    }

    pub(super) fn answer<T>(mut self, answer: T) -> Decision<T> {
        if !self.edits.is_empty() {
            for (owner, holding) in self.holdings {
                let key = holding_key(&owner);
                if holding.quantity == 0 {
                    self.edits.delete(&key);
                } else {
                    self.edits.put(&key, Held(holding));
                }
            }
            self.edits.put_root(self.offer);
        }
        self.edits.answer(answer)
    }

    fn holding(&self, owner: &UserId) -> Result<Holding, Error> {
        if let Some(holding) = self.holdings.get(owner) {
            return Ok(*holding);
        }
        let held = self.family.get::<Held>(&holding_key(owner))?;
        Ok(held.map_or_else(Holding::default, |held| held.0))
    }

    fn take(&mut self, taken: Taken) {
        self.offer.stock = taken.capacity;
        self.holdings.insert(taken.reservation.owner, taken.holding);
    }

    fn close(&mut self, key: &str, reservation: Option<Reservation>, now: Timestamp) {
        self.edits.delete(&in_flight_key(key));
        self.edits.unschedule::<Lapse>(key);
        let closed_at = now;
        self.edits.put(
            &closed_key(key),
            Closed {
                reservation,
                closed_at,
            },
        );
    }
}

/// Returns why a key that is closed can hold nothing any more.
pub(super) fn closed_code(reservation: Option<&Reservation>) -> String {
    let lapsed = reservation.is_some_and(|closed| closed.state == ReservationState::Lapsed);
    if lapsed { "lapsed" } else { "released" }.to_owned()
}
