//! Decisions on a line: pure functions of its records and the time.

mod act;
mod call;
mod floor;
mod join;
mod place;

use std::sync::Arc;

use mp_core::{Command, Decision, Edits, Family, Timestamp, store::Partition};

pub(crate) use self::{
    act::{Act, act, is_moved},
    call::call_next,
    join::{Join, JoinRefusal, join},
    place::{Place, Shelf, ticket_key, user_key},
};
pub use self::{call::CallFrom, join::Joined};
use crate::{
    error::{QueueError, newer_release},
    line::{Line, LineState},
    ticket::{Ticket, TicketEvent, TicketState},
    work::{Called, Near, NoShowDue},
};

/// One decision on a line: what it has read, and what it changes.
pub(crate) struct Desk<'a> {
    family: &'a Family,
    now: Timestamp,
    stored: Arc<Line>,
    line: Line,
    edits: Edits,
}

impl<'a> Desk<'a> {
    /// Addresses a decision that may move live tickets: those waiting and those called.
    pub(crate) fn command(partition: Partition) -> Command {
        Command::on(partition)
            .prefix(Shelf::Waiting.prefix())
            .prefix(Shelf::Called.prefix())
    }

    pub(crate) fn at(family: &'a Family, now: Timestamp) -> Result<Self, QueueError> {
        let stored = family.root::<Line>()?.ok_or(QueueError::NoSuchLine)?;
        Ok(Self {
            family,
            now,
            line: Line::clone(&stored),
            stored,
            edits: Edits::new(),
        })
    }

    /// Ends the decision with an answer.
    pub(crate) fn answer<T>(mut self, answer: T) -> Decision<T> {
        if *self.stored != self.line {
            self.edits.put_root(self.line);
        }
        self.edits.answer(answer)
    }

    /// Opens the line for new tickets, or closes it; one in a state that is not known here is left
    /// to the release that knows it.
    pub(crate) fn turned(mut self, state: LineState) -> Result<Decision<Line>, QueueError> {
        if self.line.state == LineState::Unrecognized {
            return Err(newer_release().into());
        }
        self.line.state = state;
        let line = self.line.clone();
        Ok(self.answer(line))
    }

    /// Returns the ticket at a place, whatever became of it.
    fn ticket(&self, place: &Place) -> Result<Option<Ticket>, QueueError> {
        for shelf in Shelf::ALL {
            let key = shelf.key(place.lane, place.sequence);
            if let Some(ticket) = self.family.get::<Ticket>(&key)? {
                return Ok(Some(Ticket::clone(&ticket)));
            }
        }
        Ok(None)
    }

    /// Writes down a call whose grace has ended, and returns the ticket as it is now.
    fn settle(&mut self, ticket: Ticket) -> Result<Ticket, QueueError> {
        let settled = ticket.clone().at(self.now);
        if settled.state != ticket.state {
            self.rewrite(&ticket, &settled)?;
        }
        Ok(settled)
    }

    /// Moves a ticket on by an event, with everything that follows from it.
    fn step(&mut self, ticket: &Ticket, event: TicketEvent) -> Result<Ticket, QueueError> {
        let mut next = ticket.after(event, self.now, self.line.grace)?;
        if next.state == ticket.state {
            return Ok(next);
        }
        self.note_promise(ticket, &next)?;
        match event {
            TicketEvent::Call => self.note_call(ticket, &next)?,
            TicketEvent::Requeue => self.give_place(&mut next)?,
            _ => {}
        }
        self.rewrite(ticket, &next)?;
        if ticket.state == TicketState::Waiting {
            // Nobody is told that their turn is near who does not wait for it any more.
            self.edits.unsend::<Near>(&Near::key(ticket));
            self.tell_near(ticket)?;
        }
        Ok(next)
    }

    /// Counts a promise if it has just turned out kept or broken, and learns from it.
    fn note_promise(&mut self, before: &Ticket, after: &Ticket) -> Result<(), QueueError> {
        let kept = |ticket: &Ticket| ticket.promise.and_then(|promise| promise.kept);
        if let (None, Some(kept)) = (kept(before), kept(after)) {
            self.line.quotes_given += 1;
            self.line.quotes_kept += u64::from(kept);
            self.line.lane_mut(before.lane)?.note_wait(before, self.now);
        }
        Ok(())
    }

    fn note_call(&mut self, before: &Ticket, called: &Ticket) -> Result<(), QueueError> {
        self.line.lane_mut(before.lane)?.note_call(before, self.now);
        let message = Called::of(called);
        self.edits.send(&Called::key(called), self.now, &message);
        Ok(())
    }

    /// Puts a changed ticket where it belongs: record, counts, pointers and timer.
    fn rewrite(&mut self, before: &Ticket, after: &Ticket) -> Result<(), QueueError> {
        self.line
            .lane_mut(before.lane)?
            .counts
            .shift(before.state, after.state);
        self.edits.delete(&Shelf::key_of(before)?);
        self.edits.put(&Shelf::key_of(after)?, after.clone());
        if after.state.is_live() && !before.state.is_live() {
            self.point(after)?;
        }
        self.time(before, after);
        Ok(())
    }

    /// Sets the timer that ends a call's grace; once the call is over, removes it together with a
    /// notice that was not given yet.
    fn time(&mut self, before: &Ticket, after: &Ticket) {
        let id = after.id.to_string();
        match (before.grace_ends_at, after.grace_ends_at) {
            (_, Some(end)) => self.edits.schedule(&id, end, &NoShowDue::of(after)),
            (Some(_), None) => {
                self.edits.unschedule::<NoShowDue>(&id);
                self.edits.unsend::<Called>(&Called::key(before));
            }
            (None, None) => {}
        }
    }

    /// Keeps the ways by which a ticket that lives again is found: by its id and by its owner.
    fn point(&mut self, ticket: &Ticket) -> Result<(), QueueError> {
        let held = user_key(&ticket.owner);
        let taken = self.place_at(&held)?.map_or(0, |place| place.taken);
        let place = Place::of(ticket);
        self.edits.put(&ticket_key(ticket.id), place.clone());
        self.edits.put(&held, Place { taken, ..place });
        Ok(())
    }

    /// Returns the place that a pointer names.
    fn place_at(&self, key: &str) -> Result<Option<Place>, QueueError> {
        let place = self.family.get::<Place>(key)?;
        Ok(place.map(|place| Place::clone(&place)))
    }

    /// Returns the ticket of a user who waits or is expected at this moment, other than `than`.
    fn live_ticket_of(&self, place: Option<Place>) -> Result<Option<Ticket>, QueueError> {
        let Some(place) = place else { return Ok(None) };
        let ticket = self.live_at(&place)?;
        Ok(ticket.filter(|ticket| ticket.state_at(self.now) != TicketState::NoShow))
    }

    fn live_at(&self, place: &Place) -> Result<Option<Ticket>, QueueError> {
        for shelf in [Shelf::Waiting, Shelf::Called] {
            let key = shelf.key(place.lane, place.sequence);
            if let Some(ticket) = self.family.get::<Ticket>(&key)? {
                return Ok(Some(Ticket::clone(&ticket)));
            }
        }
        Ok(None)
    }
}
