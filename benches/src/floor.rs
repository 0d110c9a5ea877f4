use std::{
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use rusqlite::{Connection, OptionalExtension, Result, params};

/// What a careful team writes by hand on SQLite: one transaction per command, prepared statements,
/// WAL, `synchronous=FULL`.
#[derive(Clone, Debug)]
pub struct SqliteFloor {
    connections: Arc<[Mutex<Connection>]>,
    turn: Arc<AtomicUsize>,
}

/// How long a member of a pool waits for the lock of another.
const BUSY_TIMEOUT: Duration = Duration::from_secs(60);

const SETTINGS: &str = "
PRAGMA synchronous = FULL;
PRAGMA wal_autocheckpoint = 32768;
";

const SCHEMA: &str = "
PRAGMA journal_mode = WAL;
CREATE TABLE aggregate (id TEXT PRIMARY KEY, version INTEGER NOT NULL, value TEXT NOT NULL);
CREATE TABLE outbox (id INTEGER PRIMARY KEY, aggregate TEXT NOT NULL, value TEXT NOT NULL);
CREATE TABLE counter (id TEXT PRIMARY KEY, taken INTEGER NOT NULL, size INTEGER NOT NULL);
CREATE TABLE member (counter TEXT NOT NULL, user TEXT NOT NULL, number INTEGER NOT NULL,
                     PRIMARY KEY (counter, user)) WITHOUT ROWID;
";

impl SqliteFloor {
    /// Makes the tables in a new file, with one connection behind a mutex: the faster way.
    ///
    /// # Errors
    ///
    /// The engine's.
    pub fn create(path: &Path) -> Result<Self> {
        Self::pool(path, 1)
    }

    /// Makes the tables in a new file, with a pool whose members wait for each other's locks: the
    /// usual way.
    ///
    /// # Errors
    ///
    /// The engine's.
    pub fn pool(path: &Path, connections: usize) -> Result<Self> {
        Connection::open(path)?.execute_batch(SCHEMA)?;
        let connect = |_| {
            let connection = Connection::open(path)?;
            connection.execute_batch(SETTINGS)?;
            connection.busy_timeout(BUSY_TIMEOUT)?;
            connection.set_prepared_statement_cache_capacity(32);
            Ok(Mutex::new(connection))
        };
        Ok(Self {
            connections: (0..connections).map(connect).collect::<Result<_>>()?,
            turn: Arc::default(),
        })
    }

    /// Puts an aggregate in a transaction of its own, with an outbox row if asked for.
    ///
    /// # Panics
    ///
    /// If the engine fails: the measurement would be worth nothing.
    pub async fn put(&self, id: String, value: &'static str, outbox: bool) {
        self.run(move |connection| {
            let transaction = connection.transaction()?;
            transaction
                .prepare_cached(
                    "INSERT INTO aggregate VALUES (?1, 1, ?2)
                     ON CONFLICT (id) DO UPDATE SET version = version + 1, value = excluded.value",
                )?
                .execute(params![id, value])?;
            if outbox {
                transaction
                    .prepare_cached("INSERT INTO outbox (aggregate, value) VALUES (?1, ?2)")?
                    .execute(params![id, value])?;
            }
            transaction.commit()
        })
        .await;
    }

    /// Opens a counter of so many places.
    ///
    /// # Panics
    ///
    /// As [`put`](Self::put).
    pub async fn open_counter(&self, counter: String, size: u32) {
        self.run(move |connection| {
            connection
                .execute(
                    "INSERT INTO counter VALUES (?1, 0, ?2)",
                    params![counter, size],
                )
                .map(drop)
        })
        .await;
    }

    /// Takes a place if one is free and the user has none: select, update, insert in one
    /// transaction. Returns whether a place was taken.
    ///
    /// # Panics
    ///
    /// As [`put`](Self::put).
    pub async fn join(&self, counter: String, user: String) -> bool {
        self.run(move |connection| {
            let transaction =
                connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            let free: Option<u32> = transaction
                .prepare_cached("SELECT taken FROM counter WHERE id = ?1 AND taken < size")?
                .query_row([&counter], |row| row.get(0))
                .optional()?;
            let Some(taken) = free else { return Ok(false) };
            let joined = transaction
                .prepare_cached("INSERT OR IGNORE INTO member VALUES (?1, ?2, ?3)")?
                .execute(params![counter, user, taken + 1])?;
            if joined == 0 {
                return Ok(false);
            }
            transaction
                .prepare_cached("UPDATE counter SET taken = taken + 1 WHERE id = ?1")?
                .execute([&counter])?;
            transaction.commit()?;
            Ok(true)
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Connection) -> Result<T> + Send + 'static,
    ) -> T {
        let connections = self.connections.clone();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % connections.len();
        let acted = tokio::task::spawn_blocking(move || {
            let connection = connections[turn].lock();
            act(&mut connection.unwrap_or_else(PoisonError::into_inner))
        });
        acted
            .await
            .expect("the floor panicked")
            .expect("the floor's engine failed")
    }
}
