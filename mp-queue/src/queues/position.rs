use std::time::Duration;

use mp_core::{Caller, Error, ErrorKind, follow::Fresh};

use super::{Queues, require_owner};
use crate::{
    error::QueueError,
    line::LineId,
    position::{LineIndex, Position},
    ticket::{TicketId, TicketState},
};

impl Queues {
    /// Returns how many wait before a ticket, and how long it will still take.
    ///
    /// The answer is exact as of its `as_of`, which is at most `staleness` ago; with
    /// [`Duration::ZERO`] it shows everything that was committed before the question. A ticket's
    /// `ahead` never grows while it waits, except when staff takes back the call of one before it.
    ///
    /// # Errors
    ///
    /// `no_such_line`; `no_such_ticket` also for somebody else's; the store's errors.
    pub async fn position(
        &self,
        caller: &Caller,
        line: &LineId,
        ticket: TicketId,
        staleness: Duration,
    ) -> Result<Position, QueueError> {
        // A ticket that joined, or waits again, since the index was read asks for a newer one.
        for staleness in [staleness, Duration::ZERO, Duration::ZERO] {
            if let Some(position) = self.indexed(caller, line, ticket, staleness).await? {
                return Ok(position);
            }
            let as_of = self.engine.now();
            let found = self.ticket(caller, line, ticket).await?;
            if found.state != TicketState::Waiting {
                return Ok(Position::past(&found, as_of));
            }
        }
        let message = "the ticket changes faster than it can be looked at: ask again";
        Err(Error::new(ErrorKind::Unavailable, "contended", message).into())
    }

    async fn indexed(
        &self,
        caller: &Caller,
        line: &LineId,
        ticket: TicketId,
        staleness: Duration,
    ) -> Result<Option<Position>, QueueError> {
        let partition = line.partition(caller.app_id())?;
        let look = |line: Option<Fresh<'_, LineIndex>>| {
            let line = line.ok_or(QueueError::NoSuchLine)?;
            let found = line.index.position(ticket, line.as_of);
            Ok::<_, QueueError>(found.map(|(owner, position)| (owner.clone(), position)))
        };
        let found = self.followers.look(&partition, staleness, look).await??;
        let Some((owner, position)) = found else {
            return Ok(None);
        };
        require_owner(caller, &owner)?;
        Ok(Some(position))
    }
}
