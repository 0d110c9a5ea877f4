//! Who waits: the front of a lane, new places at its end, and telling who is near.

use std::sync::Arc;

use super::{Desk, Shelf};
use crate::{
    error::QueueError,
    line::LaneLetter,
    ticket::{Promise, Ticket, TicketState},
    work::Near,
};

impl Desk<'_> {
    /// Returns the first `count` tickets that wait in a lane, in their order.
    ///
    /// Places are read a hundred at a time from the first taken one on, so that a long line costs
    /// no more than a short one.
    pub(super) fn front(
        &self,
        lane: LaneLetter,
        count: usize,
    ) -> Result<Vec<Arc<Ticket>>, QueueError> {
        let prefix = format!("{}{lane}/", Shelf::Waiting.prefix());
        let Some((_, first)) = self.family.first::<Ticket>(&prefix)? else {
            return Ok(Vec::new());
        };
        let mut front = Vec::with_capacity(count);
        for block in first.sequence / 100..=self.line.sequence / 100 {
            let neighbours = self
                .family
                .scan::<Ticket>(&Shelf::Waiting.block(lane, block))?;
            let waiting = neighbours.into_iter().map(|(_, ticket)| ticket);
            front.extend(waiting.filter(|ticket| ticket.state == TicketState::Waiting));
            if front.len() >= count {
                break;
            }
        }
        front.truncate(count);
        Ok(front)
    }

    /// Gives a ticket the place at the end of its lane, with a number and a promise.
    pub(super) fn give_place(&mut self, ticket: &mut Ticket) -> Result<(), QueueError> {
        ticket.sequence = self.line.next_sequence()?;
        let near = self.line.near;
        let lane = self.line.lane_mut(ticket.lane)?;
        let ahead = lane.counts.waiting;
        ticket.number = lane.issue();
        ticket.queued_at = self.now;
        ticket.promise = lane.quote(ahead).map(|quote| Promise::new(quote, self.now));
        if ahead <= near {
            // They see it on the ticket they get: there is nothing to tell them later.
            lane.told = ticket.sequence;
        }
        Ok(())
    }

    /// Tells those whose turn has come near since a ticket has left the lane's waiting.
    ///
    /// Each is told once: whoever stands before somebody told has been told before.
    pub(super) fn tell_near(&mut self, gone: &Ticket) -> Result<(), QueueError> {
        let near = self.line.near as usize;
        let front = self.front(gone.lane, near + 2)?;
        let waiting = front
            .iter()
            .filter(|ticket| ticket.sequence != gone.sequence)
            .take(near + 1);
        let lane = self.line.lane_mut(gone.lane)?;
        for (ahead, ticket) in (0_u32..).zip(waiting) {
            if ticket.sequence > lane.told {
                lane.told = ticket.sequence;
                let message = Near::of(ticket, ahead);
                self.edits.send(&Near::key(ticket), self.now, &message);
            }
        }
        Ok(())
    }
}
