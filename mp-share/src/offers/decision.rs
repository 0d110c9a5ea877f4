use mp_core::{
    Decision, Error, Family, Timestamp,
    capacity::{CapacityRefusal, Request, ReservationState},
    id::UserId,
};
use serde::{Deserialize, Serialize};

use super::stock::{Lapsed, Standing, Stock, closed_code};
use crate::offer::HOLD_MAX;

/// What became of an attempt to reserve.
#[derive(Debug, Deserialize, Serialize)]
pub(super) enum Attempt {
    Reserved,
    Refused(String),
    /// There is no room, but what has lapsed may make some.
    Short,
}

/// Holds pieces, unless the key is closed or there is no room.
pub(super) fn reserve(
    family: &Family,
    key: &str,
    request: &Request,
    lapsed: Option<&Lapsed>,
    now: Timestamp,
) -> Result<Decision<Attempt>, Error> {
    let refused = |code: &str| Decision::unchanged(Attempt::Refused(code.to_owned()));
    let Some(mut stock) = Stock::load(family)? else {
        return Ok(refused("not_found"));
    };
    match stock.standing(key)? {
        Standing::InFlight(held) if held.has_lapsed(now) => return Ok(refused("lapsed")),
        Standing::InFlight(_) => return Ok(Decision::unchanged(Attempt::Reserved)),
        Standing::Closed(Some(sold)) if sold.state == ReservationState::Confirmed => {
            return Ok(Decision::unchanged(Attempt::Reserved));
        }
        Standing::Closed(closed) => return Ok(refused(&closed_code(closed.as_ref()))),
        Standing::Unseen if !stock.is_open() => return Ok(refused("offer_closed")),
        Standing::Unseen if request.until > now.plus(HOLD_MAX) => {
            return Ok(refused("held_too_long"));
        }
        Standing::Unseen => {}
    }
    if let Some(lapsed) = lapsed {
        stock.lapse_all(lapsed, now)?;
    }
    let attempt = match stock.reserve(key, request, now)? {
        Ok(()) => Attempt::Reserved,
        Err(CapacityRefusal::SoldOut { .. } | CapacityRefusal::OwnerLimit { .. })
            if stock.may_have_lapsed(now) =>
        {
            Attempt::Short
        }
        Err(refusal) => Attempt::Refused(refusal.code().to_owned()),
    };
    Ok(stock.answer(attempt))
}

/// Answers the code of a refusal, if there is one.
pub(super) fn confirm(
    family: &Family,
    key: &str,
    now: Timestamp,
) -> Result<Decision<Option<String>>, Error> {
    let refused = |code: &str| Decision::unchanged(Some(code.to_owned()));
    let Some(mut stock) = Stock::load(family)? else {
        return Ok(refused("not_found"));
    };
    match stock.standing(key)? {
        Standing::InFlight(held) => Ok(match stock.confirm(key, &held, now) {
            Ok(()) => stock.answer(None),
            Err(refusal) => refused(refusal.code()),
        }),
        Standing::Closed(Some(sold)) if sold.state == ReservationState::Confirmed => {
            Ok(Decision::unchanged(None))
        }
        Standing::Closed(closed) => Ok(refused(&closed_code(closed.as_ref()))),
        Standing::Unseen => Ok(refused("not_found")),
    }
}

/// Answers whether it is done; if not, the reservation is of another owner than was read.
pub(super) fn release(
    family: &Family,
    key: &str,
    owner: Option<&UserId>,
    now: Timestamp,
) -> Result<Decision<bool>, Error> {
    let Some(mut stock) = Stock::load(family)? else {
        return Ok(Decision::unchanged(true));
    };
    match stock.standing(key)? {
        Standing::InFlight(held) | Standing::Closed(Some(held)) => {
            if owner != Some(&held.owner) {
                return Ok(Decision::unchanged(false));
            }
            if !held.state.is_over() {
                stock.release(key, &held, now)?;
            }
        }
        Standing::Closed(None) => {}
        Standing::Unseen => stock.fence(key, now),
    }
    Ok(stock.answer(true))
}

/// Gives back what has lapsed and forgets what is long closed; answers when to look again.
pub(super) fn lapse(
    family: &Family,
    key: &str,
    now: Timestamp,
) -> Result<Decision<Option<Timestamp>>, Error> {
    let Some(mut stock) = Stock::load(family)? else {
        return Ok(Decision::unchanged(None));
    };
    let again = match stock.standing(key)? {
        // Giving it back sets the time to forget it.
        Standing::InFlight(held) if held.has_lapsed(now) => {
            stock.release(key, &held, now)?;
            None
        }
        Standing::InFlight(held) => Some(held.until),
        Standing::Closed(_) => stock.forget(key, now)?,
        Standing::Unseen => None,
    };
    Ok(stock.answer(again))
}
