use async_trait::async_trait;
use mp_core::{
    Command, Error, ErrorKind, Family, Timestamp,
    capacity::Request,
    id::{AppId, UserId},
    port::{Confirmed, Participant, Reserved},
    steps,
    store::Key,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Offers,
    decision::{Attempt, confirm, lapse, release, reserve},
    partition,
    record::{Closed, IN_FLIGHT, InFlight, closed_key, holding_key, in_flight_key},
    stock::Lapsed,
};
use crate::offer::{Offer, OfferId, STOCK};

/// The most lapsed reservations that one decision gives back to make room.
const LAPSED_MAX: usize = 64;

/// How often somebody who is short of room looks for what has lapsed.
const ROUNDS_MAX: u32 = 3;

/// What a plan asks of an offer's stock.
#[derive(Debug, Deserialize, Serialize)]
struct StockRequest {
    owner: UserId,
    quantity: u32,
    /// The keys of what is given back first, because the same commit that wrote this let go of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    instead_of: Vec<String>,
}

impl StockRequest {
    fn of(request: &Value) -> Result<Self, Error> {
        Self::deserialize(request)
            .map_err(|error| Error::invalid("request", "is not for stock").with_source(error))
    }
}

impl Offers {
    /// The name by which plans call the stock of offers.
    pub const PARTICIPANT: &'static str = "stock";

    /// Returns the request for a step that takes pieces of an offer.
    ///
    /// # Errors
    ///
    /// As [`steps::Request::new`].
    pub fn request(owner: &UserId, quantity: u32) -> Result<steps::Request, Error> {
        let owner = owner.clone();
        steps::Request::new(&StockRequest {
            owner,
            quantity,
            instead_of: Vec::new(),
        })
    }

    /// Returns the request for a step that takes a piece once others are given back, which stand under
    /// these keys and which their plans are about to release.
    ///
    /// Whoever drives the plan gives them back, also after a crash: it is not left to who made the plan.
    pub(crate) fn request_instead_of(
        instead_of: Vec<String>,
        owner: &UserId,
    ) -> Result<steps::Request, Error> {
        let owner = owner.clone();
        steps::Request::new(&StockRequest {
            owner,
            quantity: 1,
            instead_of,
        })
    }

    /// Returns for whom a step takes pieces.
    pub(crate) fn requested_for(request: &steps::Request) -> Result<UserId, Error> {
        Ok(StockRequest::of(&request.value())?.owner)
    }

    async fn attempt(
        &self,
        app: &AppId,
        key: &str,
        request: &Request,
        lapsed: Option<Lapsed>,
    ) -> Result<Attempt, Error> {
        let on = on(app, key)?.key(&holding_key(&request.owner));
        let keys = lapsed.iter().flat_map(|lapsed| &lapsed.keys);
        let command = keys.fold(on, |command, (key, owner)| {
            command
                .key(&in_flight_key(key))
                .key(&closed_key(key))
                .key(&holding_key(owner))
        });
        let (key, request) = (key.to_owned(), request.clone());
        let decide =
            move |family: &Family, now| reserve(family, &key, &request, lapsed.as_ref(), now);
        Ok(self.engine.run(command, decide).await?.answer)
    }

    async fn attempt_to_confirm(&self, app: &AppId, key: &str) -> Result<Attempt, Error> {
        let command = on(app, key)?;
        let key = key.to_owned();
        let decide = move |family: &Family, now| confirm(family, &key, now);
        Ok(self.engine.run(command, decide).await?.answer)
    }

    /// Looks for reservations of the same offer whose time limit has passed, the longest first.
    async fn lapsed(&self, app: &AppId, key: &str) -> Result<Lapsed, Error> {
        let command = Command::on(partition(app, offer_of(key)?)?).prefix(IN_FLIGHT);
        let family = self.engine.read(command).await?;
        // A decision goes by the later of both: the last commit may be of a process whose clock is ahead.
        let now = self.engine.now().max(family.at());
        let mut held = family.scan::<InFlight>(IN_FLIGHT)?;
        held.sort_by_key(|(_, held)| held.0.until);
        let lapsed = held.iter().take_while(|(_, held)| held.0.has_lapsed(now));
        let count = lapsed.take(LAPSED_MAX).count();
        let others = held.split_off(count);
        let offer = family.root::<Offer>()?;
        let name = |key: &Key| key.as_str().trim_start_matches(IN_FLIGHT).to_owned();
        Ok(Lapsed {
            reservations: offer.map_or(0, |offer| offer.reservations),
            keys: held
                .iter()
                .map(|(key, held)| (name(key), held.0.owner.clone()))
                .collect(),
            next: others.first().map(|(_, held)| held.0.until),
        })
    }

