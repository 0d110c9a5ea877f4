use mp_core::{
    Decision, Error, Family, Timestamp,
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
    /// Where the ticket stood when it was last seen, if the key has given it out before.
    pub(crate) seen: Option<Place>,
}

/// Why a ticket is not given out.
#[derive(Debug)]
pub(crate) enum JoinRefusal {
    /// The key gave it out so long ago that its answer is forgotten: ask again with what stands at its
    /// place.
    Before(Place),
    Refused(QueueError),
}

impl From<QueueError> for JoinRefusal {
    fn from(error: QueueError) -> Self {
        Self::Refused(error)
    }
}

impl From<Error> for JoinRefusal {
    fn from(error: Error) -> Self {
        Self::Refused(error.into())
    }
}

/// A ticket just taken, and how many wait before it.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Joined {
    /// The ticket.
    pub ticket: Ticket,
    /// How many waited before it in its lane when it was taken; if the key is repeated after its answer is
    /// forgotten, how many do now.
    pub ahead: u32,
}

/// Issues a ticket at the end of the lane that takes the party.
pub(crate) fn join(
    family: &Family,
    now: Timestamp,
    join: &Join,
) -> Result<Decision<Joined>, JoinRefusal> {
    let mut desk = Desk::at(family, now)?;
    if let Some(place) = desk.place_at(&ticket_key(join.ticket))? {
        return Ok(Decision::unchanged(desk.given_before(join, place)?));
    }
    if !desk.line.gives_out_tickets(now) {
        return Err(QueueError::LineClosed.into());
    }
    let held = desk.place_at(&user_key(&join.owner))?;
    let taken = held.as_ref().map_or(0, |place| place.taken);
    desk.refuse_second(held)?;
    if taken >= TICKETS_EACH_MAX {
        return Err(QueueError::TooManyAttempts.into());
    }
    let ticket = desk.issue(join, taken + 1)?;
    let lane = desk.line.lane_mut(ticket.lane)?;
    let ahead = lane.counts.waiting;
    lane.counts.join();
    Ok(desk.answer(Joined { ticket, ahead }))
}

impl Desk<'_> {
    /// Returns the ticket that the key has given out, whatever became of it since.
    fn given_before(&self, join: &Join, place: Place) -> Result<Joined, JoinRefusal> {
        if join.seen.as_ref() != Some(&place) {
            return Err(JoinRefusal::Before(place));
        }
        let ticket = self.ticket(&place)?.ok_or(QueueError::NoSuchTicket)?;
        if ticket.party != join.party {
            return Err(idempotency::key_reused().into());
        }
        let ahead = match ticket.state {
            TicketState::Waiting => self.waiting_before(&ticket)?,
            _ => 0,
        };
        let ticket = ticket.at(self.now);
        Ok(Joined { ticket, ahead })
    }

    fn waiting_before(&self, ticket: &Ticket) -> Result<u32, Error> {
        let prefix = format!("{}{}/", Shelf::Waiting.prefix(), ticket.lane);
        let others = self.family.scan::<Ticket>(&prefix)?;
        let before = others.iter().map(|(_, other)| other.sequence);
        let count = before
            .filter(|sequence| *sequence < ticket.sequence)
            .count();
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    fn refuse_second(&self, held: Option<Place>) -> Result<(), QueueError> {
        match self.live_ticket_of(held)? {
            Some(ticket) => Err(QueueError::AlreadyInLine {
                ticket: ticket.id,
                number: ticket.number,
            }),
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
