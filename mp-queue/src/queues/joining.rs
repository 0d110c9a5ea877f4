use mp_core::{
    Caller, Command,
    id::{AppId, IdempotencyKey, UserId},
    idempotency::Idempotency,
    store::Partition,
};

use super::once;
use crate::{
    desk::{Desk, Join, JoinRefusal, Shelf, ticket_key, user_key},
    error::QueueError,
    line::LineId,
    ticket::TicketId,
};

/// What somebody asks for who joins a line.
pub(super) struct Asked {
    pub(super) join: Join,
    partition: Partition,
    once: Idempotency,
}

impl Asked {
    pub(super) fn of(
        caller: &Caller,
        line: &LineId,
        party: u32,
        key: &IdempotencyKey,
    ) -> Result<Self, QueueError> {
        let owner = caller.signed_in()?.clone();
        let join = Join {
            ticket: ticket_id(caller.app_id(), &owner, line, key),
            app: caller.app_id().clone(),
            line: line.clone(),
            owner,
            party,
            seen: None,
        };
        Ok(Self {
            join,
            partition: line.partition(caller.app_id())?,
            once: once(caller, "queue.join", key, &(line, party))?,
        })
    }

    /// Addresses the line, and the ticket wherever it was seen.
    pub(super) fn command(&self) -> Command {
        let command = Desk::command(self.partition.clone())
            .key(&ticket_key(self.join.ticket))
            .key(&user_key(&self.join.owner))
            .once(self.once.clone());
        match &self.join.seen {
            Some(place) => command.key(&Shelf::Closed.key(place.lane, place.sequence)),
            None => command,
        }
    }

    /// Looks next time at where the ticket stands that the key gave out before.
    ///
    /// It has another place each time staff let it wait again, which is not often enough to look for
    /// ever.
    pub(super) fn look(&mut self, refusal: JoinRefusal) -> Result<(), QueueError> {
        match refusal {
            JoinRefusal::Before(place) => self.join.seen = Some(place),
            JoinRefusal::Refused(error) => return Err(error),
        }
        Ok(())
    }
}

/// Derives a ticket's id from who joins which line under which key.
fn ticket_id(app: &AppId, user: &UserId, line: &LineId, key: &IdempotencyKey) -> TicketId {
    let line = line.to_string();
    TicketId::derived(&[app.as_str(), user.as_str(), &line, key.as_str()])
}