    /// Returns for whom a key was reserved, if it was.
    async fn owner(&self, app: &AppId, key: &str) -> Result<Option<UserId>, Error> {
        let family = self.engine.read(on(app, key)?).await?;
        if let Some(held) = family.get::<InFlight>(&in_flight_key(key))? {
            return Ok(Some(held.0.owner.clone()));
        }
        let closed = family.get::<Closed>(&closed_key(key))?;
        let reservation = closed.and_then(|closed| closed.reservation.clone());
        Ok(reservation.map(|reservation| reservation.owner))
    }

    /// Releases a key of a known owner; answers whether the owner was the right one.
    async fn release_of(
        &self,
        app: &AppId,
        key: &str,
        owner: Option<UserId>,
    ) -> Result<bool, Error> {
        let command = owner.iter().fold(on(app, key)?, |command, owner| {
            command.key(&holding_key(owner))
        });
        let key = key.to_owned();
        let decide = move |family: &Family, now| release(family, &key, owner.as_ref(), now);
        Ok(self.engine.run(command, decide).await?.answer)
    }

    /// Gives back a reservation whose time limit has passed, or forgets a closed one; returns when
    /// to look again.
    pub(super) async fn lapse(&self, app: &AppId, key: &str) -> Result<Option<Timestamp>, Error> {
        let owner = self.owner(app, key).await?;
        let command = owner.iter().fold(on(app, key)?, |command, owner| {
            command.key(&holding_key(owner))
        });
        let key = key.to_owned();
        let decide = move |family: &Family, now| lapse(family, &key, now);
        Ok(self.engine.run(command, decide).await?.answer)
    }
}

/// Takes part in plans with an offer's pieces.
///
/// A key begins with the offer's id and a dot, and its request is that of [`Offers::request`].
#[async_trait]
impl Participant for Offers {
    fn name(&self) -> &'static str {
        Self::PARTICIPANT
    }

    async fn reserve(
        &self,
        app: &AppId,
        key: &str,
        request: &Value,
        until: Timestamp,
    ) -> Result<Reserved, Error> {
        let asked = StockRequest::of(request)?;
        for former in &asked.instead_of {
            self.release(app, former).await?;
        }
        let request = Request {
            takes: [(STOCK.to_owned(), asked.quantity)].into(),
            owner: asked.owner,
            until,
        };
        let mut lapsed = None;
        // A round gives back what the one before has found; others may reserve and lapse meanwhile.
        for _ in 0..=ROUNDS_MAX {
            match self.attempt(app, key, &request, lapsed.take()).await? {
                Attempt::Done => return Ok(Reserved::Reserved),
                Attempt::Refused(code) => return Ok(Reserved::Refused(code)),
                Attempt::Short => lapsed = Some(self.lapsed(app, key).await?),
                Attempt::Lapsed => {
                    self.lapse(app, key).await?;
                }
            }
        }
        Err(contended())
    }

    async fn confirm(&self, app: &AppId, key: &str) -> Result<Confirmed, Error> {
        // Once what has lapsed is given back, its key is closed.
        for _ in 0..2 {
            match self.attempt_to_confirm(app, key).await? {
                Attempt::Done => return Ok(Confirmed::Confirmed),
                Attempt::Refused(code) => return Ok(Confirmed::Refused(code)),
                Attempt::Short | Attempt::Lapsed => self.lapse(app, key).await?,
            };
        }
        Err(contended())
    }

    async fn release(&self, app: &AppId, key: &str) -> Result<(), Error> {
        // Whose it is decides what is read. A key whose first reservation arrives just now has an
        // owner the second time, and never another one.
        for _ in 0..2 {
            let owner = self.owner(app, key).await?;
            if self.release_of(app, key, owner).await? {
                return Ok(());
            }
        }
        Err(contended())
    }
}

fn on(app: &AppId, key: &str) -> Result<Command, Error> {
    let on = Command::on(partition(app, offer_of(key)?)?);
    Ok(on.key(&in_flight_key(key)).key(&closed_key(key)))
}

fn offer_of(key: &str) -> Result<OfferId, Error> {
    let offer = key.split('.').next().unwrap_or_default();
    offer.parse().map_err(|error| {
        Error::invalid("key", "does not begin with an offer's id").with_source(error)
    })
}

fn contended() -> Error {
    let message = "the offer's reservations keep changing: ask again";
    Error::new(ErrorKind::Unavailable, "contended", message)
}
