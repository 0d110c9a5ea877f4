//! The service that hosts call.

mod joining;
mod line;
mod position;
mod ticket;

use std::sync::Arc;

use mp_core::{
    Caller, Command, Committed, Engine, Family, Scope,
    engine::Planned,
    follow::Followers,
    host::Operation,
    id::{IdempotencyKey, UserId},
    idempotency::Idempotency,
    port::Notifier,
    work::Handler,
};
use serde::Serialize;

use self::joining::Asked;
use crate::{
    desk::{self, CallFrom, Desk, Joined},
    error::QueueError,
    line::LineId,
    operation,
    position::LineIndex,
    ticket::Ticket,
    work,
};

/// The right to open and close lines and to call, serve and recall tickets.
pub const QUEUE_STAFF: Scope = Scope::of("queue:staff");

/// How [`Queues`] work.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct QueueOptions {
    /// The most lines whose positions are kept in memory; 256 by default.
    pub lines_followed_max: usize,
}

impl Default for QueueOptions {
    fn default() -> Self {
        Self {
            lines_followed_max: 256,
        }
    }
}

impl QueueOptions {
    /// Keeps the positions of at most this many lines in memory; zero counts as one.
    #[must_use]
    pub const fn with_lines_followed_max(mut self, lines: usize) -> Self {
        self.lines_followed_max = lines;
        self
    }
}

/// Virtual queues: lines that are opened, joined, called from and followed.
///
/// It is cheap to clone. Users see and leave their own tickets; who has [`Scope::STAFF`] or
/// [`QUEUE_STAFF`] works the counter; another app sees nothing.
///
/// # Examples
///
/// See the [front page](crate).
#[derive(Clone, Debug)]
pub struct Queues {
    engine: Engine,
    followers: Arc<Followers<LineIndex>>,
}

impl Queues {
    /// Joins the queues to an engine.
    #[must_use]
    pub fn new(engine: &Engine, options: &QueueOptions) -> Self {
        let followers = Followers::new(engine, options.lines_followed_max);
        Self {
            engine: engine.clone(),
            followers: Arc::new(followers),
        }
    }

    /// Takes a ticket for the signed-in user's party.
    ///
    /// One user holds at most one live ticket of a line, and takes at most
    /// [`TICKETS_EACH_MAX`](crate::line::TICKETS_EACH_MAX). The same key is answered with the same
    /// ticket, however often and however late it is delivered.
    ///
    /// # Errors
    ///
    /// `no_such_line`, `line_closed`, `line_full`, `no_lane`, `already_in_line`,
    /// `too_many_attempts`; `unauthenticated`, `idempotency_conflict`, and the store's errors.
    pub async fn join(
        &self,
        caller: &Caller,
        line: &LineId,
        party: u32,
        key: &IdempotencyKey,
    ) -> Result<Committed<Joined>, QueueError> {
        let mut asked = Asked::of(caller, line, party, key)?;
        loop {
            let (command, join) = (asked.command(), asked.join.clone());
            let decide = move |family: &Family, now| desk::join(family, now, &join);
            match self.engine.run(command, decide).await {
                Err(refusal) => asked.look(refusal)?,
                Ok(joined) => return Ok(joined),
            }
        }
    }

    /// Decides a [`join`](Self::join) without committing it: for a host that commits it with its
    /// own data, such as the order that goes with the ticket.
    ///
    /// # Errors
    ///
    /// As [`join`](Self::join).
    pub async fn plan_join(
        &self,
        caller: &Caller,
        line: &LineId,
        party: u32,
        key: &IdempotencyKey,
    ) -> Result<Planned<Joined>, QueueError> {
        let mut asked = Asked::of(caller, line, party, key)?;
        loop {
            let (command, join) = (asked.command(), asked.join.clone());
            let decide = move |family: &Family, now| desk::join(family, now, &join);
            match self.engine.plan(command, decide).await {
                Err(refusal) => asked.look(refusal)?,
                Ok(joined) => return Ok(joined),
            }
        }
    }

    /// Calls the next ticket to the counter.
    ///
    /// # Errors
    ///
    /// `nobody_waits`, which is not remembered under the key: a later call may find somebody;
    /// `no_such_line`, `no_such_lane`; `forbidden`, `idempotency_conflict`, and the store's errors.
    pub async fn call_next(
        &self,
        caller: &Caller,
        line: &LineId,
        from: CallFrom,
        key: &IdempotencyKey,
    ) -> Result<Committed<Ticket>, QueueError> {
        let command = call_command(caller, line, from, key)?;
        self.engine
            .run(command, move |family, now| {
                desk::call_next(family, now, from)
            })
            .await
    }

    /// Decides a [`call_next`](Self::call_next) without committing it: for a host that commits it
    /// with its own data, such as the table that the party gets.
    ///
    /// # Errors
    ///
    /// As [`call_next`](Self::call_next).
    pub async fn plan_call_next(
        &self,
        caller: &Caller,
        line: &LineId,
        from: CallFrom,
        key: &IdempotencyKey,
    ) -> Result<Planned<Ticket>, QueueError> {
        let command = call_command(caller, line, from, key)?;
        self.engine
            .plan(command, move |family, now| {
                desk::call_next(family, now, from)
            })
            .await
    }

    /// Returns the handlers for a worker: they tell people that they are called or that their turn
    /// is near (topics `queue.called` and `queue.near`), and end calls whose grace is over.
    #[must_use]
    pub fn handlers(&self, notifier: Arc<dyn Notifier>) -> Vec<Arc<dyn Handler>> {
        work::handlers(self, notifier)
    }

    /// Returns the operations to register with a host.
    #[must_use]
    pub fn operations(&self) -> Vec<Operation> {
        operation::all(self)
    }

    pub(crate) const fn engine(&self) -> &Engine {
        &self.engine
    }
}

fn call_command(
    caller: &Caller,
    line: &LineId,
    from: CallFrom,
    key: &IdempotencyKey,
) -> Result<Command, QueueError> {
    caller.require(&QUEUE_STAFF)?;
    let once = once(caller, "queue.call_next", key, &(line, from))?;
    Ok(Desk::command(line.partition(caller.app_id())?).once(once))
}

fn once(
    caller: &Caller,
    operation: &str,
    key: &IdempotencyKey,
    command: &impl Serialize,
) -> Result<Idempotency, QueueError> {
    Ok(Idempotency::new(caller, operation, key, command)?)
}

/// Refuses what is not the caller's, without telling that it exists.
fn require_owner(caller: &Caller, owner: &UserId) -> Result<(), QueueError> {
    if caller.has(&QUEUE_STAFF) || caller.user_id() == Some(owner) {
        Ok(())
    } else {
        Err(QueueError::NoSuchTicket)
    }
}
