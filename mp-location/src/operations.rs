use mp_core::{
    caller::{Caller, Scope},
    host::Operation,
    id::IdempotencyKey,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    nearby::Nearby,
    place::{NewPlace, PlaceId},
    places::Places,
};

/// The right to find places.
const READ: Scope = Scope::of("location:read");

/// The right to add places, and to remove one's own.
const WRITE: Scope = Scope::of("location:write");

/// Names a place of the caller's app.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
struct OnePlace {
    /// The place's id.
    place: PlaceId,
}

impl Places {
    /// Returns the operations for a host's registry: `location.add_place`, `location.remove_place`
    /// (scope `location:write`), `location.nearby` and `location.place` (scope `location:read`).
    #[must_use]
    pub fn operations(&self) -> Vec<Operation> {
        vec![
            self.add_place(),
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
            WRITE,
            move |caller: Caller, new: NewPlace, key: IdempotencyKey| {
                let places = places.clone();
                async move { places.add(&caller, new, &key).await }
            },
        )
    }

    fn remove_place(&self) -> Operation {
        let places = self.clone();
        Operation::reversible(
            "location.remove_place",
            "Removes a place of the signed-in user and answers what it was.",
            WRITE,
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
            READ,
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
            READ,
            move |caller: Caller, one: OnePlace| {
                let places = places.clone();
                async move { places.place(&caller, one.place).await }
            },
        )
    }
}
