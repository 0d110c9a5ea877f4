//! The operations that a host registers: the queues' methods as JSON.

mod input;

use std::{future::Future, time::Duration};

use mp_core::{Caller, Committed, Scope, host::Operation, id::IdempotencyKey};

use self::input::{AskPosition, CallNext, JoinLine, OfLine, OfTicket, OpenLine};
use crate::{
    error::QueueError,
    line::LineId,
    queues::{QUEUE_STAFF, Queues},
};

/// The right to see lines and one's own tickets: asked for by a [`Host`](mp_core::host::Host). A typed call
/// asks only whose the ticket is.
pub const QUEUE_READ: Scope = Scope::of("queue:read");

/// The right to take tickets and to give up one's own: asked for by a [`Host`](mp_core::host::Host), as
/// [`QUEUE_READ`] is.
pub const QUEUE_WRITE: Scope = Scope::of("queue:write");

/// Returns every operation of the queues.
pub(crate) fn all(queues: &Queues) -> Vec<Operation> {
    [lines(queues), visits(queues), counter(queues)].concat()
}

fn lines(queues: &Queues) -> Vec<Operation> {
    vec![
        Operation::reversible(
            "queue.open_line",
            "Opens a queue's line for one service day, with its lanes by party size.",
            QUEUE_STAFF,
            with(queues, |queues, caller, input: OpenLine, key| async move {
                let line = LineId::new(input.queue, input.day);
                answer(queues.open_line(&caller, &line, input.setup, &key).await)
            }),
        ),
        Operation::reversible(
            "queue.close_line",
            "Stops giving out tickets; whoever waits is still called.",
            QUEUE_STAFF,
            with(queues, |queues, caller, input: OfLine, key| async move {
                answer(queues.close_line(&caller, &input.line(), &key).await)
            }),
        ),
        Operation::reversible(
            "queue.reopen_line",
            "Gives out tickets again.",
            QUEUE_STAFF,
            with(queues, |queues, caller, input: OfLine, key| async move {
                answer(queues.reopen_line(&caller, &input.line(), &key).await)
            }),
        ),
        Operation::read(
            "queue.line",
            "Returns a line as it stands: lanes, counts, the numbers called last.",
            QUEUE_READ,
            reading(queues, |queues, caller, input: OfLine| async move {
                queues.line(&caller, &input.line()).await
            }),
        ),
    ]
}

fn visits(queues: &Queues) -> Vec<Operation> {
    vec![
        Operation::reversible(
            "queue.join",
            "Takes a ticket for the signed-in user's party, with a wait quote.",
            QUEUE_WRITE,
            with(queues, |queues, caller, input: JoinLine, key| async move {
                let line = LineId::new(input.queue, input.day);
                answer(queues.join(&caller, &line, input.party, &key).await)
            }),
        ),
        Operation::reversible(
            "queue.leave",
            "Gives up a ticket.",
            QUEUE_WRITE,
            with(queues, |queues, caller, input: OfTicket, _| async move {
                answer(queues.leave(&caller, &input.line(), input.ticket).await)
            }),
        ),
        Operation::read(
            "queue.ticket",
            "Returns a ticket as it is now.",
            QUEUE_READ,
            reading(queues, |queues, caller, input: OfTicket| async move {
                queues.ticket(&caller, &input.line(), input.ticket).await
            }),
        ),
        Operation::read(
            "queue.position",
            "Returns exactly how many wait before a ticket, and how long it will still take.",
            QUEUE_READ,
            reading(queues, |queues, caller, input: AskPosition| async move {
                let line = LineId::new(input.queue, input.day);
                let staleness = Duration::from_millis(input.staleness_ms);
                queues
                    .position(&caller, &line, input.ticket, staleness)
                    .await
            }),
        ),
    ]
}

fn counter(queues: &Queues) -> Vec<Operation> {
    vec![
        Operation::reversible(
            "queue.call_next",
            "Calls the next ticket of a lane, or the one that has waited longest.",
            QUEUE_STAFF,
            with(queues, |queues, caller, input: CallNext, key| async move {
                let line = LineId::new(input.queue, input.day);
                answer(queues.call_next(&caller, &line, input.from, &key).await)
            }),
        ),
        Operation::reversible(
            "queue.serve",
            "Notes that a called person came.",
            QUEUE_STAFF,
            with(queues, |queues, caller, input: OfTicket, _| async move {
                answer(queues.serve(&caller, &input.line(), input.ticket).await)
            }),
        ),
        Operation::reversible(
            "queue.no_show",
            "Notes that a called person did not come.",
            QUEUE_STAFF,
            with(queues, |queues, caller, input: OfTicket, key| async move {
                answer(
                    queues
                        .no_show(&caller, &input.line(), input.ticket, &key)
                        .await,
                )
            }),
        ),
        Operation::reversible(
            "queue.recall",
            "Takes a call back: the ticket waits again at its old place.",
            QUEUE_STAFF,
            with(queues, |queues, caller, input: OfTicket, key| async move {
                answer(
                    queues
                        .recall(&caller, &input.line(), input.ticket, &key)
                        .await,
                )
            }),
        ),
        Operation::reversible(
            "queue.requeue",
            "Lets a ticket that was called in vain wait again, at the end under a new number.",
            QUEUE_STAFF,
            with(queues, |queues, caller, input: OfTicket, key| async move {
                answer(
                    queues
                        .requeue(&caller, &input.line(), input.ticket, &key)
                        .await,
                )
            }),
        ),
    ]
}

fn answer<T>(committed: Result<Committed<T>, QueueError>) -> Result<T, QueueError> {
    committed.map(|committed| committed.answer)
}

/// Gives each call of a handler with an effect its own clone of the queues.
fn with<I, R>(
    queues: &Queues,
    handler: impl Fn(Queues, Caller, I, IdempotencyKey) -> R + Send + Sync + Clone + 'static,
) -> impl Fn(Caller, I, IdempotencyKey) -> R + Send + Sync + Clone + 'static
where
    R: Future + Send + 'static,
{
    let queues = queues.clone();
    move |caller, input, key| handler(queues.clone(), caller, input, key)
}

/// The same for a handler that changes nothing.
fn reading<I, R>(
    queues: &Queues,
    handler: impl Fn(Queues, Caller, I) -> R + Send + Sync + Clone + 'static,
) -> impl Fn(Caller, I) -> R + Send + Sync + Clone + 'static
where
    R: Future + Send + 'static,
{
    let queues = queues.clone();
    move |caller, input| handler(queues.clone(), caller, input)
}
