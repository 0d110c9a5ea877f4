use std::{
    collections::HashMap,
    ops::Range,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    clock::Timestamp,
    store::{DueQuery, SlotSet},
};

/// For how long a slot is not asked again for a kind of work that it had none of.
///
/// What this process itself writes there ends it at once; what others do is found that much later.
pub(super) const QUIET: Duration = Duration::from_secs(2);

/// Remembers which slots had no work a short while ago, by the callers' time: where each slot is
/// asked by a statement of its own, idle workers would do nothing but ask.
#[derive(Debug, Default)]
pub(super) struct Quiet(Mutex<Kinds>);

/// For each kind of work, the slots that are quiet, and during which time.
type Kinds = HashMap<String, HashMap<u16, Range<Timestamp>>>;

impl Quiet {
    /// Returns which slots to ask, and takes them to be quiet from now on.
    ///
    /// That is noted before they are asked, so that what is committed meanwhile takes it back.
    pub(super) fn begin(&self, query: &DueQuery) -> Vec<u16> {
        let mut kinds = self.lock();
        let quiet = kinds.entry(query.kind.clone()).or_default();
        let asked = query.slots.iter().filter(|slot| {
            let known = quiet.get(slot);
            !known.is_some_and(|during| during.contains(&query.now))
        });
        let asked: Vec<u16> = asked.collect();
        let during = query.now..query.now.plus(QUIET);
        quiet.extend(asked.iter().map(|slot| (*slot, during.clone())));
        asked
    }

    /// Ends a slot's quiet at a time when work comes up in it, unless it has ended already.
    pub(super) fn end_at(&self, kind: &str, slot: u16, wakes_at: Timestamp) {
        let mut kinds = self.lock();
        let during = kinds.get_mut(kind).and_then(|quiet| quiet.get_mut(&slot));
        if let Some(during) = during {
            during.end = during.end.min(wakes_at);
        }
    }

    /// Ends the quiet of some slots, for all kinds of work.
    pub(super) fn end(&self, slots: SlotSet) {
        for quiet in self.lock().values_mut() {
            quiet.retain(|slot, _| !slots.contains(*slot));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kinds> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_795_284_000_000_000);

    fn mail(now: Timestamp) -> DueQuery {
        DueQuery {
            slots: SlotSet::NONE.with(3).with(5),
            kind: "mail".to_owned(),
            now,
            lease: Duration::from_secs(60),
            limit: 10,
        }
    }

    #[test]
    fn a_slot_is_asked_once_in_a_while() {
        let quiet = Quiet::default();
        assert_eq!(quiet.begin(&mail(NOW)), [3, 5]);
        assert!(quiet.begin(&mail(NOW)).is_empty());
        let later = NOW.plus(QUIET);
        assert_eq!(quiet.begin(&mail(later)), [3, 5]);
    }

    #[test]
    fn each_kind_of_work_is_asked_for() {
        let quiet = Quiet::default();
        quiet.begin(&mail(NOW));
        let kind = "expire".to_owned();
        assert_eq!(
            quiet.begin(&DueQuery { kind, ..mail(NOW) }).len(),
            2,
            "asked for mail only"
        );
    }

    #[test]
    fn a_clock_that_runs_back_asks_again() {
        let quiet = Quiet::default();
        quiet.begin(&mail(NOW));
        let earlier = NOW.minus(Duration::from_secs(1));
        assert_eq!(quiet.begin(&mail(earlier)), [3, 5]);
    }

    #[test]
    fn a_slot_is_asked_when_its_next_work_comes_up() {
        let quiet = Quiet::default();
        quiet.begin(&mail(NOW));
        let soon = NOW.plus(QUIET / 2);
        quiet.end_at("mail", 5, soon);
        assert_eq!(quiet.begin(&mail(soon)), [5]);
    }

    #[test]
    fn a_slot_is_asked_after_it_was_written_in() {
        let quiet = Quiet::default();
        quiet.begin(&mail(NOW));
        quiet.end(SlotSet::NONE.with(3));
        quiet.end_at("mail", 3, NOW.plus(QUIET * 2));
        assert_eq!(quiet.begin(&mail(NOW)), [3]);
    }
}
