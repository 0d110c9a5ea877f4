use rusqlite::Result;
use tokio::sync::oneshot;

use super::{commit::Commits, delivery::Deliveries};
use crate::store::{
    Batch, Delivery, DueQuery, Partition, Settle, StoreError, StoreErrorKind, Version,
};

/// One thing that the writer is asked for, and whom to tell.
#[derive(Debug)]
pub(super) enum Job {
    Commit(Task<(Partition, Batch), Version>),
    Lease(Task<DueQuery, Vec<Delivery>>),
    Settle(Task<Vec<Settle>, Vec<bool>>),
}

/// What is asked, what came of it, and where the answer goes once it is durable.
#[derive(Debug)]
pub(super) struct Task<Q, A> {
    question: Q,
    answer: Answer<A>,
    reply: oneshot::Sender<Answer<A>>,
}

type Answer<A> = std::result::Result<A, StoreError>;

/// The statements that jobs are done with.
#[derive(Debug)]
pub(super) struct Statements<'c> {
    pub(super) commits: Commits<'c>,
    pub(super) deliveries: Deliveries<'c>,
}

impl<Q, A> Task<Q, A> {
    pub(super) fn new(question: Q) -> (Self, oneshot::Receiver<Answer<A>>) {
        let (reply, answer) = oneshot::channel();
        let task = Self {
            question,
            answer: Err(StoreError::new(
                StoreErrorKind::Unavailable,
                "commit",
                "not begun",
            )),
            reply,
        };
        (task, answer)
    }

    fn reply(self) {
        // Whoever asked may have gone away; what was done stays done.
        drop(self.reply.send(self.answer));
    }
}

impl Job {
    /// Does the job inside the transaction that is open.
    pub(super) fn run(&mut self, statements: &mut Statements<'_>) -> Result<()> {
        match self {
            Self::Commit(task) => {
                let (partition, batch) = &task.question;
                let version = statements.commits.apply(partition, batch)?;
                task.answer = version.ok_or_else(StoreError::conflict);
            }
            Self::Lease(task) => task.answer = Ok(statements.deliveries.lease(&task.question)?),
            Self::Settle(task) => {
                let each = task.question.iter();
                let held = each.map(|settle| statements.deliveries.settle(settle));
                task.answer = Ok(held.collect::<Result<_>>()?);
            }
        }
        Ok(())
    }

    /// Sends the answer.
    pub(super) fn reply(self) {
        match self {
            Self::Commit(task) => task.reply(),
            Self::Lease(task) => task.reply(),
            Self::Settle(task) => task.reply(),
        }
    }

    /// Answers that it failed.
    pub(super) fn fail(mut self, error: StoreError) {
        match &mut self {
            Self::Commit(task) => task.answer = Err(error),
            Self::Lease(task) => task.answer = Err(error),
            Self::Settle(task) => task.answer = Err(error),
        }
        self.reply();
    }

    /// Returns the name of the operation, for errors.
    pub(super) const fn op(&self) -> &'static str {
        match self {
            Self::Commit(_) => "commit",
            Self::Lease(_) => "due",
            Self::Settle(_) => "settle",
        }
    }

    /// Returns what the job has written if it is a commit that met no conflict.
    pub(super) const fn written(&self) -> Option<(&Partition, &Batch, Version)> {
        match self {
            Self::Commit(Task {
                question: (partition, batch),
                answer: Ok(version),
                ..
            }) => Some((partition, batch, *version)),
            _ => None,
        }
    }
}
