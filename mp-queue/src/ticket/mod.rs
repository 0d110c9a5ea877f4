//! A ticket: one party's place in a line, and what can happen to it.

mod number;
mod state;

use std::time::Duration;

use mp_core::{
    Document, Timestamp,
    id::{AppId, UserId},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::{
    number::{ParseNumberError, TicketNumber},
    state::{IllegalMove, TicketEvent, TicketState},
};
use crate::{
    line::{LaneLetter, LineId},
    quote::Quote,
};

mp_core::id_type!(
    /// Names a ticket; derived from who joined which line under which idempotency key.
    pub TicketId, "qt"
);

/// One party's place in a line.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Ticket {
    /// Its name.
    pub id: TicketId,
    /// The app it belongs to.
    pub app: AppId,
    /// The line it stands in.
    pub line: LineId,
    /// Whose it is.
    pub owner: UserId,
    /// The lane it stands in.
    pub lane: LaneLetter,
    /// Its place: tickets of a lane are called in this order. It grows when a ticket is requeued.
    pub sequence: u32,
    /// The number a person sees; it follows the same order.
    pub number: TicketNumber,
    /// How many persons come.
    pub party: u32,
    /// Where it stands in its life.
    pub state: TicketState,
    /// When it was taken.
    pub joined_at: Timestamp,
    /// Since when it has its place.
    pub queued_at: Timestamp,
    /// When it was called last.
    pub called_at: Option<Timestamp>,
    /// Until when its owner may come, while it is called.
    pub grace_ends_at: Option<Timestamp>,
    /// When it was served, given up or called in vain.
    pub closed_at: Option<Timestamp>,
    /// How many times it was called.
    pub calls: u32,
    /// The wait it was promised for its place.
    pub promise: Option<Promise>,
}

impl Document for Ticket {
    const KIND: &'static str = "queue.ticket";
    const FORMAT: u32 = 1;
}

/// The wait that a ticket was promised when it got its place.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Promise {
    /// The wait quoted.
    pub quote: Quote,
    /// The moment by which it will have been called, nine times in ten.
    pub by: Timestamp,
    /// Whether it was, once it was called; also not if the owner gave up after that moment, and
    /// nothing if they left before it.
    pub kept: Option<bool>,
}

impl Promise {
    pub(crate) fn new(quote: Quote, now: Timestamp) -> Self {
        Self {
            quote,
            by: now.plus(quote.p90),
            kept: None,
        }
    }

    /// Returns it as it stands after the ticket was called or ended: what was decided before stays,
    /// and without a call it is decided only if it can no more be kept.
    fn at(self, called: bool, now: Timestamp) -> Self {
        let in_time = now <= self.by;
        let decided = (called || !in_time).then_some(in_time);
        Self {
            kept: self.kept.or(decided),
            ..self
        }
    }
}

impl Ticket {
    /// Returns the state at a moment: a call whose grace has ended is a no-show, whether or not
    /// anybody has come round to writing that down.
    #[must_use]
    pub fn state_at(&self, now: Timestamp) -> TicketState {
        match (self.state, self.grace_ends_at) {
            (TicketState::Called, Some(end)) if end <= now => TicketState::NoShow,
            (state, _) => state,
        }
    }

    /// Returns whether it was called since it has its place.
    pub(crate) fn was_called_here(&self) -> bool {
        self.called_at.is_some_and(|at| at >= self.queued_at)
    }

    /// Returns the ticket as it is at a moment.
    #[must_use]
    pub(crate) fn at(mut self, now: Timestamp) -> Self {
        if self.state_at(now) != self.state {
            self.closed_at = self.grace_ends_at;
            self.grace_ends_at = None;
            self.state = TicketState::NoShow;
        }
        self
    }

    /// Returns the ticket after an event; the place that a requeued ticket gets is its line's to
    /// give.
    pub(crate) fn after(
        &self,
        event: TicketEvent,
        now: Timestamp,
        grace: Duration,
    ) -> Result<Self, IllegalMove> {
        let state = self.state.next(event)?;
        if state == self.state {
            return Ok(self.clone());
        }
        let called = state == TicketState::Called;
        Ok(Self {
            state,
            called_at: if called { Some(now) } else { self.called_at },
            grace_ends_at: called.then(|| now.plus(grace)),
            closed_at: (!state.is_live()).then_some(now),
            calls: self.calls.saturating_add(u32::from(called)),
            promise: self.promise.map(|promise| promise.at(called, now)),
            ..self.clone()
        })
    }
}
