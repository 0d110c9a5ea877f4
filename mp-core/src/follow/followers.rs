use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync;

use super::{Derived, Fresh, Update};
use crate::{
    clock::Timestamp,
    engine::Engine,
    error::Error,
    store::{Partition, Version},
};

/// The indexes of the partitions that were asked about last, at most so many.
///
/// What is asked about and is not there takes no place of what is.
pub struct Followers<I> {
    engine: Engine,
    most: usize,
    followers: Mutex<HashMap<Partition, Arc<Follower<I>>>>,
    /// Orders questions and readings of the store, whatever the clock does.
    ticks: AtomicU64,
}

struct Follower<I> {
    state: sync::Mutex<State<I>>,
    asked: AtomicU64,
    /// Whether there was such a partition when the store was read last.
    is_there: AtomicBool,
}

struct State<I> {
    /// `None` before the first reading, and after a change that the index could not take in.
    followed: Option<Followed<I>>,
    /// The tick before the store was read last.
    read: u64,
}

struct Followed<I> {
    index: I,
    head: Version,
    as_of: Timestamp,
}

impl<I: Derived> Followers<I> {
    /// Follows at most `most` partitions at a time, and at least one.
    #[must_use]
    pub fn new(engine: &Engine, most: usize) -> Self {
        Self {
            engine: engine.clone(),
            most: most.max(1),
            followers: Mutex::default(),
            ticks: AtomicU64::new(1),
        }
    }

    /// Looks something up in a partition's index, no older than `staleness`; there is none if there is
    /// no such partition.
    ///
    /// Many who ask at once share one reading of the store: the first that begins after they asked.
    ///
    /// # Errors
    ///
    /// The index's errors, those of [`Update::fetch`].
    pub async fn look<T>(
        &self,
        partition: &Partition,
        staleness: Duration,
        look: impl FnOnce(Option<Fresh<'_, I>>) -> T,
    ) -> Result<T, Error> {
        let asked = self.tick();
        let follower = self.follower(partition, asked);
        let mut state = follower.state.lock().await;
        if !self.is_fresh(&state, asked, staleness) {
            self.refresh(&mut state, partition).await?;
            self.keep(partition, &follower, state.is_there());
        }
        Ok(look(state.there().map(|followed| Fresh {
            index: &followed.index,
            as_of: followed.as_of,
        })))
    }

    fn is_fresh(&self, state: &State<I>, asked: u64, staleness: Duration) -> bool {
        let Some(followed) = &state.followed else {
            return false;
        };
        let now = self.engine.now();
        // What was read at a time to come, before the clock was set back, has no age.
        let young = followed.as_of <= now && now.since(followed.as_of) < staleness;
        // What was not there may have been made since.
        state.read > asked || (followed.head != Version::ABSENT && young)
    }

    /// Reads what has changed, and takes it in. Dropped, or without an answer of the store, it leaves the
    /// index as it was: to read all of it anew takes longer than some callers wait.
    async fn refresh(&self, state: &mut State<I>, partition: &Partition) -> Result<(), Error> {
        let (read, as_of) = (self.tick(), self.engine.now());
        let since = state.followed.as_ref().map(|followed| followed.head);
        let since = since.unwrap_or(Version::ABSENT);
        let store = self.engine.store();
        let update = Update::fetch(&**store, partition, I::PREFIX, since).await?;
        state.take_in(&update, as_of)?;
        state.read = read;
        Ok(())
    }

    fn follower(&self, partition: &Partition, asked: u64) -> Arc<Follower<I>> {
        let mut followers = self.lock();
        let before = followers.len();
        let follower = followers.entry(partition.clone()).or_default().clone();
        follower.asked.store(asked, Ordering::Relaxed);
        if followers.len() > before {
            forget_idle(&mut followers, self.most, false);
        }
        follower
    }

    /// Keeps a follower that was read, also if it was forgotten meanwhile.
    fn keep(&self, partition: &Partition, follower: &Arc<Follower<I>>, is_there: bool) {
        follower.is_there.store(is_there, Ordering::Relaxed);
        if is_there {
            let mut followers = self.lock();
            let kept = followers.entry(partition.clone());
            kept.or_insert_with(|| follower.clone());
            forget_idle(&mut followers, self.most, true);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Partition, Arc<Follower<I>>>> {
        self.followers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn tick(&self) -> u64 {
        self.ticks.fetch_add(1, Ordering::SeqCst)
    }
}

impl<I: Derived> State<I> {
    fn there(&self) -> Option<&Followed<I>> {
        let followed = self.followed.as_ref();
        followed.filter(|followed| followed.head != Version::ABSENT)
    }

    fn is_there(&self) -> bool {
        self.there().is_some()
    }

    /// Brings the index up to an update; one that fails half-way is built anew the next time.
    fn take_in(&mut self, update: &Update, as_of: Timestamp) -> Result<(), Error> {
        let followed = self.followed.take().filter(|_| !update.whole);
        let mut index = followed.map_or_else(I::default, |followed| followed.index);
        for change in &update.changes {
            index.apply(change)?;
        }
        let head = update.head;
        self.followed = Some(Followed { index, head, as_of });
        Ok(())
    }
}

/// Forgets the partitions that nobody has asked about for longest, of those that are there or of the
/// others, until at most so many of them are left; they are read again when somebody asks.
fn forget_idle<I>(
    followers: &mut HashMap<Partition, Arc<Follower<I>>>,
    most: usize,
    is_there: bool,
) {
    loop {
        let alike = followers
            .iter()
            .filter(|(_, follower)| follower.is_there.load(Ordering::Relaxed) == is_there);
        if alike.clone().count() <= most {
            return;
        }
        let idlest = alike.min_by_key(|(_, follower)| follower.asked.load(Ordering::Relaxed));
        let Some(idlest) = idlest.map(|(partition, _)| partition.clone()) else {
            return;
        };
        followers.remove(&idlest);
    }
}

impl<I> Default for Follower<I> {
    fn default() -> Self {
        let state = State {
            followed: None,
            read: 0,
        };
        Self {
            state: sync::Mutex::new(state),
            asked: AtomicU64::new(0),
            is_there: AtomicBool::new(false),
        }
    }
}

impl<I> fmt::Debug for Followers<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Followers")
            .field("most", &self.most)
            .finish_non_exhaustive()
    }
}
