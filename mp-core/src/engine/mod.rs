//! Loads, decides, commits: the one way by which a state machine's decision becomes durable.
//!
//! Commands on one partition are *combined*: those that arrive while a commit is on its way are
//! decided in order against the state in memory and committed as one batch. The state is dropped
//! on a conflict and on an unknown outcome, and no refusal is given on a state that may be stale;
//! so several processes on one store stay correct, and one is fast.

mod address;
mod ahead;
mod answers;
mod arrivals;
mod combiner;
mod command;
mod decision;
mod encoding;
mod entry;
mod family;
mod fate;
mod job;
mod mailbox;
mod prune;
mod runner;
mod turn;

use std::{fmt, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::Notify;

use self::{
    combiner::Combiner,
    decision::Edit,
    job::{Decide, Job},
};
pub use self::{
    command::{Command, Committed},
    decision::{Decision, Edits},
    family::Family,
};
use crate::{
    clock::{Clock, Timestamp},
    entropy::Entropy,
    error::{Error, ErrorKind},
    store::{Batch, CommitId, Partition, Store},
};

/// The store, the clock and the chance that a host supplies, and the combiner over them.
///
/// It is cheap to clone; all services of a process share one.
///
/// ```
/// use std::sync::Arc;
/// use mp_core::{Engine, clock::SystemClock, entropy::SystemEntropy, store::MemoryStore};
///
/// let engine = Engine::new(
///     Arc::new(MemoryStore::new()),
///     Arc::new(SystemClock),
///     Arc::new(SystemEntropy::new()),
/// );
/// assert!(engine.now() > "2026-01-01T00:00:00Z".parse()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Engine {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    combiner: Arc<Combiner>,
}

/// A decision that was taken but not committed: for a host that commits it with its own data.
#[derive(Debug)]
pub struct Planned<T> {
    /// What was decided.
    pub answer: T,
    /// Where.
    pub partition: Partition,
    /// What to commit; `None` if nothing changes. A conflict means: plan again.
    pub batch: Option<Batch>,
}

impl<T> Planned<T> {
    /// Replaces the answer.
    #[must_use]
    pub fn map<U>(self, map: impl FnOnce(T) -> U) -> Planned<U> {
        Planned {
            answer: map(self.answer),
            partition: self.partition,
            batch: self.batch,
        }
    }
}

impl Engine {
    /// Joins what the host supplies.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        let combiner = Arc::new(Combiner::new(store.clone(), clock.clone(), entropy.clone()));
        Self {
            store,
            clock,
            entropy,
            combiner,
        }
    }

    /// Returns the store.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Returns the clock.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Returns the present moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Returns what is notified when this process commits work of the kind that is due at once.
    pub(crate) fn arrival_of(&self, kind: &str) -> Arc<Notify> {
        self.combiner.arrivals.of(kind)
    }

    /// Returns `N` random bytes.
    #[must_use]
    pub fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.entropy.fill(&mut bytes);
        bytes
    }

    /// Decides, commits and answers.
    ///
    /// `decide` is a pure function of the family and the time. It may run several times, on newer
    /// states, and only the decision that was committed is answered. Dropping the future neither
    /// loses nor doubles the command: once accepted it is carried out.
    ///
    /// # Errors
    ///
    /// What `decide` refuses; else `idempotency_conflict`, `contended`, `busy`, `archived`, and the
    /// store's errors. After any error but one of kind [`ErrorKind::Unknown`] nothing was written.
    pub async fn run<T, E, F>(&self, command: Command, decide: F) -> Result<Committed<T>, E>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
        E: From<Error> + Send + 'static,
        F: Fn(&Family, Timestamp) -> Result<Decision<T>, E> + Send + 'static,
    {
        let partition = command.partition().clone();
        let (job, answer) = Decide::new(command, decide);
        self.combiner.accept(&partition, job)?;
        answer.await.unwrap_or_else(|_| Err(abandoned().into()))
    }

    /// Decides without committing.
    ///
    /// One batch in 64 also deletes remembered answers that have lapsed, as commits of
    /// [`run`](Self::run) do.
    ///
    /// # Errors
    ///
    /// What `decide` refuses; else the store's errors.
    pub async fn plan<T, E, F>(&self, command: Command, decide: F) -> Result<Planned<T>, E>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
        E: From<Error> + Send + 'static,
        F: Fn(&Family, Timestamp) -> Result<Decision<T>, E> + Send + 'static,
    {
        let partition = command.partition().clone();
        let (job, _) = Decide::new(command, decide);
        let (mut family, now) = self
            .combiner
            .load(&partition, |now, wanted| job.reads(now, wanted))
            .await?;
        let (answer, _, edits) = job.decision(&family, now)?;
        family.apply(edits);
        let changes = family.edited() > 0;
        let mut batch = changes
            .then(|| family.send(CommitId::random(), now))
            .transpose()?;
        if let Some(batch) = &mut batch {
            self.combiner.prune_with(&partition, batch).await;
        }
        Ok(Planned {
            answer,
            partition,
            batch,
        })
    }

    /// Reads records for an answer that decides nothing.
    ///
    /// # Errors
    ///
    /// `archived`; the store's errors.
    pub async fn read(&self, command: Command) -> Result<Family, Error> {
        let (family, _) = self
            .combiner
            .load(command.partition(), |now, wanted| {
                command.reads(now, wanted)
            })
            .await?;
        family.demand_live()?;
        Ok(family)
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("store", &self.store)
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}

/// The error of a command whose decision broke off: it panicked, or the runtime shut down.
fn abandoned() -> Error {
    let message = "the command broke off before its outcome was known";
    Error::new(ErrorKind::Unknown, "abandoned", message)
}
