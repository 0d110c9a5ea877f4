use mp_core::{
    Caller, Command, Committed,
    id::{AppId, IdempotencyKey},
    idempotency::Idempotency,
    store::Partition,
};

use super::{QUEUE_STAFF, Queues, once, require_owner};
use crate::{
    desk::{self, Act, Desk, Place, Shelf, is_moved, ticket_key, user_key},
    error::QueueError,
    line::LineId,
    ticket::{Ticket, TicketEvent, TicketId},
};

/// How often a ticket is looked for again that gets a new place while it is looked for.
const LOOKS_MAX: u32 = 4;

impl Queues {
    /// Gives a ticket up: the owner does, or staff for them. Leaving twice changes nothing.
    ///
    /// # Errors
    ///
    /// `no_such_ticket` also for somebody else's; `illegal_move` once it was served or called in
    /// vain; the store's errors.
    pub async fn leave(
        &self,
        caller: &Caller,
        line: &LineId,
        ticket: TicketId,
    ) -> Result<Committed<Ticket>, QueueError> {
        self.act(caller, line, ticket, TicketEvent::Leave, None)
            .await
    }

    /// Notes that a called person came. Noting it twice changes nothing.
    ///
    /// # Errors
    ///
    /// `illegal_move` unless the ticket is called and its grace lasts: after that, requeue it;
    /// `no_such_ticket`, `forbidden`, and the store's errors.
    pub async fn serve(
        &self,
        caller: &Caller,
        line: &LineId,
        ticket: TicketId,
    ) -> Result<Committed<Ticket>, QueueError> {
        caller.require(&QUEUE_STAFF)?;
        self.act(caller, line, ticket, TicketEvent::Serve, None)
            .await
    }

    /// Notes that a called person did not come, before the grace is over. Noting it twice changes
    /// nothing, and under the same key ends no later call of a ticket that was requeued since, as long as
    /// its [answer is remembered](mp_core::idempotency::IDEMPOTENCY_MEMORY).
    ///
    /// # Errors
    ///
    /// `illegal_move` unless the ticket was called; `no_such_ticket`, `forbidden`,
    /// `idempotency_conflict`, and the store's errors.
    pub async fn no_show(
        &self,
        caller: &Caller,
        line: &LineId,
        ticket: TicketId,
        key: &IdempotencyKey,
    ) -> Result<Committed<Ticket>, QueueError> {
        caller.require(&QUEUE_STAFF)?;
        let once = once(caller, "queue.no_show", key, &(line, ticket))?;
        let event = TicketEvent::NoShow;
        self.act(caller, line, ticket, event, Some(once)).await
    }

    /// Takes a call back: the ticket waits again at its old place, and whoever stands behind it has
    /// one more ahead again.
    ///
    /// # Errors
    ///
    /// `illegal_move` unless the ticket is called; `no_such_ticket`, `forbidden`,
    /// `idempotency_conflict`, and the store's errors.
    pub async fn recall(
        &self,
        caller: &Caller,
        line: &LineId,
        ticket: TicketId,
        key: &IdempotencyKey,
    ) -> Result<Committed<Ticket>, QueueError> {
        caller.require(&QUEUE_STAFF)?;
        let once = once(caller, "queue.recall", key, &(line, ticket))?;
        let event = TicketEvent::Recall;
        self.act(caller, line, ticket, event, Some(once)).await
    }

    /// Lets a ticket that was called in vain wait again, at the end of its lane under a new number.
    ///
    /// # Errors
    ///
    /// `illegal_move` unless it was called in vain, `line_full`, `already_in_line` if its owner has
    /// taken another; `no_such_ticket`, `forbidden`, `idempotency_conflict`, and the store's errors.
    pub async fn requeue(
        &self,
        caller: &Caller,
        line: &LineId,
        ticket: TicketId,
        key: &IdempotencyKey,
    ) -> Result<Committed<Ticket>, QueueError> {
        caller.require(&QUEUE_STAFF)?;
        let once = once(caller, "queue.requeue", key, &(line, ticket))?;
        let event = TicketEvent::Requeue;
        self.act(caller, line, ticket, event, Some(once)).await
    }

