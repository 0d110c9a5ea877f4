use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mp_core::{
    engine::Committed,
    error::{Error, ErrorKind},
    id::AppId,
};

use crate::follower::Follower;

/// The followers of the apps that were searched last.
#[derive(Debug)]
pub(crate) struct Followers {
    most: usize,
    searched: Mutex<Searched>,
}

#[derive(Debug, Default)]
struct Searched {
    /// Each app's follower, and when it was last asked for.
    followers: HashMap<AppId, (Arc<Follower>, u64)>,
    /// Counts what was asked for.
    asked: u64,
}

impl Followers {
    /// Keeps at most `most` followers, and at least one.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most: most.max(1),
            searched: Mutex::default(),
        }
    }

    /// Returns the app's follower; the one asked for least recently makes room for a new one.
    pub(crate) fn of(&self, app: &AppId) -> Arc<Follower> {
        let mut searched = self.lock();
        searched.asked += 1;
        let now = searched.asked;
        if let Some((follower, asked)) = searched.followers.get_mut(app) {
            *asked = now;
            return follower.clone();
        }
        while searched.followers.len() >= self.most {
            searched.forget_oldest();
        }
        let follower = Arc::new(Follower::new(app.clone()));
        searched
            .followers
            .insert(app.clone(), (follower.clone(), now));
        follower
    }

    /// Tells the app's follower, if there is one, what became of a command of this process. After an error
    /// that is sure nothing was written.
    pub(crate) fn hear<T>(&self, app: &AppId, page: u8, done: &Result<Committed<T>, Error>) {
        let follower = self
            .lock()
            .followers
            .get(app)
            .map(|(follower, _)| follower.clone());
        match (follower, done) {
            (Some(follower), Ok(done)) => follower.wrote(page, done.version),
            (Some(follower), Err(error)) if error.kind() == ErrorKind::Unknown => {
                follower.doubts(page);
            }
            _ => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, Searched> {
        // No step in between leaves the map in a state that the next one could not go on from.
        self.searched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Searched {
    fn forget_oldest(&mut self) {
        let oldest = self.followers.iter().min_by_key(|(_, (_, asked))| *asked);
        if let Some(app) = oldest.map(|(app, _)| app.clone()) {
            self.followers.remove(&app);
        }
    }
}
