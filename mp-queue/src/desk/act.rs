use mp_core::{Decision, Error, ErrorKind, Family, Timestamp};

use super::{Desk, Place, ticket_key, user_key};
use crate::{
    error::QueueError,
    ticket::{Ticket, TicketEvent},
};

/// Asks for an event of one ticket, found at a place; without an event, only for a call whose grace
/// has ended to be written down.
#[derive(Clone, Debug)]
pub(crate) struct Act {
    pub(crate) place: Place,
    pub(crate) event: Option<TicketEvent>,
}

/// The code of the refusal of an act on a ticket that has a new place.
const MOVED: &str = "ticket_moved";

/// Moves one ticket on.
pub(crate) fn act(
    family: &Family,
    now: Timestamp,
    act: &Act,
) -> Result<Decision<Ticket>, QueueError> {
    let mut desk = Desk::at(family, now)?;
    let place = desk.place_at(&ticket_key(act.place.ticket))?;
    if place.as_ref() != Some(&act.place) {
        return Err(moved());
    }
    let ticket = desk.ticket(&act.place)?.ok_or(QueueError::NoSuchTicket)?;
    let ticket = desk.settle(ticket)?;
    let Some(event) = act.event else {
        return Ok(desk.answer(ticket));
    };
    if event == TicketEvent::Requeue {
        desk.refuse_beside_another(&ticket)?;
    }
    let ticket = desk.step(&ticket, event)?;
    Ok(desk.answer(ticket))
}

impl Desk<'_> {
    /// Refuses to let a ticket wait again while its owner holds another one.
    fn refuse_beside_another(&self, ticket: &Ticket) -> Result<(), QueueError> {
        let held = self.place_at(&user_key(&ticket.owner))?;
        match self.live_ticket_of(held)? {
            Some(other) if other.id != ticket.id => Err(QueueError::AlreadyInLine {
                ticket: other.id,
                number: other.number,
            }),
            _ => Ok(()),
        }
    }
}

fn moved() -> QueueError {
    let message = "the ticket has just got a new place: call again";
    Error::new(ErrorKind::Unavailable, MOVED, message).into()
}

/// Returns whether a decision was refused because the ticket has a new place.
pub(crate) fn is_moved(error: &QueueError) -> bool {
    error.code() == MOVED
}
