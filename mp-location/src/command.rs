use mp_core::{
    caller::Caller,
    engine::{Decision, Edits, Family},
    error::Error,
    id::IdempotencyKey,
};
use serde::Serialize;

use crate::{
    page,
    place::{NewPlace, Place, PlaceId},
};

/// What can be done to a place.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PlaceCommand {
    /// Adds a place that the signed-in user owns.
    Add(NewPlace),
    /// Says anew what a place is called, of which category it is, and where.
    Replace(PlaceId, NewPlace),
    /// Removes a place.
    Remove(PlaceId),
}

impl PlaceCommand {
    /// Returns the operation's name, under which its answer is remembered.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Add(_) => "location.add_place",
            Self::Replace(..) => "location.replace_place",
            Self::Remove(_) => "location.remove_place",
        }
    }

    /// Returns the place that the command is about; a new one's id follows from caller and key.
    pub(crate) fn place(&self, caller: &Caller, key: &IdempotencyKey) -> PlaceId {
        match self {
            Self::Add(_) => PlaceId::derived(&[
                caller.app_id().as_str(),
                caller.key_segment(),
                self.name(),
                key.as_str(),
            ]),
            Self::Replace(id, _) | Self::Remove(id) => *id,
        }
    }

    /// Decides the command about the place `id`, and answers the place: as it is now, or as it was
    /// before it was removed.
    pub(crate) fn decide(
        &self,
        family: &Family,
        caller: &Caller,
        id: PlaceId,
    ) -> Result<Decision<Place>, Error> {
        match self {
            Self::Add(new) => {
                let owner = Some(caller.signed_in()?);
                let place = Place::new(id, caller.app_id(), owner, new.clone());
                let edits = page::add(family, std::slice::from_ref(&place))?;
                Ok(edits.answer(place))
            }
            Self::Replace(_, new) => {
                let there = owned(family, caller, id)?;
                let place = there.with(new.clone());
                let edits = if place == there {
                    Edits::new()
                } else {
                    page::replace(family, &place)?
                };
                Ok(edits.answer(place))
            }
            Self::Remove(_) => {
                let place = owned(family, caller, id)?;
                Ok(page::remove(family, id)?.answer(place))
            }
        }
    }
}

fn owned(family: &Family, caller: &Caller, id: PlaceId) -> Result<Place, Error> {
    let place = page::place(family, id)?;
    place.require_owner(caller)?;
    Ok((*place).clone())
}
