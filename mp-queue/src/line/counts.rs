use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ticket::TicketState;

/// How many tickets of a lane are in each state.
///
/// `joined = waiting + called + served + no_show + left` at every moment.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Counts {
    /// Tickets ever issued; one that was requeued counts once.
    pub joined: u32,
    /// Tickets in the line.
    pub waiting: u32,
    /// Tickets called that are expected at the counter; one whose grace has ended counts here until that
    /// is written down, with the next call of the line or by due work.
    pub called: u32,
    /// Tickets served.
    pub served: u32,
    /// Tickets called in vain, as far as that is written down.
    pub no_show: u32,
    /// Tickets given up by their owners.
    pub left: u32,
}

impl Counts {
    /// Counts a new ticket.
    pub(crate) fn join(&mut self) {
        self.joined = self.joined.saturating_add(1);
        self.waiting = self.waiting.saturating_add(1);
    }

    /// Counts a ticket's step from one state to another.
    pub(crate) fn shift(&mut self, from: TicketState, to: TicketState) {
        if let Some(count) = self.of(from) {
            *count = count.saturating_sub(1);
        }
        if let Some(count) = self.of(to) {
            *count = count.saturating_add(1);
        }
    }

    const fn of(&mut self, state: TicketState) -> Option<&mut u32> {
        Some(match state {
            TicketState::Waiting => &mut self.waiting,
            TicketState::Called => &mut self.called,
            TicketState::Served => &mut self.served,
            TicketState::NoShow => &mut self.no_show,
            TicketState::Left => &mut self.left,
            TicketState::Unrecognized => return None,
        })
    }

    /// Returns whether every ticket issued is in exactly one state.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        let states = [
            self.waiting,
            self.called,
            self.served,
            self.no_show,
            self.left,
        ];
        states.into_iter().map(u64::from).sum::<u64>() == u64::from(self.joined)
    }
}
