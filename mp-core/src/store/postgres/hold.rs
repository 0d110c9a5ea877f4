//! Holds: a transaction that locks a head, reads, and waits for what its owner decides.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use deadpool_postgres::Object;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_postgres::{Row, Statement, types::ToSql};

use super::{
    PostgresStore,
    column::slot,
    commit,
    connections::Connections,
    error::{Failure, Fate},
    hint::Hints,
    queue::Job,
    reader,
};
use crate::store::{Batch, Held, Hold, Partition, Query, StoreError, StoreErrorKind, Version};

/// Waits for whoever holds the partition now; so many wait in the order in which they came.
const LOCK: &str = "
SELECT true FROM mp_partition WHERE slot = $1 AND partition = $2 FOR NO KEY UPDATE";

/// How long a partition is held for an owner who does nothing: one whose process stands still would
/// keep it from everybody. The session ends with the hold.
const HOLD_MAX: Duration = Duration::from_secs(1);

/// Begins a transaction each statement of which sees what was committed before it: so what is read
/// after the lock is what is there while it is held.
fn begin() -> String {
    let millis = HOLD_MAX.as_millis();
    format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED;
         SET LOCAL idle_in_transaction_session_timeout = {millis}"
    )
}

/// The holds that a store gives.
#[derive(Clone, Debug)]
pub(super) struct Holds {
    connections: Connections,
    hints: Arc<Hints>,
    transactions: Arc<AtomicU64>,
    /// Leaves connections to those who read.
    room: Arc<Semaphore>,
}

impl Holds {
    pub(super) fn new(
        connections: &Connections,
        most: usize,
        hints: &Arc<Hints>,
        transactions: &Arc<AtomicU64>,
    ) -> Self {
        Self {
            connections: connections.clone(),
            hints: hints.clone(),
            transactions: transactions.clone(),
            room: Arc::new(Semaphore::new(most)),
        }
    }

    /// Holds a partition and reads it; nothing if there is no room, or it went wrong: then the caller
    /// does without, and meets whatever is the matter there.
    pub(super) async fn hold(&self, partition: &Partition, query: &Query) -> Option<Held> {
        let room = self.room.clone().try_acquire_owned().ok()?;
        let connection = self.connections.get().await.ok()?;
        let mut session = Session {
            connection: Some(connection),
            commit: None,
            answered: Instant::now(),
            _room: room,
        };
        let rows = session.begin(&self.connections, partition, query).await;
        let rows = rows.inspect_err(|failure| tracing::debug!(?failure, "not held"));
        if rows.as_ref().is_err_and(Failure::ends_session) {
            return None;
        }
        let view = rows
            .ok()
            .map(|rows| reader::view("hold", &rows, query.limit));
        let Some(Ok(view)) = view else {
            session.roll_back(&self.connections).await;
            return None;
        };
        let hold = Box::new(RowLock {
            session,
            partition: partition.clone(),
            holds: self.clone(),
        });
        Some(Held { view, hold })
    }
}

/// A session with an open transaction; dropped before its end it takes the session with it.
#[derive(Debug)]
struct Session {
    connection: Option<Object>,
    /// Prepared with the transaction.
    commit: Option<Statement>,
    /// When the server last answered: since then it has waited, at most.
    answered: Instant,
    _room: OwnedSemaphorePermit,
}

impl Session {
    /// Begins a transaction, locks the head and reads, all in one go.
    async fn begin(
        &mut self,
        connections: &Connections,
        partition: &Partition,
        query: &Query,
    ) -> Result<Vec<Row>, Failure> {
        let connection = self.connection.as_ref().ok_or_else(gone)?;
        let (slot, id) = (slot(partition), partition.id());
        let (begin, head): (_, [&(dyn ToSql + Sync); 2]) = (begin(), [&slot, &id]);
        let prepared = async {
            // Also what is needed later: nobody is to wait for it while the head is locked.
            connection.prepare_cached(reader::READ).await?;
            let commit = connection.prepare_cached(commit::COMMIT).await?;
            Ok((connection.prepare_cached(LOCK).await?, commit))
        };
        let (lock, commit) = connections.answer(prepared).await?;
        let all = async {
            // In this order they are sent, and the server carries them out.
            let (begun, locked, rows) = tokio::join!(
                biased;
                connection.batch_execute(&begin),
                connection.query(&lock, &head),
                reader::rows(connection, partition, query),
            );
            begun?;
            locked?;
            rows
        };
        let rows = connections.answer(all).await?;
        self.commit = Some(commit);
        self.answered = Instant::now();
        Ok(rows)
    }

    /// Applies a batch and ends the transaction, in one go; returns whether the batch was applied.
    ///
    /// Nothing is sent if the hold may have ended by then: an answer that does not come tells nothing.
    async fn commit(&self, connections: &Connections, job: &Job) -> Result<bool, Failure> {
        let (connection, statement) = self
            .connection
            .as_ref()
            .zip(self.commit.as_ref())
            .ok_or_else(gone)?;
        if connection.is_closed() || self.answered.elapsed() > HOLD_MAX / 2 {
            return Err(gone());
        }
        let all = async {
            let (applied, committed) = tokio::join!(
                biased;
                commit::apply_on(connection, statement, connections.distribution(), job),
                connection.batch_execute("COMMIT"),
            );
            let applied = applied?;
            committed?;
            Ok(applied)
        };
        let applied = connections.answer(all).await;
        applied.map_err(Failure::of_open_transaction)
    }

    /// Ends the transaction, with nothing changed.
    async fn roll_back(self, connections: &Connections) {
        if let Some(connection) = &self.connection
            && connections
                .answer(connection.batch_execute("ROLLBACK"))
                .await
                .is_ok()
        {
            self.end();
        }
    }

    /// Gives the session back, its transaction being over.
    fn end(mut self) {
        self.connection = None;
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            drop(Object::take(connection));
        }
    }
}

fn gone() -> Failure {
    Failure::new(Fate::NotRun, "the hold has ended")
}

/// The lock on a partition's head.
#[derive(Debug)]
struct RowLock {
    session: Session,
    partition: Partition,
    holds: Holds,
}

#[async_trait]
impl Hold for RowLock {
    async fn commit(self: Box<Self>, batch: Batch) -> Result<Version, StoreError> {
        let job = PostgresStore::job(self.partition.clone(), batch)?.0;
        let Self { session, holds, .. } = *self;
        let applied = session.commit(&holds.connections, &job).await;
        if !applied.as_ref().is_err_and(Failure::ends_session) {
            session.end();
        }
        let unknown = StoreErrorKind::Unknown;
        if !applied.map_err(|failure| failure.store_error("commit", unknown))? {
            return Err(StoreError::conflict());
        }
        holds.transactions.fetch_add(1, Ordering::Relaxed);
        holds.hints.consider(std::slice::from_ref(&job));
        Ok(job.next())
    }

    async fn release(self: Box<Self>) {
        let Self { session, holds, .. } = *self;
        session.roll_back(&holds.connections).await;
    }
}
