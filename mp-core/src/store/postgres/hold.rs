//! Holds: a transaction that locks a head, reads, and waits for what its owner decides.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use deadpool_postgres::Object;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_postgres::types::ToSql;

use super::{
    PostgresStore, column::slot, commit, connections::Connections, error::Failure, hint::Hints,
    queue::Job, reader,
};
use crate::store::{
    Batch, Held, Hold, Partition, Query, StoreError, StoreErrorKind, Version, View,
};

/// Waits for whoever holds the partition now; so many wait in the order in which they came.
const LOCK: &str = "
SELECT true FROM mp_partition WHERE slot = $1 AND partition = $2 FOR NO KEY UPDATE";

/// Each statement sees what was committed before it: so what is read after the lock is what is there
/// while it is held.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

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
        let session = Session {
            connection: Some(connection),
            _room: room,
        };
        let view = session.begin(&self.connections, partition, query).await;
        let view = view
            .inspect_err(|failure| tracing::debug!(?failure, "not held"))
            .ok()?;
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
    _room: OwnedSemaphorePermit,
}

impl Session {
    /// Begins a transaction, locks the head and reads, all in one go.
    async fn begin(
        &self,
        connections: &Connections,
        partition: &Partition,
        query: &Query,
    ) -> Result<View, StoreError> {
        const OP: &str = "hold";
        let Some(connection) = &self.connection else {
            return Err(gone(OP));
        };
        let (slot, id) = (slot(partition), partition.id());
        let all = async {
            let lock = connection.prepare_cached(LOCK).await?;
            let head: [&(dyn ToSql + Sync); 2] = [&slot, &id];
            // In this order the server carries them out.
            let (begun, locked, rows) = tokio::join!(
                connection.batch_execute(BEGIN),
                connection.query(&lock, &head),
                reader::rows(connection, partition, query),
            );
            begun?;
            locked?;
            rows
        };
        let rows = connections.answer(all).await;
        let rows = rows.map_err(|failure| failure.store_error(OP, StoreErrorKind::Unavailable))?;
        reader::view(OP, &rows, query.limit)
    }

    /// Applies a batch and ends the transaction, in one go; returns whether the batch was applied.
    async fn commit(&self, connections: &Connections, job: &Job) -> Result<bool, StoreError> {
        const OP: &str = "commit";
        let Some(connection) = &self.connection else {
            return Err(gone(OP));
        };
        let distribution = connections.distribution();
        let all = async {
            let statement = connection.prepare_cached(commit::COMMIT).await?;
            let (applied, committed) = tokio::join!(
                commit::apply_on(connection, &statement, distribution, job),
                connection.batch_execute("COMMIT"),
            );
            let applied = applied?;
            committed?;
            Ok(applied)
        };
        let applied = connections.answer(all).await;
        applied.map_err(|failure: Failure| failure.store_error(OP, StoreErrorKind::Unknown))
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

fn gone(op: &'static str) -> StoreError {
    StoreError::new(
        StoreErrorKind::Unavailable,
        op,
        "the session was given back",
    )
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
        let job = PostgresStore::job(self.partition, batch)?.0;
        let applied = self.session.commit(&self.holds.connections, &job).await?;
        self.session.end();
        if !applied {
            return Err(StoreError::conflict());
        }
        self.holds.transactions.fetch_add(1, Ordering::Relaxed);
        self.holds.hints.consider(std::slice::from_ref(&job));
        Ok(job.next())
    }

    async fn release(self: Box<Self>) {
        if let Some(connection) = &self.session.connection
            && connection.batch_execute("ROLLBACK").await.is_ok()
        {
            self.session.end();
        }
    }
}
