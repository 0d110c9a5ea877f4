use std::{iter, sync::Arc};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A place for one handler to run, given back when it is dropped.
pub(super) type Place = OwnedSemaphorePermit;

/// The places of one kind of work: some of its own, and those that all kinds of a worker share.
///
/// Half of all places are divided evenly, so that no other kind, however slow or many, can take
/// them; the other half goes to whoever comes first.
#[derive(Debug)]
pub(super) struct Room {
    own: Arc<Semaphore>,
    shared: Arc<Semaphore>,
}

impl Room {
    /// Divides `concurrency` places among so many kinds.
    pub(super) fn divide(concurrency: usize, kinds: usize) -> impl Iterator<Item = Self> {
        let concurrency = concurrency.clamp(1, Semaphore::MAX_PERMITS);
        let own = share(concurrency, kinds.max(1));
        let shared = Arc::new(Semaphore::new(concurrency - own * kinds));
        iter::repeat_with(move || Self {
            own: Arc::new(Semaphore::new(own)),
            shared: shared.clone(),
        })
        .take(kinds)
    }

    /// Waits for a place and takes more, up to `most`, if they are free. It may be dropped at any
    /// await.
    pub(super) async fn places(&self, most: usize) -> Vec<Place> {
        let first = tokio::select! {
            biased;
            place = self.own.clone().acquire_owned() => place,
            place = self.shared.clone().acquire_owned() => place,
        };
        // Nobody closes the semaphores, so there is always a first.
        let mut places: Vec<Place> = first.into_iter().collect();
        let more = iter::from_fn(|| self.try_place());
        places.extend(more.take(most.saturating_sub(1)));
        places
    }

    fn try_place(&self) -> Option<Place> {
        let own = self.own.clone().try_acquire_owned();
        own.or_else(|_| self.shared.clone().try_acquire_owned())
            .ok()
    }
}

/// Returns how many places each kind has for itself: at least one, if there are enough.
fn share(concurrency: usize, kinds: usize) -> usize {
    let half = concurrency / (2 * kinds);
    half.max((concurrency / kinds).min(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_never_exceed_what_there_is() {
        for concurrency in 1..200 {
            for kinds in 1..=40 {
                let own = share(concurrency, kinds);
                assert!(own * kinds <= concurrency, "{concurrency} among {kinds}");
                assert_eq!(own > 0, concurrency >= kinds, "{concurrency} among {kinds}");
            }
        }
    }

    #[tokio::test]
    async fn a_kind_that_takes_all_it_can_leaves_the_others_their_share() {
        let rooms: Vec<Room> = Room::divide(64, 4).collect();
        let taken = rooms[0].places(1_000).await;
        assert_eq!(taken.len(), 8 + 32);
        for room in &rooms[1..] {
            assert_eq!(room.places(1_000).await.len(), 8);
        }
        drop(taken);
        assert_eq!(rooms[1].places(1_000).await.len(), 8 + 32);
    }
}
