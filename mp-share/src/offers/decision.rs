use mp_core::{
    Decision, Error, Family, Timestamp,
    capacity::{CapacityRefusal, Request},
    id::UserId,
};
use serde::{Deserialize, Serialize};

use super::stock::{Lapsed, Standing, Stock};
use crate::offer::HOLD_MAX;

/// What became of an attempt to reserve or to confirm.
#[derive(Debug, Deserialize, Serialize)]
pub(super) enum Attempt {
    Done,
    /// For good: the key is closed.
    Refused(String),
    /// There is no room, but what has lapsed may make some.
    Short,
    /// What is held under the key has lapsed, and has to be given back first.
    Lapsed,
}

impl Attempt {
    fn refused(code: &str) -> Self {
        Self::Refused(code.to_owned())
    }
}

/// Holds pieces, unless the key is closed or there is no room.
///
/// Whatever is refused closes its key in the same commit. An offer that does not exist has nothing
/// to keep that in; it is never made later either, as nobody knows its id before.
pub(super) fn reserve(
    family: &Family,
    key: &str,
    request: &Request,
    lapsed: Option<&Lapsed>,
    now: Timestamp,
) -> Result<Decision<Attempt>, Error> {
    let Some(mut stock) = Stock::load(family)? else {
        return Ok(Decision::unchanged(Attempt::refused("not_found")));
    };
    Ok(match stock.standing(key)? {
        Standing::InFlight(held) if held.has_lapsed(now) => Decision::unchanged(Attempt::Lapsed),
        Standing::InFlight(_) => Decision::unchanged(Attempt::Done),
        Standing::Closed(closed) if closed.is_sold() => Decision::unchanged(Attempt::Done),
        Standing::Closed(closed) => Decision::unchanged(Attempt::refused(closed.code())),
        Standing::Unseen => {
            let attempt = reserve_unseen(&mut stock, key, request, lapsed, now)?;
            if let Attempt::Refused(code) = &attempt {
                stock.refuse(key, code, now);
            }
            stock.answer(attempt)
        }
    })
}

fn reserve_unseen(
    stock: &mut Stock<'_>,
    key: &str,
    request: &Request,
    lapsed: Option<&Lapsed>,
    now: Timestamp,
) -> Result<Attempt, Error> {
    if !stock.is_open() {
        return Ok(Attempt::refused("offer_closed"));
    }
    if request.until > now.plus(HOLD_MAX) {
        return Ok(Attempt::refused("held_too_long"));
    }
    if let Some(lapsed) = lapsed {
        stock.lapse_all(lapsed, now)?;
    }
    Ok(match stock.reserve(key, request, now)? {
        Ok(()) => Attempt::Done,
        Err(CapacityRefusal::SoldOut { .. } | CapacityRefusal::OwnerLimit { .. })
            if stock.may_have_lapsed(now) =>
        {
            Attempt::Short
        }
        Err(refusal) => Attempt::refused(refusal.code()),
    })
}

/// Sells what is held under a key.
pub(super) fn confirm(
    family: &Family,
    key: &str,
    now: Timestamp,
) -> Result<Decision<Attempt>, Error> {
    let refused = |code: &str| Decision::unchanged(Attempt::refused(code));
    let Some(mut stock) = Stock::load(family)? else {
        return Ok(refused("not_found"));
    };
    Ok(match stock.standing(key)? {
        Standing::InFlight(held) if held.has_lapsed(now) => Decision::unchanged(Attempt::Lapsed),
        Standing::InFlight(held) => match stock.confirm(key, &held, now) {
            Ok(()) => stock.answer(Attempt::Done),
            // It may be sold: the release that wrote it alone can say.
            Err(newer @ CapacityRefusal::Unrecognized) => return Err(newer.into()),
            Err(refusal) => refused(refusal.code()),
        },
        Standing::Closed(closed) if closed.is_sold() => Decision::unchanged(Attempt::Done),
        Standing::Closed(closed) => refused(closed.code()),
        Standing::Unseen => refused("not_found"),
    })
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
    let held = match stock.standing(key)? {
        Standing::InFlight(held) => Some(held),
        Standing::Closed(closed) => closed.reservation,
        Standing::Unseen => {
            stock.fence(key, now);
            None
        }
    };
    if let Some(held) = held {
        if owner != Some(&held.owner) {
            return Ok(Decision::unchanged(false));
        }
        if !held.state.is_over() {
            stock.release(key, &held, now)?;
        }
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
