use std::{
    fmt,
    sync::Arc,
    thread::{self, JoinHandle},
};

use mp_core::store::{StoreError, StoreErrorKind};
use redb::{CommitError, Database, Error};
use tokio::sync::{mpsc, oneshot};

use crate::{
    error::{closed, store_error},
    tables::Tables,
};

/// The most jobs that share one transaction.
const GROUP_MAX: usize = 256;

/// The most jobs that wait; whoever comes on top waits to be let in.
const WAITING_MAX: usize = 4_096;

/// The thread that writes: what many callers ask for meanwhile shares its next transaction.
///
/// Dropping it has it do what was accepted, and waits for its end.
pub(crate) struct Writer {
    jobs: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread.
    pub(crate) fn start(database: Arc<Database>) -> std::io::Result<Self> {
        let (sender, jobs) = mpsc::channel(WAITING_MAX);
        let run = move || perform_all(&database, jobs);
        let thread = thread::Builder::new().name("redb-writer".to_owned());
        Ok(Self {
            jobs: Some(sender),
            thread: Some(thread.spawn(run)?),
        })
    }

    /// Returns whether nothing can be written any more, and what was written is uncertain.
    pub(crate) fn has_failed(&self) -> bool {
        self.jobs.as_ref().is_none_or(mpsc::Sender::is_closed)
    }

    /// Has the thread act inside a transaction, and answers when that is durable.
    pub(crate) async fn perform<A: Send + 'static>(
        &self,
        op: &'static str,
        act: impl FnOnce(&mut Tables<'_>) -> Result<A, Error> + Send + 'static,
    ) -> Result<A, StoreError> {
        let (reply, answer) = oneshot::channel();
        let task = Task {
            op,
            act: Some(act),
            answer: None,
            reply,
        };
        let jobs = self.jobs.as_ref().ok_or_else(|| closed(op))?;
        jobs.send(Box::new(task)).await.map_err(|_| closed(op))?;
        answer
            .await
            .unwrap_or_else(|error| Err(StoreError::new(StoreErrorKind::Unknown, op, error)))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // If it panicked, those who wait for an answer have been told.
            drop(thread.join());
        }
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

/// Something to do inside a transaction, and whom to tell.
trait Job: Send {
    fn run(&mut self, tables: &mut Tables<'_>) -> Result<(), Error>;
    fn reply(self: Box<Self>, fate: &Fate);
}

/// What became of a transaction.
enum Fate {
    Durable,
    /// Nothing was written.
    Failed(Arc<Error>),
    Unknown(Arc<Error>),
}

struct Task<F, A> {
    op: &'static str,
    act: Option<F>,
    answer: Option<A>,
    reply: oneshot::Sender<Result<A, StoreError>>,
}

impl<F, A> Job for Task<F, A>
where
    F: FnOnce(&mut Tables<'_>) -> Result<A, Error> + Send,
    A: Send,
{
    fn run(&mut self, tables: &mut Tables<'_>) -> Result<(), Error> {
        if let Some(act) = self.act.take() {
            self.answer = Some(act(tables)?);
        }
        Ok(())
    }

    fn reply(self: Box<Self>, fate: &Fate) {
        let answer = match (fate, self.answer) {
            (Fate::Durable, Some(answer)) => Ok(answer),
            (Fate::Failed(error), _) => Err(store_error(self.op, error.clone())),
            (Fate::Unknown(error), _) => {
                let error = error.clone();
                Err(StoreError::new(StoreErrorKind::Unknown, self.op, error))
            }
            (Fate::Durable, None) => return,
        };
        // Whoever asked may have gone away; what was done stays done.
        drop(self.reply.send(answer));
    }
}

fn perform_all(database: &Database, mut jobs: mpsc::Receiver<Box<dyn Job>>) {
    let mut group = Vec::with_capacity(GROUP_MAX);
    while jobs.blocking_recv_many(&mut group, GROUP_MAX) > 0 {
        let fate = perform(database, &mut group);
        if matches!(fate, Fate::Unknown(_)) {
            // Until the file is opened again nobody can tell what is in it; reads stop as well,
            // lest a caller find the head unmoved and take the commit for lost.
            jobs.close();
        }
        group.drain(..).for_each(|job| job.reply(&fate));
    }
}

fn perform(database: &Database, group: &mut [Box<dyn Job>]) -> Fate {
    let attempt = || {
        let transaction = database.begin_write()?;
        let mut tables = Tables::open(&transaction)?;
        for job in group {
            job.run(&mut tables)?;
        }
        drop(tables);
        Ok::<_, Error>(transaction)
    };
    // Dropped before its commit, the transaction leaves nothing behind.
    match attempt().map(|transaction| transaction.commit()) {
        Ok(Ok(())) => Fate::Durable,
        Ok(Err(error @ CommitError::TransactionPoisoned)) => Fate::Failed(Arc::new(error.into())),
        Ok(Err(error)) => Fate::Unknown(Arc::new(error.into())),
        Err(error) => Fate::Failed(Arc::new(error)),
    }
}
