//! What happens later: notices to people, and the end of a call's grace.

use std::sync::Arc;

use mp_core::{
    Document, Error, Timestamp,
    id::{AppId, UserId},
    port::{Notification, Notifier},
    work::{self, Done, Handler, HandlerError},
};
use serde::{Deserialize, Serialize};

use crate::{
    error::newer_release,
    line::LineId,
    queues::Queues,
    ticket::{Ticket, TicketId, TicketNumber, TicketState},
};

/// Tells a person that they are called.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Called {
    app: AppId,
    line: LineId,
    ticket: TicketId,
    owner: UserId,
    number: TicketNumber,
    calls: u32,
    grace_ends_at: Option<Timestamp>,
}

impl Document for Called {
    const KIND: &'static str = "queue.called";
    const FORMAT: u32 = 1;
}

impl Called {
    pub(crate) fn of(ticket: &Ticket) -> Self {
        Self {
            app: ticket.app.clone(),
            line: ticket.line.clone(),
            ticket: ticket.id,
            owner: ticket.owner.clone(),
            number: ticket.number,
            calls: ticket.calls,
            grace_ends_at: ticket.grace_ends_at,
        }
    }

    /// Returns the message's key: one per call of a ticket.
    pub(crate) fn key(ticket: &Ticket) -> String {
        format!("{}.{}", ticket.id, ticket.calls)
    }
}

/// Tells a person that their turn is near.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Near {
    app: AppId,
    line: LineId,
    ticket: TicketId,
    owner: UserId,
    number: TicketNumber,
    sequence: u32,
    ahead: u32,
}

impl Document for Near {
    const KIND: &'static str = "queue.near";
    const FORMAT: u32 = 1;
}

impl Near {
    pub(crate) fn of(ticket: &Ticket, ahead: u32) -> Self {
        Self {
            app: ticket.app.clone(),
            line: ticket.line.clone(),
            ticket: ticket.id,
            owner: ticket.owner.clone(),
            number: ticket.number,
            sequence: ticket.sequence,
            ahead,
        }
    }

    /// Returns the message's key: one per place of a ticket.
    pub(crate) fn key(ticket: &Ticket) -> String {
        format!("{}.{}", ticket.id, ticket.sequence)
    }
}

/// Ends a call whose grace is over.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct NoShowDue {
    app: AppId,
    line: LineId,
    ticket: TicketId,
}

impl Document for NoShowDue {
    const KIND: &'static str = "queue.no_show";
    const FORMAT: u32 = 1;
}

impl NoShowDue {
    pub(crate) fn of(ticket: &Ticket) -> Self {
        Self {
            app: ticket.app.clone(),
            line: ticket.line.clone(),
            ticket: ticket.id,
        }
    }
}

/// Returns the handlers of everything that the queues do later.
pub(crate) fn handlers(queues: &Queues, notifier: Arc<dyn Notifier>) -> Vec<Arc<dyn Handler>> {
    vec![
        called_handler(queues, notifier.clone()),
        near_handler(queues, notifier),
        no_show_handler(queues),
    ]
}

fn called_handler(queues: &Queues, notifier: Arc<dyn Notifier>) -> Arc<dyn Handler> {
    let engine = queues.engine().clone();
    work::on(move |_, called: Called| {
        let (engine, notifier) = (engine.clone(), notifier.clone());
        async move {
            // Nobody is sent to a counter that has stopped expecting them.
            if called.grace_ends_at.is_some_and(|end| end > engine.now()) {
                let key = format!("{}/{}.{}", Called::KIND, called.ticket, called.calls);
                let notification = notification(key, &called.app, &called.owner, &called)?;
                tell(&*notifier, &notification).await?;
            }
            Ok(Done::Finished)
        }
    })
}

fn near_handler(queues: &Queues, notifier: Arc<dyn Notifier>) -> Arc<dyn Handler> {
    let engine = queues.engine().clone();
    work::on(move |_, near: Near| {
        let (engine, notifier) = (engine.clone(), notifier.clone());
        async move {
            // Nobody is sent to a line that nobody calls any more. Whose ticket waits no more is not told
            // either: the step that ended that has taken the message back.
            if !near.line.day.is_over(engine.now()) {
                let key = format!("{}/{}.{}", Near::KIND, near.ticket, near.sequence);
                let notification = notification(key, &near.app, &near.owner, &near)?;
                tell(&*notifier, &notification).await?;
            }
            Ok(Done::Finished)
        }
    })
}

/// Hands a notification over; the host's error, of whatever kind, says nothing about the delivery.
async fn tell(notifier: &dyn Notifier, notification: &Notification) -> Result<(), HandlerError> {
    let told = notifier.notify(notification).await;
    told.map_err(HandlerError::Retry)
}

fn no_show_handler(queues: &Queues) -> Arc<dyn Handler> {
    let queues = queues.clone();
    work::on(move |_, due: NoShowDue| {
        let queues = queues.clone();
        async move {
            let lapsed = queues.lapse(&due.app, &due.line, due.ticket).await;
            match lapsed.map_err(Error::from) {
                Ok(ticket) => done_with(&ticket),
                // Nobody is expected at a line that was archived.
                Err(error) if error.code() == "archived" => Ok(Done::Finished),
                Err(error) => Err(error.into()),
            }
        }
    })
}

/// Returns what is left of ending a call, once its ticket was looked at.
fn done_with(ticket: &Ticket) -> Result<Done, HandlerError> {
    match (ticket.state, ticket.grace_ends_at) {
        // This process's clock is behind the one that leased the work.
        (TicketState::Called, Some(end)) => Ok(Done::Again(end)),
        (TicketState::Unrecognized, _) => Err(newer_release().into()),
        _ => Ok(Done::Finished),
    }
}

fn notification<M: Document>(
    key: String,
    app: &AppId,
    user: &UserId,
    message: &M,
) -> Result<Notification, Error> {
    let details = serde_json::to_value(message).map_err(|error| {
        Error::invalid("notice", "does not serialise as JSON").with_source(error)
    })?;
    Ok(Notification {
        key,
        app: app.clone(),
        user: user.clone(),
        topic: M::KIND.to_owned(),
        details,
    })
}
