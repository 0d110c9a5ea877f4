mod import;
mod write;

use std::sync::Arc;

use mp_core::{
    caller::Caller,
    clock::Timestamp,
    engine::{Command, Decision, Engine, Family, Planned},
    error::Error,
    id::IdempotencyKey,
    idempotency::Idempotency,
};

use crate::{
    command::PlaceCommand,
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
/// on: a search shows everything that this process wrote before, whether anybody waited for it or not,
/// and what other processes wrote up to the freshness it asks for. What may have been written, where
/// the store's answer was lost, the next search looks for.
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
    /// The same call with the same key adds nothing and answers the same place, as long as its
    /// [answer is remembered](mp_core::idempotency::IDEMPOTENCY_MEMORY); after that a place that was
    /// removed is added again, and one that was replaced is `idempotency_conflict`.
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
        self.run(caller, PlaceCommand::Add(new), key).await
    }

    /// Says anew what a place is called, of which category it is, and where.
    ///
    /// The same call with the same key answers the same, whatever was said since, as long as its
    /// [answer is remembered](mp_core::idempotency::IDEMPOTENCY_MEMORY).
    ///
    /// # Errors
    ///
    /// `not_found` unless the caller is its owner or the app's staff, `idempotency_conflict`, and
    /// the store's errors.
    pub async fn replace(
        &self,
        caller: &Caller,
        id: PlaceId,
        new: NewPlace,
        key: &IdempotencyKey,
    ) -> Result<Place, Error> {
        self.run(caller, PlaceCommand::Replace(id, new), key).await
    }

    /// Removes a place and answers what it was.
    ///
    /// The same call with the same key removes nothing and answers the same, as long as its
    /// [answer is remembered](mp_core::idempotency::IDEMPOTENCY_MEMORY).
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
        self.run(caller, PlaceCommand::Remove(id), key).await
    }

    /// Decides a command without committing it: for a host that commits it with its own data.
    ///
    /// Searches show such a commit within their freshness, as they do another process's.
    ///
    /// # Errors
    ///
    /// As the command's own method.
    pub async fn plan(
        &self,
        caller: &Caller,
        command: PlaceCommand,
        key: &IdempotencyKey,
    ) -> Result<Planned<Place>, Error> {
        let (_, address, decide) = addressed(caller, command, key)?;
        self.engine.plan(address, decide).await
    }

    /// Returns a place of the caller's app, as the store has it now.
    ///
    /// # Errors
    ///
    /// `not_found`, and the store's errors.
    pub async fn place(&self, caller: &Caller, id: PlaceId) -> Result<Place, Error> {
        let address = page::command(caller.app_id(), id)?;
        let family = self.engine.read(address).await?;
        Ok((*page::place(&family, id)?).clone())
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

    async fn run(
        &self,
        caller: &Caller,
        command: PlaceCommand,
        key: &IdempotencyKey,
    ) -> Result<Place, Error> {
        let (id, address, decide) = addressed(caller, command, key)?;
        self.write(caller.app_id(), page_of(id), address, decide)
            .await
    }
}

/// Returns the place that a command is about, where it is decided, and how.
fn addressed(
    caller: &Caller,
    command: PlaceCommand,
    key: &IdempotencyKey,
) -> Result<(PlaceId, Command, impl Decide<Place>), Error> {
    let id = command.place(caller, key);
    let once = Idempotency::new(caller, command.name(), key, &command)?;
    let address = page::command(caller.app_id(), id)?.once(once);
    let caller = caller.clone();
    let decide = move |family: &Family, _: Timestamp| command.decide(family, &caller, id);
    Ok((id, address, decide))
}

/// A decision on a page, as the engine takes it.
trait Decide<T>: Fn(&Family, Timestamp) -> Result<Decision<T>, Error> + Send + 'static {}

impl<T, F> Decide<T> for F where
    F: Fn(&Family, Timestamp) -> Result<Decision<T>, Error> + Send + 'static
{
}
