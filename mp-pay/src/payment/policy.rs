//! What is decided by where there is a choice, and everything that follows from one event.

use std::sync::Arc;

use mp_core::Timestamp;

use super::Payment;
use crate::{
    attempt::Attempt,
    error::PayError,
    journal::Event,
    payments::LateSuccess,
    routing::{Destination, Routing},
};

/// What is decided by where there is a choice.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub(crate) late: LateSuccess,
    pub(crate) routing: Arc<Routing>,
}

/// Says where to go on with an attempt that surely took nothing.
pub(super) type Elsewhere<'a> = &'a dyn Fn(&Payment, &Attempt) -> Option<Destination>;

impl Payment {
    /// Applies an event and what is decided because of it, and returns all of these.
    ///
    /// Another backend is tried in the moment in which it becomes known that an attempt took
    /// nothing, and never later: by then the payer was told that they have not paid.
    pub(super) fn go_on(
        &mut self,
        event: Event,
        late: LateSuccess,
        elsewhere: Elsewhere<'_>,
        now: Timestamp,
    ) -> Result<Vec<Event>, PayError> {
        let (mut events, mut next) = (Vec::new(), Some(event));
        while let Some(event) = next {
            let before = self.stranded(now).map(|attempt| attempt.number);
            self.apply(&event, now)?;
            events.push(event);
            let stranded = self.stranded(now);
            let newly = stranded.filter(|attempt| before != Some(attempt.number));
            let falls = newly.and_then(|attempt| self.fall(attempt, elsewhere));
            next = falls.or_else(|| self.follows(late));
        }
        Ok(events)
    }

    fn fall(&self, attempt: &Attempt, elsewhere: Elsewhere<'_>) -> Option<Event> {
        let Destination { backend, can } = elsewhere(self, attempt)?;
        Some(Event::FellOver {
            attempt: attempt.number,
            backend,
            hold_seconds: can.hold_life.map(|life| life.as_secs()),
        })
    }
}
