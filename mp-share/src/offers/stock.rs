use std::collections::BTreeMap;

use mp_core::{
    Decision, Edits, Error, Family, Timestamp,
    capacity::{CapacityRefusal, Holding, Request, Reservation, Taken},
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
    Closed(Closed),
}

/// What was found when somebody looked for reservations that have lapsed.
#[derive(Clone, Debug)]
pub(super) struct Lapsed {
    /// How many reservations had ever been made by then.
    pub(super) reservations: u64,
    /// Those that have lapsed, and whose they are.
    pub(super) keys: Vec<(String, UserId)>,
    /// When the first of the others lapses.
    pub(super) next: Option<Timestamp>,
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
            Standing::Closed((*closed).clone())
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
        self.look_again(key, request.until);
        self.offer.reservations += 1;
        let earliest = self.offer.lapses_from.unwrap_or(request.until);
        self.offer.lapses_from = Some(earliest.min(request.until));
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

    /// Gives back what is held or sold, and closes the key.
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
    fn lapse(&mut self, key: &str, now: Timestamp) -> Result<(), Error> {
        match self.standing(key)? {
            Standing::InFlight(reservation) if reservation.has_lapsed(now) => {
                self.release(key, &reservation, now)
            }
            _ => Ok(()),
        }
    }

    /// Returns whether a reservation may have lapsed that was not given back yet.
    pub(super) fn may_have_lapsed(&self, now: Timestamp) -> bool {
        self.offer.lapses_from.is_some_and(|from| from <= now)
    }

    /// Gives back what was found to have lapsed, and notes from when on it is worth looking again.
    ///
    /// A reservation that was made since may lapse earlier; then the note stays as it is.
    pub(super) fn lapse_all(&mut self, found: &Lapsed, now: Timestamp) -> Result<(), Error> {
        for (key, _) in &found.keys {
            self.lapse(key, now)?;
        }
        if self.offer.reservations == found.reservations {
            self.offer.lapses_from = found.next;
            self.edits.put_root(self.offer.clone());
        }
        Ok(())
    }

    /// Forgets a closed key whose time has come; else returns when that will be.
    pub(super) fn forget(&mut self, key: &str, now: Timestamp) -> Result<Option<Timestamp>, Error> {
        let closed = self.family.get::<Closed>(&closed_key(key))?;
        let forget_at = closed.and_then(|closed| closed.forget_at());
        if forget_at.is_some_and(|at| at <= now) {
            self.edits.delete(&closed_key(key));
            return Ok(None);
        }
        Ok(forget_at)
    }

    /// Closes a key under which nothing was ever reserved.
    pub(super) fn fence(&mut self, key: &str, now: Timestamp) {
        self.close(key, None, now);
    }

    /// Closes a key under which nothing can be reserved, and keeps the reason: whoever asks again
    /// is answered alike, also when there is room by then.
    pub(super) fn refuse(&mut self, key: &str, code: &str, now: Timestamp) {
        let refusal = Some(code.to_owned());
        self.shut(
            key,
            Closed {
                reservation: None,
                closed_at: now,
                refusal,
            },
        );
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
        self.shut(
            key,
            Closed {
                reservation,
                closed_at: now,
                refusal: None,
            },
        );
    }

    /// Notes a key as closed; unless its pieces are sold, it is forgotten in time.
    fn shut(&mut self, key: &str, closed: Closed) {
        match closed.forget_at() {
            Some(at) => self.look_again(key, at),
            None => self.edits.unschedule::<Lapse>(key),
        }
        self.edits.put(&closed_key(key), closed);
    }

    fn look_again(&mut self, key: &str, at: Timestamp) {
        let reservation = key.to_owned();
        self.edits.schedule(key, at, &Lapse { reservation });
    }
}
