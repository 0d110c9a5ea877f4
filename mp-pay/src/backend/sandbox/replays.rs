use std::time::Duration;

use mp_core::Timestamp;

use crate::backend::{Capabilities, Outcome, Queries};

/// How a key is answered that comes again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Replays {
    window: Option<Duration>,
    /// Whether it is answered as the first time, whatever became of it since, as Stripe does.
    as_the_first: bool,
}

/// What is known of a key that may come again.
pub(super) struct Answered<'a> {
    pub(super) first_at: Timestamp,
    pub(super) first_answer: Option<&'a Outcome>,
    pub(super) outcome: Option<&'a Outcome>,
}

impl Replays {
    pub(super) fn of(can: Capabilities) -> Self {
        Self {
            window: can.replays_keys,
            as_the_first: can.queries == Queries::ByReference,
        }
    }

    /// Returns what is answered now, if the key is still known and was acted on.
    pub(super) fn answer(self, known: &Answered<'_>, now: Timestamp) -> Option<Outcome> {
        let honoured = self
            .window
            .is_some_and(|window| now.since(known.first_at) < window);
        let first = known.first_answer.filter(|_| self.as_the_first);
        first.or(known.outcome).filter(|_| honoured).cloned()
    }
}
