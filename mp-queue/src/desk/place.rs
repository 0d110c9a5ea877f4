use mp_core::{Document, id::UserId};
use serde::{Deserialize, Serialize};

use crate::{
    error::QueueError,
    line::LaneLetter,
    ticket::{IllegalMove, Ticket, TicketEvent, TicketId, TicketNumber, TicketState},
};

/// Where a ticket stands; kept under the ticket's id, and of the last one that a user got also under
/// the user's, whatever became of it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Place {
    pub(crate) ticket: TicketId,
    pub(crate) owner: UserId,
    pub(crate) lane: LaneLetter,
    pub(crate) sequence: u32,
    pub(crate) number: TicketNumber,
    /// How many tickets its owner has taken by now; counted under the user's id.
    #[serde(default)]
    pub(crate) taken: u32,
}

impl Document for Place {
    const KIND: &'static str = "queue.place";
    const FORMAT: u32 = 2;
}

impl Place {
    pub(crate) fn of(ticket: &Ticket) -> Self {
        Self {
            ticket: ticket.id,
            owner: ticket.owner.clone(),
            lane: ticket.lane,
            sequence: ticket.sequence,
            number: ticket.number,
            taken: 0,
        }
    }
}

/// The three parts of a line's partition that hold tickets, by what may still happen to them.
///
/// Inside a shelf, keys are `{shelf}/{lane}/{sequence}`, so a lane's tickets stand in their order.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Shelf {
    Waiting,
    Called,
    Closed,
}

/// How many digits a sequence number has in a key.
const DIGITS: usize = 6;

impl Shelf {
    pub(crate) const ALL: [Self; 3] = [Self::Waiting, Self::Called, Self::Closed];

    /// Returns what the shelf's keys start with.
    pub(crate) const fn prefix(self) -> &'static str {
        match self {
            Self::Waiting => "w/",
            Self::Called => "c/",
            Self::Closed => "d/",
        }
    }

    /// Returns the key of a place on the shelf.
    pub(crate) fn key(self, lane: LaneLetter, sequence: u32) -> String {
        format!("{}{lane}/{sequence:0DIGITS$}", self.prefix())
    }

    /// Returns the prefix of a hundred neighbouring places: numbers `100·block` to `100·block + 99`.
    pub(crate) fn block(self, lane: LaneLetter, block: u32) -> String {
        const BLOCK_DIGITS: usize = DIGITS - 2;
        format!("{}{lane}/{block:0BLOCK_DIGITS$}", self.prefix())
    }

    /// Returns where a ticket belongs; nothing here moves one in a state of a newer release.
    pub(crate) fn key_of(ticket: &Ticket) -> Result<String, QueueError> {
        let shelf = match ticket.state {
            TicketState::Waiting => Self::Waiting,
            TicketState::Called => Self::Called,
            TicketState::Served | TicketState::NoShow | TicketState::Left => Self::Closed,
            TicketState::Unrecognized => {
                let (state, event) = (ticket.state, TicketEvent::Call);
                return Err(IllegalMove { state, event }.into());
            }
        };
        Ok(shelf.key(ticket.lane, ticket.sequence))
    }

    /// Reads lane and sequence number back from a key of this shelf.
    pub(crate) fn parse(self, key: &str) -> Option<(LaneLetter, u32)> {
        let (lane, sequence) = key.strip_prefix(self.prefix())?.split_once('/')?;
        Some((lane.parse().ok()?, sequence.parse().ok()?))
    }
}

/// Returns the key of the pointer to a ticket.
pub(crate) fn ticket_key(ticket: TicketId) -> String {
    format!("t/{ticket}")
}

/// Returns the key of the pointer to a user's last ticket.
pub(crate) fn user_key(user: &UserId) -> String {
    format!("u/{user}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::TICKETS_MAX;

    #[test]
    fn keys_are_in_the_order_of_their_places_and_read_back() {
        let lane: LaneLetter = "B".parse().expect("a letter");
        let keys: Vec<String> = [1, 9, 10, 99, 100, 999, 12_345, TICKETS_MAX]
            .into_iter()
            .map(|sequence| Shelf::Waiting.key(lane, sequence))
            .collect();
        assert!(keys.is_sorted());
        for shelf in Shelf::ALL {
            let key = shelf.key(lane, 12_345);
            assert_eq!(shelf.parse(&key), Some((lane, 12_345)));
            assert!(key.starts_with(&shelf.block(lane, 123)));
            assert_eq!(shelf.parse("x/B/000001"), None);
        }
    }
}
