//! A market: one store, any number of processes, and the people who come.

use std::sync::Arc;

use mp_core::{
    Caller, Engine, Scope,
    clock::{ManualClock, Timestamp},
    entropy::SeededEntropy,
    id::IdempotencyKey,
    store::{MemoryStore, Store},
};
use mp_location::{Nearby, NewPlace, Place, PlaceId, Places, PlacesOptions, Point};

/// What all processes share.
#[derive(Debug)]
pub(crate) struct Market {
    pub(crate) clock: Arc<ManualClock>,
    store: Arc<dyn Store>,
}

impl Market {
    pub(crate) fn open() -> Self {
        Self::on(Arc::new(MemoryStore::new()))
    }

    pub(crate) fn on(store: Arc<dyn Store>) -> Self {
        let evening = Timestamp::from_micros(1_795_000_000_000_000);
        let clock = Arc::new(ManualClock::at(evening));
        Self { clock, store }
    }

    pub(crate) fn engine(&self) -> Engine {
        let entropy = Arc::new(SeededEntropy::new(1));
        Engine::new(self.store.clone(), self.clock.clone(), entropy)
    }

    /// Starts a process.
    pub(crate) fn process(&self) -> Places {
        Places::new(&self.engine(), &PlacesOptions::default())
    }
}

pub(crate) fn user(name: &str) -> Caller {
    let app = "market".parse().expect("an app id");
    Caller::user(app, name.parse().expect("a user id"))
}

pub(crate) fn staff() -> Caller {
    user("boss").with_scope(Scope::STAFF)
}

pub(crate) fn key(text: &str) -> IdempotencyKey {
    text.parse().expect("an idempotency key")
}

/// Returns what a vendor says about a stall.
pub(crate) fn stall(category: &str, point: Point) -> NewPlace {
    NewPlace {
        name: format!("The {category} stall").parse().expect("a label"),
        category: category.parse().expect("a name"),
        point,
    }
}

pub(crate) fn temple_street() -> Point {
    Point::new(22.3075, 114.1701).expect("the point exists")
}

/// Returns the ids that a search finds.
pub(crate) async fn found(places: &Places, caller: &Caller, nearby: &Nearby) -> Vec<PlaceId> {
    let answer = places.nearby(caller, nearby).await.expect("an answer");
    answer.places.iter().map(|found| found.place.id).collect()
}

/// Adds a stall in Temple Street under its category as key.
pub(crate) async fn open_stall(places: &Places, owner: &Caller, category: &str) -> Place {
    let new = stall(category, temple_street());
    places.add(owner, new, &key(category)).await.expect("added")
}
