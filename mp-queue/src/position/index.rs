use std::collections::{BTreeMap, HashMap};

use mp_core::{Error, ErrorKind, Timestamp, document, follow::Derived, id::UserId, store::Change};

use super::{Position, fenwick::Fenwick};
use crate::{
    desk::Shelf,
    line::{LaneLetter, Line, TICKETS_MAX},
    ticket::{Ticket, TicketId, TicketNumber, TicketState},
};

/// Who waits in one line, in memory.
#[derive(Debug, Default)]
pub(crate) struct LineIndex {
    line: Option<Line>,
    waiting: BTreeMap<LaneLetter, Fenwick>,
    tickets: HashMap<TicketId, Spot>,
    spots: HashMap<(LaneLetter, u32), TicketId>,
}

#[derive(Debug)]
struct Spot {
    owner: UserId,
    number: TicketNumber,
    lane: LaneLetter,
    sequence: u32,
}

impl Derived for LineIndex {
    const PREFIX: &'static str = Shelf::Waiting.prefix();

    fn apply(&mut self, change: &Change) -> Result<(), Error> {
        let spot = Shelf::Waiting.parse(change.key.as_str());
        match (&change.value, spot) {
            (Some(value), None) if change.key.is_root() => {
                self.line = Some(document::decode::<Line>(value)?.0);
            }
            (Some(value), Some(_)) => self.put(&document::decode::<Ticket>(value)?.0)?,
            (None, Some((lane, sequence))) => self.remove(lane, sequence),
            (_, None) => {}
        }
        Ok(())
    }
}

impl LineIndex {
    fn put(&mut self, ticket: &Ticket) -> Result<(), Error> {
        if ticket.sequence > TICKETS_MAX {
            return Err(out_of_range());
        }
        let waiting = self.waiting.entry(ticket.lane).or_default();
        waiting.insert(ticket.sequence);
        self.spots.insert((ticket.lane, ticket.sequence), ticket.id);
        let spot = Spot {
            owner: ticket.owner.clone(),
            number: ticket.number,
            lane: ticket.lane,
            sequence: ticket.sequence,
        };
        self.tickets.insert(ticket.id, spot);
        Ok(())
    }

    fn remove(&mut self, lane: LaneLetter, sequence: u32) {
        if let Some(waiting) = self.waiting.get_mut(&lane) {
            waiting.remove(sequence);
        }
        let Some(id) = self.spots.remove(&(lane, sequence)) else {
            return;
        };
        // A ticket that was requeued has another spot by now.
        if self
            .tickets
            .get(&id)
            .is_some_and(|spot| spot.sequence == sequence)
        {
            self.tickets.remove(&id);
        }
    }

    /// Returns a waiting ticket's owner and position, as of the moment that the index shows.
    pub(crate) fn position(
        &self,
        ticket: TicketId,
        as_of: Timestamp,
    ) -> Option<(&UserId, Position)> {
        let spot = self.tickets.get(&ticket)?;
        let ahead = self.waiting.get(&spot.lane)?.below(spot.sequence);
        let lane = self.line.as_ref().and_then(|line| line.lane(spot.lane));
        let position = Position {
            ticket,
            number: spot.number,
            state: TicketState::Waiting,
            ahead,
            quote: lane.and_then(|lane| lane.quote(ahead)),
            as_of,
        };
        Some((&spot.owner, position))
    }
}

/// The error of a place that no line gives out: memory must not grow with it.
fn out_of_range() -> Error {
    let message = "a stored ticket has a place that no line gives out";
    Error::new(ErrorKind::Corrupt, "corrupt_record", message)
}
