//! Holds: a transaction that locks the row which stands for the partition's slot, until its owner lets go.

use std::{sync::Arc, time::Duration};

use deadpool_postgres::Object;
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_postgres::{Row, types::ToSql};

use super::{column::slot, connections::Connections, error::Failure, reader};
use crate::store::{Held, Hold, Partition, Query};

/// Waits for whoever holds the partition now, or another one of its slot; those who wait are let in
/// nearly in the order in which they came.
const LOCK: &str = "SELECT true FROM mp_turn WHERE slot = $1 FOR UPDATE";

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
    /// Leaves connections to those who read.
    room: Arc<Semaphore>,
}

impl Holds {
    pub(super) fn new(connections: &Connections, most: usize) -> Self {
        Self {
            connections: connections.clone(),
            room: Arc::new(Semaphore::new(most)),
        }
    }

    /// Holds a partition and reads it; nothing if there is no room, or it went wrong: then the caller
    /// does without, and meets whatever is the matter there.
    pub(super) async fn hold(&self, partition: &Partition, query: &Query) -> Option<Held> {
        let room = self.room.clone().try_acquire_owned().ok()?;
        let connection = self.connections.get().await.ok()?;
        let lock = RowLock {
            session: Some((connection, room)),
            connections: self.connections.clone(),
        };
        let rows = lock.begin(partition, query).await;
        let rows = rows.inspect_err(|failure| tracing::debug!(?failure, "not held"));
        let view = reader::view("hold", &rows.ok()?, query.limit).ok()?;
        let hold = Box::new(lock);
        Some(Held { view, hold })
    }
}

/// A session with an open transaction, and the permit for it.
#[derive(Debug)]
struct RowLock {
    session: Option<(Object, OwnedSemaphorePermit)>,
    connections: Connections,
}

impl RowLock {
    /// Begins a transaction, locks the row and reads, all in one go.
    async fn begin(&self, partition: &Partition, query: &Query) -> Result<Vec<Row>, Failure> {
        let Some((connection, _)) = &self.session else {
            return Ok(Vec::new());
        };
        let (begin, slot) = (begin(), slot(partition));
        let slot: [&(dyn ToSql + Sync); 1] = [&slot];
        let prepared = async {
            // Nobody is to wait for it while the row is locked.
            connection.prepare_cached(reader::READ).await?;
            connection.prepare_cached(LOCK).await
        };
        let lock = self.connections.answer(prepared).await?;
        let all = async {
            // In this order they are sent, and the server carries them out.
            let (begun, locked, rows) = tokio::join!(
                biased;
                connection.batch_execute(&begin),
                connection.query(&lock, &slot),
                reader::rows(connection, partition, query),
            );
            begun?;
            locked?;
            rows
        };
        self.connections.answer(all).await
    }
}

impl Hold for RowLock {}

/// Ends the transaction in the background; without a runtime to do that the session ends with it.
impl Drop for RowLock {
    fn drop(&mut self) {
        let Some((connection, _)) = self.session.take() else {
            return;
        };
        let Ok(runtime) = Handle::try_current() else {
            drop(Object::take(connection));
            return;
        };
        let connections = self.connections.clone();
        runtime.spawn(async move {
            let ended = connections.answer(connection.batch_execute("ROLLBACK"));
            if ended.await.is_err() {
                drop(Object::take(connection));
            }
        });
    }
}