    /// Returns a ticket as it is now: to its owner, and to staff.
    ///
    /// # Errors
    ///
    /// `no_such_ticket` also for somebody else's; the store's errors.
    pub async fn ticket(
        &self,
        caller: &Caller,
        line: &LineId,
        ticket: TicketId,
    ) -> Result<Ticket, QueueError> {
        let partition = line.partition(caller.app_id())?;
        let found = self.find(&partition, ticket).await?;
        require_owner(caller, &found.owner)?;
        Ok(found)
    }

    async fn act(
        &self,
        caller: &Caller,
        line: &LineId,
        ticket: TicketId,
        event: TicketEvent,
        once: Option<Idempotency>,
    ) -> Result<Committed<Ticket>, QueueError> {
        let partition = line.partition(caller.app_id())?;
        let mut looks = 0;
        loop {
            let place = self.place(&partition, ticket).await?;
            require_owner(caller, &place.owner)?;
            let acted = self
                .act_at(&partition, place, Some(event), once.clone())
                .await;
            looks += 1;
            match acted {
                Err(error) if is_moved(&error) && looks < LOOKS_MAX => {}
                acted => return acted,
            }
        }
    }

    /// Writes down that a call's grace has ended, if it has.
    pub(crate) async fn lapse(
        &self,
        app: &AppId,
        line: &LineId,
        ticket: TicketId,
    ) -> Result<Ticket, QueueError> {
        let partition = line.partition(app)?;
        let place = self.place(&partition, ticket).await?;
        let lapsed = self.act_at(&partition, place, None, None).await?;
        Ok(lapsed.answer)
    }

    async fn act_at(
        &self,
        partition: &Partition,
        place: Place,
        event: Option<TicketEvent>,
        once: Option<Idempotency>,
    ) -> Result<Committed<Ticket>, QueueError> {
        let mut command = act_command(partition, &place, event);
        if let Some(once) = once {
            command = command.once(once);
        }
        let act = Act { place, event };
        self.engine
            .run(command, move |family, now| desk::act(family, now, &act))
            .await
    }

    async fn place(&self, partition: &Partition, ticket: TicketId) -> Result<Place, QueueError> {
        let key = ticket_key(ticket);
        let command = Command::on(partition.clone()).key(&key);
        let family = self.engine.read(command).await?;
        if !family.exists() {
            return Err(QueueError::NoSuchLine);
        }
        let place = family.get::<Place>(&key)?.ok_or(QueueError::NoSuchTicket)?;
        Ok(Place::clone(&place))
    }

    /// Reads a ticket, wherever it stands.
    pub(super) async fn find(
        &self,
        partition: &Partition,
        ticket: TicketId,
    ) -> Result<Ticket, QueueError> {
        for _ in 0..LOOKS_MAX {
            let place = self.place(partition, ticket).await?;
            let keys = Shelf::ALL.map(|shelf| shelf.key(place.lane, place.sequence));
            let command = Command::on(partition.clone());
            let command = keys.iter().fold(command, |command, key| command.key(key));
            let family = self.engine.read(command).await?;
            for key in &keys {
                if let Some(found) = family.get::<Ticket>(key)? {
                    return Ok(Ticket::clone(&found).at(self.engine.now().max(family.at())));
                }
            }
        }
        Err(QueueError::NoSuchTicket)
    }
}

/// Addresses an event of one ticket: its own records, and where others wait if that matters.
fn act_command(partition: &Partition, place: &Place, event: Option<TicketEvent>) -> Command {
    let others_matter = matches!(event, Some(TicketEvent::Leave | TicketEvent::Requeue));
    let command = if others_matter {
        Desk::command(partition.clone())
    } else {
        Command::on(partition.clone())
    };
    let own = Shelf::ALL.map(|shelf| shelf.key(place.lane, place.sequence));
    let command = own.iter().fold(command, |command, key| command.key(key));
    command
        .key(&ticket_key(place.ticket))
        .key(&user_key(&place.owner))
}
