//! Exactly how many wait before me: an index in memory, derived from the store and following it.

mod fenwick;
mod index;

use mp_core::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use self::index::LineIndex;
use crate::{
    quote::Quote,
    ticket::{Ticket, TicketId, TicketNumber, TicketState},
};

/// Where a ticket stands at a moment.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Position {
    /// The ticket.
    pub ticket: TicketId,
    /// The number a person sees.
    pub number: TicketNumber,
    /// Where it stands in its life.
    pub state: TicketState,
    /// How many wait before it in its lane, whoever has left not counted; 0 once it is called.
    pub ahead: u32,
    /// How long it will still wait; nothing while the lane's pace is unknown, or once it is called.
    pub quote: Option<Quote>,
    /// The moment this was true.
    pub as_of: Timestamp,
}

impl Position {
    /// Returns the position of a ticket that does not wait any more.
    pub(crate) fn past(ticket: &Ticket, as_of: Timestamp) -> Self {
        Self {
            ticket: ticket.id,
            number: ticket.number,
            state: ticket.state,
            ahead: 0,
            quote: None,
            as_of,
        }
    }
}
