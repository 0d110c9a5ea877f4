//! What a careful team writes by hand: one transaction per transfer, which updates two balances,
//! inserts two postings, and is refused a second time by the key of the transfer.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use rusqlite::{Connection, TransactionBehavior, params};
use tokio_postgres::NoTls;

/// Payers per task; account 0 is the merchant's.
const PAYERS: u64 = 64;

const ACCOUNTS: i64 = 128 * 64 * 2 + 1;

/// As many connections as served the transactions of 128 tasks fastest.
const CONNECTIONS: usize = 32;

/// Returns who pays and who is paid.
fn ends(task: usize, turn: u64, hot: bool) -> (i64, i64) {
    let payer = task as u64 * PAYERS + turn % PAYERS;
    let payer = i64::try_from(payer).unwrap_or_default() * 2 + 1;
    (payer, if hot { 0 } else { payer + 1 })
}

/// Names the transfer, once for all rounds.
fn name() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NAMES: AtomicU64 = AtomicU64::new(0);
    format!("transfer-{}", NAMES.fetch_add(1, Ordering::Relaxed))
}

#[derive(Clone, Debug)]
pub(crate) struct SqliteByHand(Arc<Mutex<Connection>>);

impl SqliteByHand {
    pub(crate) fn create(path: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open(path)?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             PRAGMA wal_autocheckpoint = 32768;
             CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL);
             CREATE TABLE transfer (id TEXT PRIMARY KEY) WITHOUT ROWID;
             CREATE TABLE posting (id INTEGER PRIMARY KEY, transfer TEXT NOT NULL,
                                   account INTEGER NOT NULL, amount INTEGER NOT NULL);",
        )?;
        let seed = format!(
            "INSERT INTO account WITH RECURSIVE n(id) AS
             (SELECT 0 UNION ALL SELECT id + 1 FROM n WHERE id < {ACCOUNTS})
             SELECT id, 1000000000 FROM n"
        );
        connection.execute_batch(&seed)?;
        connection.set_prepared_statement_cache_capacity(32);
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    pub(crate) async fn transfer(&self, task: usize, turn: u64, hot: bool) {
        let connection = self.0.clone();
        let ends = ends(task, turn, hot);
        let moved = tokio::task::spawn_blocking(move || {
            let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            moved(&mut connection, &name(), ends)
        });
        moved.await.expect("no panic").expect("moves");
    }
}

fn moved(connection: &mut Connection, name: &str, (from, to): (i64, i64)) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction
        .prepare_cached("INSERT INTO transfer VALUES (?1)")?
        .execute([name])?;
    for (account, amount) in [(from, -1), (to, 1)] {
        transaction
            .prepare_cached(
                "UPDATE account SET balance = balance + ?2 WHERE id = ?1 AND balance + ?2 >= 0",
            )?
            .execute(params![account, amount])?;
        transaction
            .prepare_cached("INSERT INTO posting (transfer, account, amount) VALUES (?1, ?2, ?3)")?
            .execute(params![name, account, amount])?;
    }
    transaction.commit()
}

#[derive(Clone)]
pub(crate) struct PostgresByHand(Pool);

impl PostgresByHand {
    pub(crate) async fn create(url: &str) -> Result<Self, tokio_postgres::Error> {
        let recycling_method = RecyclingMethod::Fast;
        let manager = Manager::from_config(url.parse()?, NoTls, ManagerConfig { recycling_method });
        let pool = Pool::builder(manager)
            .max_size(CONNECTIONS)
            .runtime(Runtime::Tokio1);
        let pool = pool.build().expect("no timeout needs a runtime");
        let connection = pool.get().await.expect("connects");
        let schema = format!(
            "CREATE TABLE account (id bigint PRIMARY KEY, balance bigint NOT NULL)
                 WITH (fillfactor = 50);
             CREATE TABLE transfer (id text COLLATE \"C\" PRIMARY KEY);
             CREATE TABLE posting (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                 transfer text NOT NULL, account bigint NOT NULL, amount bigint NOT NULL);
             INSERT INTO account SELECT id, 1000000000 FROM generate_series(0, {ACCOUNTS}) AS id;
             VACUUM ANALYZE account"
        );
        for statement in schema.split(';') {
            connection.batch_execute(statement).await?;
        }
        drop(connection);
        Ok(Self(pool))
    }

    pub(crate) async fn transfer(
        &self,
        task: usize,
        turn: u64,
        hot: bool,
    ) -> Result<(), tokio_postgres::Error> {
        let (from, to) = ends(task, turn, hot);
        let name = name();
        let mut connection = self.0.get().await.expect("connects");
        let transaction = connection.transaction().await?;
        let insert = "INSERT INTO transfer VALUES ($1)";
        let insert = transaction.prepare_cached(insert).await?;
        transaction.execute(&insert, &[&name]).await?;
        // The merchant's row is locked last and for the shortest time.
        for (account, amount) in [(from, -1_i64), (to, 1)] {
            let update =
                "UPDATE account SET balance = balance + $2 WHERE id = $1 AND balance + $2 >= 0";
            let update = transaction.prepare_cached(update).await?;
            let insert = "INSERT INTO posting (transfer, account, amount) VALUES ($1, $2, $3)";
            let insert = transaction.prepare_cached(insert).await?;
            transaction
                .execute(&insert, &[&name, &account, &amount])
                .await?;
            transaction.execute(&update, &[&account, &amount]).await?;
        }
        transaction.commit().await
    }
}
