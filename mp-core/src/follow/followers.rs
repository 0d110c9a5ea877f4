use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
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
}

struct State<I> {
    /// `None` before the first reading, and after one that failed half-way.
    followed: Option<Followed<I>>,
    /// The tick at which the store was read last.
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
            state.read = self.tick();
            // Taken out meanwhile: what fails half-way, or is dropped, is built anew.
            let followed = state.followed.take();
            state.followed = Some(self.refresh(followed, partition).await?);
        }
        let there = state.followed.as_ref();
        let there = there.filter(|followed| followed.head != Version::ABSENT);
        Ok(look(there.map(|followed| Fresh {
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

    async fn refresh(
        &self,
        followed: Option<Followed<I>>,
        partition: &Partition,
    ) -> Result<Followed<I>, Error> {
        let as_of = self.engine.now();
        let (mut index, since) = match followed {
            Some(followed) => (followed.index, followed.head),
            None => (I::default(), Version::ABSENT),
        };
        let store = self.engine.store();
        let update = Update::fetch(&**store, partition, I::PREFIX, since).await?;
        if update.whole {
            index = I::default();
        }
        for change in &update.changes {
            index.apply(change)?;
        }
        let head = update.head;
        Ok(Followed { index, head, as_of })
    }

    fn follower(&self, partition: &Partition, asked: u64) -> Arc<Follower<I>> {
        let mut followers = self.lock();
        if !followers.contains_key(partition) && followers.len() >= self.most {
            forget_idlest(&mut followers);
        }
        let follower = followers.entry(partition.clone()).or_default();
        follower.asked.store(asked, Ordering::Relaxed);
        follower.clone()
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

/// Forgets the partition that nobody has asked about for longest; it is read again when somebody
/// does.
fn forget_idlest<I>(followers: &mut HashMap<Partition, Arc<Follower<I>>>) {
    let idlest = followers
        .iter()
        .min_by_key(|(_, follower)| follower.asked.load(Ordering::Relaxed))
        .map(|(partition, _)| partition.clone());
    if let Some(partition) = idlest {
        followers.remove(&partition);
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
