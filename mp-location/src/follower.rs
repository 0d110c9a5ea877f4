//! An app's places in memory: derived from the store, and kept up with it.

mod update;

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::Duration,
};

use mp_core::{
    clock::Timestamp,
    engine::Engine,
    error::{Error, ErrorKind},
    id::AppId,
    store::Version,
};
use tokio::{sync::Mutex, task::JoinSet};

use self::update::Update;
use crate::{
    index::NearbyIndex,
    nearby::{Found, Nearby, NearbyPlaces},
    page::{PAGES, page_of},
    place::{Place, PlaceId},
};

/// Follows the pages of one app.
pub(crate) struct Follower {
    app: AppId,
    state: RwLock<State>,
    /// Held while reading from the store: one catches up, the others wait for what it learns.
    turn: Mutex<()>,
}

struct State {
    index: NearbyIndex<PlaceId, Arc<Place>>,
    pages: [Progress; PAGES as usize],
    /// When the last look at every page began; `None` before the first.
    as_of: Option<Timestamp>,
}

/// How far a page was followed, and how far it must be.
#[derive(Clone, Copy, Default)]
struct Progress {
    seen: Version,
    /// The last version that this process wrote, and so must show.
    written: Version,
    /// How many commands of this process nobody can tell the outcome of.
    doubts: u32,
    /// How many of those there were when it was last looked at.
    doubts_seen: u32,
}

/// A page to look at, and how far it was followed.
type Due = (u8, Progress);

impl Progress {
    /// Returns whether this process has, or may have, written what is not shown yet.
    fn is_behind(self) -> bool {
        self.seen < self.written || self.doubts_seen != self.doubts
    }
}

impl Follower {
    pub(crate) fn new(app: AppId) -> Self {
        let state = State {
            index: NearbyIndex::new(),
            pages: [Progress::default(); PAGES as usize],
            as_of: None,
        };
        Self {
            app,
            state: RwLock::new(state),
            turn: Mutex::new(()),
        }
    }

    /// Takes note of a commit by this process, which every later answer shows.
    pub(crate) fn wrote(&self, page: u8, version: Version) {
        if let Some(progress) = self.write().pages.get_mut(usize::from(page)) {
            progress.written = progress.written.max(version);
        }
    }

    /// Takes note of a command of this process that may have been committed: the next search looks.
    pub(crate) fn doubts(&self, page: u8) {
        if let Some(progress) = self.write().pages.get_mut(usize::from(page)) {
            progress.doubts = progress.doubts.wrapping_add(1);
        }
    }

    /// Answers a search once what is known is as fresh as the caller asks.
    pub(crate) async fn nearby(
        &self,
        engine: &Engine,
        nearby: &Nearby,
    ) -> Result<NearbyPlaces, Error> {
        self.catch_up(engine, nearby.freshness).await?;
        Ok(self.read().search(nearby))
    }

    async fn catch_up(&self, engine: &Engine, freshness: Duration) -> Result<(), Error> {
        let called = engine.now();
        if self.read().due(called, called, freshness).is_empty() {
            return Ok(());
        }
        let _turn = self.turn.lock().await;
        let began = engine.now();
        let due = self.read().due(called, began, freshness);
        if due.is_empty() {
            return Ok(());
        }
        let whole = due.len() == usize::from(PAGES);
        let updates = self.fetch(engine, due).await?;
        let mut state = self.write();
        state.apply(updates);
        if whole {
            state.as_of = Some(began);
        }
        Ok(())
    }

    /// Asks the store what changed in the pages, all at once.
    async fn fetch(&self, engine: &Engine, due: Vec<Due>) -> Result<Vec<Update>, Error> {
        let mut asked = JoinSet::new();
        for (page, known) in due {
            let (store, app) = (engine.store().clone(), self.app.clone());
            asked.spawn(async move { Update::fetch(&*store, &app, page, known).await });
        }
        let mut updates = Vec::with_capacity(asked.len());
        while let Some(answer) = asked.join_next().await {
            updates.push(answer.map_err(|_| shutting_down())??);
        }
        Ok(updates)
    }

    // A page counts as seen only when the index shows it: a panic in between means that it is asked
    // for again, so poisoning is ignored.

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Returns the pages that a search called at `called` has to look at now: all of them if the
    /// last look is too old, else those that this process has written to since, or may have.
    ///
    /// A look that began after the call is never too old; one of a time to come, before the clock
    /// was set back, always is.
    fn due(&self, called: Timestamp, now: Timestamp, freshness: Duration) -> Vec<Due> {
        let fresh = self
            .as_of
            .is_some_and(|as_of| as_of <= now && (as_of > called || now.since(as_of) < freshness));
        (0..)
            .zip(&self.pages)
            .filter(|(_, progress)| !fresh || progress.is_behind())
            .map(|(page, progress)| (page, *progress))
            .collect()
    }

    fn apply(&mut self, updates: Vec<Update>) {
        let mut put = Vec::new();
        let mut heads = Vec::new();
        for update in updates {
            if update.whole && self.has_seen(update.page) {
                self.forget_page(update.page);
            }
            for (id, place) in update.places {
                match place {
                    Some(place) => put.push((id, place.point, Arc::new(place))),
                    None => drop(self.index.remove(&id)),
                }
            }
            heads.push((update.page, update.head, update.doubts));
        }
        self.index.extend(put);
        for (page, head, doubts) in heads {
            if let Some(progress) = self.pages.get_mut(usize::from(page)) {
                (progress.seen, progress.doubts_seen) = (head, doubts);
            }
        }
    }

    fn has_seen(&self, page: u8) -> bool {
        let progress = self.pages.get(usize::from(page));
        progress.is_some_and(|progress| progress.seen != Version::ABSENT)
    }

    fn forget_page(&mut self, page: u8) {
        let there = self.index.keys().copied().filter(|id| page_of(*id) == page);
        for id in there.collect::<Vec<_>>() {
            self.index.remove(&id);
        }
    }

    fn search(&self, nearby: &Nearby) -> NearbyPlaces {
        let k = usize::try_from(nearby.k).unwrap_or(usize::MAX);
        let metres = nearby.within_metres.unwrap_or(f64::INFINITY);
        let near = self
            .index
            .nearest_within(nearby.from, k, metres, |place| nearby.matches(place));
        let found = near.into_iter().map(|near| Found {
            place: near.value.clone(),
            metres: near.metres,
            bearing: nearby.from.bearing(near.value.point),
        });
        NearbyPlaces {
            as_of: self.as_of.unwrap_or_default(),
            places: found.collect(),
        }
    }
}

fn shutting_down() -> Error {
    let message = "the runtime is shutting down";
    Error::new(ErrorKind::Unavailable, "shutting_down", message)
}

impl fmt::Debug for Follower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.read();
        f.debug_struct("Follower")
            .field("app", &self.app)
            .field("as_of", &state.as_of)
            .field("index", &state.index)
            .finish_non_exhaustive()
    }
}
