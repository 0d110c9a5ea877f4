//! [`Offers`]: what is offered to groups, and its stock.

mod decision;
mod participant;
mod record;
mod stock;

use std::sync::Arc;

use mp_core::{
    Caller, Command, Decision, Edits, Engine, Error, Family, Timestamp,
    id::{AppId, IdempotencyKey},
    idempotency::{self, Idempotency},
    store::Partition,
    work::{self, Done, Handler, HandlerError},
};

use self::record::Lapse;
#[cfg(test)]
pub(crate) use self::record::{Closed, Held, InFlight, Lapse as LapseDue};
use crate::{
    error::{GroupError, newer_release},
    offer::{Offer, OfferId, OfferState, Terms},
};

/// Keeps offers and their stock, each in the partition `{app}/offer/{offer}`.
///
/// It takes part in plans under the name [`PARTICIPANT`](Self::PARTICIPANT): pieces are held with
/// a time limit, then sold or given back. What has lapsed is given back by a timer, and by whoever
/// is short of room, in the same decision. What was refused once under a key is refused, also when
/// there is room.
#[derive(Clone, Debug)]
pub struct Offers {
    engine: Engine,
}

impl Offers {
    /// Keeps offers in the engine's store.
    #[must_use]
    pub fn new(engine: &Engine) -> Self {
        Self {
            engine: engine.clone(),
        }
    }

    /// Makes an offer; the caller is its merchant.
    ///
    /// # Errors
    ///
    /// `unauthenticated`; `invalid_field` for [terms](Terms::check) that cannot be;
    /// `idempotency_conflict`; the store's errors.
    pub async fn create(
        &self,
        caller: &Caller,
        terms: &Terms,
        key: &IdempotencyKey,
    ) -> Result<Offer, GroupError> {
        const OPERATION: &str = "group.create_offer";
        let merchant = caller.signed_in()?.clone();
        terms.check()?;
        let app = caller.app_id().as_str();
        let id = OfferId::derived(&[app, merchant.as_str(), OPERATION, key.as_str()]);
        let once = Idempotency::new(caller, OPERATION, key, terms)?;
        let terms = terms.clone();
        let decide = move |family: &Family, now: Timestamp| {
            if let Some(offer) = family.root::<Offer>()? {
                // The same key long after its answer was forgotten: the id derives from it.
                if offer.terms != terms {
                    return Err(idempotency::key_reused());
                }
                return Ok(Decision::unchanged((*offer).clone()));
            }
            let offer = Offer {
                id,
                merchant: merchant.clone(),
                state: OfferState::Open,
                opened_at: now,
                stock: terms.capacity(),
                reservations: 0,
                lapses_from: None,
                terms: terms.clone(),
            };
            let mut edits = Edits::new();
            edits.put_root(offer.clone());
            Ok::<_, Error>(edits.answer(offer))
        };
        let command = Command::on(partition(caller.app_id(), id)?).once(once);
        let command = command.presume_absent();
        Ok(self.engine.run(command, decide).await?.answer)
    }

    /// Takes an offer off sale: no new reservations; what is held may still be bought.
    ///
    /// Closing it twice is not an error.
    ///
    /// # Errors
    ///
    /// `not_found` unless the caller is its merchant or staff; `newer_release` for one that a newer release
    /// has brought where this one does not know its way; the store's errors.
    pub async fn close(&self, caller: &Caller, id: OfferId) -> Result<Offer, GroupError> {
        let caller = caller.clone();
        let command = Command::on(partition(caller.app_id(), id)?);
        let decide = move |family: &Family, _| {
            let offer = family.root::<Offer>()?.ok_or_else(no_offer)?;
            caller.require_owner("offer", caller.app_id(), &offer.merchant)?;
            if offer.state == OfferState::Unrecognized {
                return Err(newer_release("offer"));
            }
            let closed = Offer {
                state: OfferState::Closed,
                ..(*offer).clone()
            };
            let mut edits = Edits::new();
            if offer.state == OfferState::Open {
                edits.put_root(closed.clone());
            }
            Ok::<_, Error>(edits.answer(closed))
        };
        Ok(self.engine.run(command, decide).await?.answer)
    }

    /// Returns an offer of the caller's app.
    ///
    /// # Errors
    ///
    /// `not_found`; the store's errors.
    pub async fn offer(&self, caller: &Caller, id: OfferId) -> Result<Offer, GroupError> {
        let command = Command::on(partition(caller.app_id(), id)?);
        let family = self.engine.read(command).await?;
        let offer = family.root::<Offer>()?.ok_or_else(no_offer)?;
        Ok((*offer).clone())
    }

    /// Returns the handlers of its due work, for a [`Worker`](work::Worker).
    #[must_use]
    pub fn handlers(&self) -> Vec<Arc<dyn Handler>> {
        let offers = self.clone();
        vec![work::on(move |delivery, lapse: Lapse| {
            let offers = offers.clone();
            async move {
                let app = delivery.partition.app();
                let app = AppId::new(app).map_err(|error| Error::invalid("partition", error))?;
                let until = offers.lapse(&app, &lapse.reservation).await?;
                Ok::<_, HandlerError>(until.map_or(Done::Finished, Done::Again))
            }
        })]
    }
}

fn partition(app: &AppId, id: OfferId) -> Result<Partition, Error> {
    Partition::new(app, "offer", &id.to_string())
}

fn no_offer() -> Error {
    Error::not_found("offer")
}
