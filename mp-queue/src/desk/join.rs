use mp_core::{
    Decision, Family, Timestamp,
    id::{AppId, UserId},
    idempotency,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Desk, Place, Shelf, ticket_key, user_key};
use crate::{
    error::QueueError,
    line::{LineId, TICKETS_EACH_MAX},
    ticket::{Ticket, TicketId, TicketNumber, TicketState},
};

/// Asks for a ticket.
#[derive(Clone, Debug)]
pub(crate) struct Join {
    pub(crate) ticket: TicketId,
    pub(crate) app: AppId,
    pub(crate) line: LineId,
    pub(crate) owner: UserId,
    pub(crate) party: u32,
}

/// A ticket just taken, and how many wait before it.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Joined {
    /// The ticket.
    pub ticket: Ticket,
    /// How many waited before it in its lane when it was taken.
    pub ahead: u32,
}

/// Issues a ticket at the end of the lane that takes the party.
pub(crate) fn join(
    family: &Family,
    now: Timestamp,
    join: &Join,
) -> Result<Decision<Joined>, QueueError> {
    let mut desk = Desk::at(family, now)?;
    if !desk.line.gives_out_tickets(now) {
        return Err(QueueError::LineClosed);
    }
    let held = desk.place_at(&user_key(&join.owner))?;
    let taken = held.as_ref().map_or(0, |place| place.taken);
    desk.refuse_second(join, held)?;
    if taken >= TICKETS_EACH_MAX {
        return Err(QueueError::TooManyAttempts);
    }
    let ticket = desk.issue(join, taken + 1)?;
    let lane = desk.line.lane_mut(ticket.lane)?;
    let ahead = lane.counts.waiting;
    lane.counts.join();
    Ok(desk.answer(Joined { ticket, ahead }))
}

impl Desk<'_> {
    fn refuse_second(&self, join: &Join, held: Option<Place>) -> Result<(), QueueError> {
        if let Some(ticket) = self.live_ticket_of(held)? {
            return Err(QueueError::AlreadyInLine {
                ticket: ticket.id,
                number: ticket.number,
            });
        }
        match self.place_at(&ticket_key(join.ticket))? {
            // The key gave out this ticket so long ago that its answer is not remembered.
            Some(_) => Err(idempotency::key_reused().into()),
            None => Ok(()),
        }
    }

    fn issue(&mut self, join: &Join, taken: u32) -> Result<Ticket, QueueError> {
        let lane = self.line.lane_for(join.party)?;
        let mut ticket = Ticket {
            id: join.ticket,
            app: join.app.clone(),
            line: join.line.clone(),
            owner: join.owner.clone(),
            lane,
            sequence: 0,
            number: TicketNumber::new(lane, 0),
            party: join.party,
            state: TicketState::Waiting,
            joined_at: self.now,
            queued_at: self.now,
            called_at: None,
            grace_ends_at: None,
            closed_at: None,
            calls: 0,
            promise: None,
        };
        self.give_place(&mut ticket)?;
        let place = Place::of(&ticket);
        self.edits.put(&Shelf::key_of(&ticket)?, ticket.clone());
        self.edits.put(&ticket_key(ticket.id), place.clone());
        self.edits
            .put(&user_key(&ticket.owner), Place { taken, ..place });
        Ok(ticket)
    }
}
