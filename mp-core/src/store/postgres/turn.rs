//! Turns: a transaction that locks the row which stands for the partition's slot, until its owner lets go.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use deadpool_postgres::Object;
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_postgres::{Row, error::SqlState, types::ToSql};

use super::{column::slot, connections::Connections, error::Failure, reader};
use crate::store::{InTurn, Partition, Query, StoreError, StoreErrorKind, Turn};

/// Waits for whoever has a turn at the partition now, or at another one of its slot; those who wait are let in
/// nearly in the order in which they came.
const LOCK: &str = "SELECT true FROM mp_turn WHERE slot = $1 FOR UPDATE";

/// How long a turn is left to an owner who does nothing: one whose process stands still would keep it
/// from everybody. The session ends with it.
const IDLE_MAX: Duration = Duration::from_secs(1);

/// How long is waited for others, at most.
const WAIT_MAX: Duration = Duration::from_millis(500);

/// Begins a transaction each statement of which sees what was committed before it: so what is read
/// after the lock is what is there when the turn begins.
fn begin() -> String {
    let (idle, wait) = (IDLE_MAX.as_millis(), WAIT_MAX.as_millis());
    format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED;
         SET LOCAL idle_in_transaction_session_timeout = {idle};
         SET LOCAL lock_timeout = {wait}"
    )
}

/// The turns that a store gives.
#[derive(Clone, Debug)]
pub(super) struct Turns {
    connections: Connections,
    /// Leaves connections to those who read.
    room: Arc<Semaphore>,
    /// Whether it was found that there is nothing to lock.
    useless: Arc<AtomicBool>,
}

impl Turns {
    pub(super) fn new(connections: &Connections, most: usize) -> Self {
        Self {
            connections: connections.clone(),
            room: Arc::new(Semaphore::new(most)),
            useless: Arc::default(),
        }
    }

    /// Takes a turn and reads; nothing if no connection can be spared, or there is nothing to lock.
    pub(super) async fn take(
        &self,
        partition: &Partition,
        query: &Query,
    ) -> Result<Option<InTurn>, StoreError> {
        const OP: &str = "take_turn";
        let room = self.room.clone().try_acquire_owned();
        let Some(room) = room.ok().filter(|_| !self.useless.load(Ordering::Relaxed)) else {
            return Ok(None);
        };
        let Some(connection) = self.connections.free().await else {
            return Ok(None);
        };
        let session = Session {
            connection: Some(connection),
            _room: room,
        };
        let begun = session.begin(&self.connections, partition, query).await;
        match begun {
            Ok(Some(rows)) => {
                let turn = Box::new(RowLock {
                    session: Some(session),
                    connections: self.connections.clone(),
                });
                let view = reader::view(OP, &rows, query.limit)?;
                Ok(Some(InTurn { view, turn }))
            }
            Ok(None) => {
                self.give_up("mp_turn has no row for a slot");
                session.roll_back(&self.connections).await;
                Ok(None)
            }
            Err(failure) => {
                if failure.has_code(&SqlState::UNDEFINED_TABLE)
                    || failure.has_code(&SqlState::INSUFFICIENT_PRIVILEGE)
                {
                    self.give_up("mp_turn is not there, or may not be locked");
                }
                if !failure.ends_session() {
                    session.roll_back(&self.connections).await;
                }
                Err(failure.store_error(OP, StoreErrorKind::Unavailable))
            }
        }
    }

    /// Asks no more for what is not to be had.
    fn give_up(&self, why: &str) {
        tracing::warn!(why, "processes that contend for a partition take no turns");
        self.useless.store(true, Ordering::Relaxed);
    }
}

/// A session with an open transaction; dropped before its end it takes the session with it.
#[derive(Debug)]
struct Session {
    connection: Option<Object>,
    _room: OwnedSemaphorePermit,
}

impl Session {
    /// Begins a transaction, locks the row and reads, all in one go; nothing if there is no row.
    async fn begin(
        &self,
        connections: &Connections,
        partition: &Partition,
        query: &Query,
    ) -> Result<Option<Vec<Row>>, Failure> {
        let Some(connection) = &self.connection else {
            return Ok(None);
        };
        let (begin, slot) = (begin(), slot(partition));
        let slot: [&(dyn ToSql + Sync); 1] = [&slot];
        let prepared = async {
            // Nobody is to wait for it while the row is locked.
            connection.prepare_cached(reader::READ).await?;
            connection.prepare_cached(LOCK).await
        };
        let lock = connections.answer(prepared).await?;
        let all = async {
            // In this order they are sent, and the server carries them out.
            let (begun, locked, rows) = tokio::join!(
                biased;
                connection.batch_execute(&begin),
                connection.query(&lock, &slot),
                reader::rows(connection, partition, query),
            );
            begun?;
            Ok((locked?, rows?))
        };
        let (locked, rows) = connections.answer(all).await?;
        Ok((!locked.is_empty()).then_some(rows))
    }

    /// Ends the transaction, and gives the session back if that is certain.
    async fn roll_back(mut self, connections: &Connections) {
        if let Some(connection) = &self.connection
            && connections
                .answer(connection.batch_execute("ROLLBACK"))
                .await
                .is_ok()
        {
            self.connection = None;
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            drop(Object::take(connection));
        }
    }
}

/// The lock on a slot's row, which is let go of in the background.
#[derive(Debug)]
struct RowLock {
    session: Option<Session>,
    connections: Connections,
}

impl Turn for RowLock {}

impl Drop for RowLock {
    fn drop(&mut self) {
        // Without a runtime the session ends, and the transaction with it.
        if let (Some(session), Ok(runtime)) = (self.session.take(), Handle::try_current()) {
            let connections = self.connections.clone();
            runtime.spawn(async move { session.roll_back(&connections).await });
        }
    }
}
