use mp_core::{
    caller::{Caller, Scope},
    host::Operation,
    id::{IdempotencyKey, Name},
    label::Label,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    nearby::Nearby,
    place::{NewPlace, PlaceId},
    places::Places,
    point::Point,
};

/// The right to find places: asked for by a [`Host`](mp_core::host::Host). A typed call shows them to
/// everybody in the app.
pub const LOCATION_READ: Scope = Scope::of("location:read");

/// The right to add places, and to replace and remove one's own: asked for by a
/// [`Host`](mp_core::host::Host). A typed call asks only whose the place is.
pub const LOCATION_WRITE: Scope = Scope::of("location:write");

/// Names a place of the caller's app.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
struct OnePlace {
    /// The place's id.
    place: PlaceId,
}

/// Says anew what a place of the caller's app is; the members are those of [`NewPlace`].
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
struct ReplacePlace {
    /// The place's id.
    place: PlaceId,
    /// What people call it.
    name: Label,
    /// What kind of place it is, in the app's own words, such as `noodles`.
    category: Name,
    /// Where it is.
    point: Point,
}

impl Places {
    /// Returns the operations for a host's registry: `location.add_place`, `location.replace_place`,
    /// `location.remove_place` (scope `location:write`), `location.nearby` and `location.place` (scope
    /// `location:read`).
    #[must_use]
    pub fn operations(&self) -> Vec<Operation> {
        vec![
            self.add_place(),
            self.replace_place(),
            self.remove_place(),
            self.nearby_places(),
            self.one_place(),
        ]
    }

    fn add_place(&self) -> Operation {
        let places = self.clone();
        Operation::reversible(
            "location.add_place",
            "Adds a place that the signed-in user owns.",
            LOCATION_WRITE,
            move |caller: Caller, new: NewPlace, key: IdempotencyKey| {
                let places = places.clone();
                async move { places.add(&caller, new, &key).await }
            },
        )
    }

    fn replace_place(&self) -> Operation {
        let places = self.clone();
        Operation::reversible(
            "location.replace_place",
            "Says anew what a place of the signed-in user is called, what it is, and where.",
            LOCATION_WRITE,
            move |caller: Caller, said: ReplacePlace, key: IdempotencyKey| {
                let places = places.clone();
                async move {
                    let id = said.place;
                    places.replace(&caller, id, said.into(), &key).await
                }
            },
        )
    }

    fn remove_place(&self) -> Operation {
        let places = self.clone();
        Operation::reversible(
            "location.remove_place",
            "Removes a place of the signed-in user and answers what it was.",
            LOCATION_WRITE,
            move |caller: Caller, one: OnePlace, key: IdempotencyKey| {
                let places = places.clone();
                async move { places.remove(&caller, one.place, &key).await }
            },
        )
    }

    fn nearby_places(&self) -> Operation {
        let places = self.clone();
        Operation::read(
            "location.nearby",
            "Finds the places nearest to a point, with distance and direction.",
            LOCATION_READ,
            move |caller: Caller, nearby: Nearby| {
                let places = places.clone();
                async move { places.nearby(&caller, &nearby).await }
            },
        )
    }

    fn one_place(&self) -> Operation {
        let places = self.clone();
        Operation::read(
            "location.place",
            "Shows one place.",
            LOCATION_READ,
            move |caller: Caller, one: OnePlace| {
                let places = places.clone();
                async move { places.place(&caller, one.place).await }
            },
        )
    }
}

impl From<ReplacePlace> for NewPlace {
    fn from(said: ReplacePlace) -> Self {
        Self {
            name: said.name,
            category: said.category,
            point: said.point,
        }
    }
}
