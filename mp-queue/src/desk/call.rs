use std::sync::Arc;

use mp_core::{Decision, Family, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Desk;
use crate::{
    error::QueueError,
    line::LaneLetter,
    ticket::{Ticket, TicketEvent},
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

/// Calls the next ticket.
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
    let called = desk.step(&next, TicketEvent::Call)?;
    Ok(desk.answer(called))
}

impl Desk<'_> {
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
