//! Those that were faster than what their source had told before.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;

use crate::store::Partition;

/// How long an event waits, in the process that has leased it, for the one before it: many times
/// what a commit takes. Afterwards it comes back with all that waits for the same event.
pub(super) const TURN_MAX: Duration = Duration::from_millis(100);

/// Hands on, within a process, from an event that came into its feed to the next one of its source.
///
/// It only spares a pause: who dies while it waits leaves a delivery that comes back, and what comes
/// in by another process wakes nobody here.
#[derive(Clone, Debug, Default)]
pub(super) struct Turns(Arc<Mutex<Waiting>>);

type Waiting = BTreeMap<Place, Arc<Notify>>;

/// An event, by its feed, its source and its number there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) feed: Partition,
    pub(super) source: String,
    pub(super) number: u64,
}

/// One that waits for an event; whoever is dropped waits no longer.
#[derive(Debug)]
pub(super) struct Turn {
    turns: Turns,
    after: Place,
    came_in: Arc<Notify>,
}

impl Place {
    /// Returns the place of another event of the same source.
    pub(super) fn at(&self, number: u64) -> Self {
        Self {
            number,
            ..self.clone()
        }
    }
}

impl Turns {
    /// Waits from now on for an event to come in.
    pub(super) fn after(&self, place: Place) -> Turn {
        let came_in = self.waiting().entry(place.clone()).or_default().clone();
        Turn {
            turns: self.clone(),
            after: place,
            came_in,
        }
    }

    /// Wakes those who wait for this event.
    pub(super) fn came_in(&self, place: &Place) {
        if let Some(came_in) = self.waiting().remove(place) {
            came_in.notify_waiters();
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // A panic elsewhere leaves the map whole: each use changes one entry.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    /// Returns what is over once the event has come in, from now on.
    pub(super) fn comes(&self) -> impl Future<Output = ()> + '_ {
        self.came_in.notified()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut waiting = self.turns.waiting();
        let kept = waiting.get(&self.after);
        let ours = kept.is_some_and(|kept| Arc::ptr_eq(kept, &self.came_in));
        // One is the map's, one is ours: nobody else waits.
        if ours && Arc::strong_count(&self.came_in) == 2 {
            waiting.remove(&self.after);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(number: u64) -> Place {
        Place {
            feed: Partition::parse("market/feed/sales").expect("a partition"),
            source: "stall/noodles".to_owned(),
            number,
        }
    }

    #[tokio::test]
    async fn all_who_wait_for_an_event_are_woken_and_no_others() {
        let turns = Turns::default();
        let [one, another, other] = [1, 1, 2].map(|number| turns.after(place(number)));
        let (woken, too, not) = (one.comes(), another.comes(), other.comes());
        turns.came_in(&place(1));
        woken.await;
        too.await;
        let waits = tokio::time::timeout(Duration::from_millis(1), not).await;
        assert!(waits.is_err());
    }

    #[tokio::test]
    async fn nobody_is_kept_who_waits_no_longer() {
        let turns = Turns::default();
        let [one, another] = [1, 1].map(|number| turns.after(place(number)));
        drop(one);
        assert_eq!(turns.waiting().len(), 1, "another waits still");
        drop(another);
        assert_eq!(turns.waiting().len(), 0);
        turns.came_in(&place(1));
        assert_eq!(turns.waiting().len(), 0);
    }
}
