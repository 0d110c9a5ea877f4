use std::sync::Arc;

use mp_core::{Decision, Family, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Desk, Shelf};
use crate::{
    error::QueueError,
    line::LaneLetter,
    ticket::{Ticket, TicketEvent, TicketState},
};

/// Whom to call: every policy takes the first who waits in a lane.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CallFrom {
    /// The first of this lane, such as the one for the table that has become free.
    Lane(LaneLetter),
    /// The one of all lanes who has waited longest.
    LongestWaiting,
}

/// Calls the next ticket, and writes down whose grace has ended: whoever looks at the board then sees who is
/// expected.
pub(crate) fn call_next(
    family: &Family,
    now: Timestamp,
    from: CallFrom,
) -> Result<Decision<Ticket>, QueueError> {
    let mut desk = Desk::at(family, now)?;
    let next = match from {
        CallFrom::Lane(lane) => desk.head(lane)?,
        CallFrom::LongestWaiting => desk.longest_waiting()?,
    };
    let next = next.ok_or(QueueError::NobodyWaits)?;
    desk.settle_lapsed()?;
    let called = desk.step(&next, TicketEvent::Call)?;
    Ok(desk.answer(called))
}

impl Desk<'_> {
    /// Writes down the calls whose grace has ended, of the hundred places of each lane that were called
    /// first: so that a long line costs no more than a short one. The others follow by due work.
    fn settle_lapsed(&mut self) -> Result<(), QueueError> {
        let lanes: Vec<_> = self.line.lanes.iter().map(|lane| lane.letter).collect();
        for lane in lanes {
            for ticket in self.lapsed_first(lane)? {
                // A place stands on one shelf at a time, and whoever is called was never done with.
                let closed = Shelf::Closed.key(lane, ticket.sequence);
                self.edits.declare_new(&closed);
                self.settle(Ticket::clone(&ticket))?;
            }
        }
        Ok(())
    }

    fn lapsed_first(&self, lane: LaneLetter) -> Result<Vec<Arc<Ticket>>, QueueError> {
        let prefix = format!("{}{lane}/", Shelf::Called.prefix());
        let Some((_, first)) = self.family.first::<Ticket>(&prefix)? else {
            return Ok(Vec::new());
        };
        let block = Shelf::Called.block(lane, first.sequence / 100);
        let called = self.family.scan::<Ticket>(&block)?.into_iter();
        let called = called.map(|(_, ticket)| ticket);
        let lapsed = called.filter(|ticket| ticket.state_at(self.now) == TicketState::NoShow);
        Ok(lapsed.collect())
    }

    fn head(&self, lane: LaneLetter) -> Result<Option<Arc<Ticket>>, QueueError> {
        if self.line.lane(lane).is_none() {
            return Err(QueueError::NoSuchLane(lane));
        }
        Ok(self.front(lane, 1)?.pop())
    }

    fn longest_waiting(&self) -> Result<Option<Arc<Ticket>>, QueueError> {
        let mut heads = Vec::new();
        for lane in &self.line.lanes {
            heads.extend(self.head(lane.letter)?);
        }
        Ok(heads.into_iter().min_by_key(|ticket| ticket.sequence))
    }
}
