mod import;

use std::sync::Arc;

use mp_core::{
    caller::Caller,
    clock::Timestamp,
    engine::{Committed, Engine, Family},
    error::Error,
    id::IdempotencyKey,
    idempotency::Idempotency,
};

use crate::{
    followers::Followers,
    nearby::{Nearby, NearbyPlaces},
    page::{self, page_of},
    place::{NewPlace, Place, PlaceId},
};

/// Settings of [`Places`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlacesOptions {
    /// The most apps whose places are kept in memory, at least one; the least recently searched
    /// makes room, and is read from the store again when it is next searched. 64 unless set.
    pub apps_in_memory_max: usize,
}

impl Default for PlacesOptions {
    fn default() -> Self {
        Self {
            apps_in_memory_max: 64,
        }
    }
}

impl PlacesOptions {
    /// Sets the most apps whose places are kept in memory.
    #[must_use]
    pub const fn with_apps_in_memory_max(mut self, most: usize) -> Self {
        self.apps_in_memory_max = most;
        self
    }
}

/// The places of apps: kept in the store, found from memory.
///
/// What is in memory is derived from the store on an app's first search and follows it from then
/// on: a search shows everything that this process wrote before, and what other processes wrote up
/// to the freshness it asks for.
///
/// It is cheap to clone; clones share their memory. The crate's front page has an example.
#[derive(Clone, Debug)]
pub struct Places {
    engine: Engine,
    followers: Arc<Followers>,
}

impl Places {
    /// The most places that one import carries.
    pub const IMPORT_MAX: usize = 2_000;
    /// The most places in each of an app's 64 pages; ids spread them evenly, so an app has room for
    /// about 250,000 places.
    pub const PAGE_MAX: usize = 4_096;

    /// Creates the service.
    #[must_use]
    pub fn new(engine: &Engine, options: &PlacesOptions) -> Self {
        Self {
            engine: engine.clone(),
            followers: Arc::new(Followers::new(options.apps_in_memory_max)),
        }
    }

    /// Adds a place that the signed-in user owns.
    ///
    /// The same call with the same key adds nothing and answers the same place.
    ///
    /// # Errors
    ///
    /// `unauthenticated` without a user, `places_full` at [`PAGE_MAX`](Self::PAGE_MAX),
    /// `idempotency_conflict`, and the store's errors.
    pub async fn add(
        &self,
        caller: &Caller,
        new: NewPlace,
        key: &IdempotencyKey,
    ) -> Result<Place, Error> {
        let owner = caller.signed_in()?;
        let app = caller.app_id();
        let once = Idempotency::new(caller, "location.add_place", key, &new)?;
        let origin = [
            app.as_str(),
            caller.key_segment(),
            "add_place",
            key.as_str(),
        ];
        let place = Place::new(PlaceId::derived(&origin), app, Some(owner), new);
        let command = page::command(app, place.id)?.once(once);
        let places = [place.clone()];
        let decide = move |family: &Family, _: Timestamp| page::add(family, &places);
        let added = self.engine.run(command, decide).await?;
        self.wrote(caller, place.id, &added);
        Ok(place)
    }

    /// Says anew what a place is called, of which category it is, and where.
    ///
    /// # Errors
    ///
    /// `not_found` unless the caller is its owner or the app's staff, and the store's errors.
    pub async fn replace(
        &self,
        caller: &Caller,
        id: PlaceId,
        new: NewPlace,
    ) -> Result<Place, Error> {
        let command = page::command(caller.app_id(), id)?;
        let by = caller.clone();
        let decide =
            move |family: &Family, _: Timestamp| page::replace(family, &by, id, new.clone());
        let replaced = self.engine.run(command, decide).await?;
        self.wrote(caller, id, &replaced);
        Ok(replaced.answer)
    }

    /// Removes a place and answers what it was.
    ///
    /// The same call with the same key removes nothing and answers the same.
    ///
    /// # Errors
    ///
    /// `not_found` unless the caller is its owner or the app's staff, `idempotency_conflict`, and
    /// the store's errors.
    pub async fn remove(
        &self,
        caller: &Caller,
        id: PlaceId,
        key: &IdempotencyKey,
    ) -> Result<Place, Error> {
        let once = Idempotency::new(caller, "location.remove_place", key, &id)?;
        let command = page::command(caller.app_id(), id)?.once(once);
        let by = caller.clone();
        let decide = move |family: &Family, _: Timestamp| page::remove(family, &by, id);
        let removed = self.engine.run(command, decide).await?;
        self.wrote(caller, id, &removed);
        Ok(removed.answer)
    }

    /// Returns a place of the caller's app, as the store has it now.
    ///
    /// # Errors
    ///
    /// `not_found`, and the store's errors.
    pub async fn place(&self, caller: &Caller, id: PlaceId) -> Result<Place, Error> {
        let family = self
            .engine
            .read(page::command(caller.app_id(), id)?)
            .await?;
        let place = family.get::<Place>(&page::key(id))?;
        let place = place.ok_or_else(|| Error::not_found("place"))?;
        Ok((*place).clone())
    }

    /// Returns the places of the caller's app that are nearest to a point.
    ///
    /// # Errors
    ///
    /// `invalid_field` beyond a limit of [`Nearby`], and the store's errors when it is asked.
    pub async fn nearby(&self, caller: &Caller, nearby: &Nearby) -> Result<NearbyPlaces, Error> {
        nearby.check()?;
        let follower = self.followers.of(caller.app_id());
        follower.nearby(&self.engine, nearby).await
    }

    fn wrote<T>(&self, caller: &Caller, id: PlaceId, committed: &Committed<T>) {
        self.followers
            .wrote(caller.app_id(), page_of(id), committed.version);
    }
}
