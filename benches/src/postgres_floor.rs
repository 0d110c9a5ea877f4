mod batches;
mod combiner;

use std::fmt;

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime};
use tokio_postgres::{Error, NoTls};

pub use self::{batches::BATCH, combiner::Combiner};

/// What a careful team writes by hand on PostgreSQL: prepared statements on a pool of connections,
/// one transaction per command with the row locked first, and an index for no more than is needed.
#[derive(Clone)]
pub struct PostgresFloor(Pool);

/// As many connections as served the transactions of 128 tasks fastest; twice as many and half as
/// many were slower.
const CONNECTIONS: usize = 32;

const SCHEMA: &str = "
CREATE TABLE aggregate (
    id text COLLATE \"C\" PRIMARY KEY, version bigint NOT NULL, value bytea NOT NULL
) WITH (fillfactor = 70);
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, aggregate text NOT NULL, value bytea NOT NULL
);
CREATE TABLE counter (id text PRIMARY KEY, taken bigint NOT NULL, size bigint NOT NULL)
    WITH (fillfactor = 20);
CREATE TABLE member (
    counter text NOT NULL, \"user\" text COLLATE \"C\" NOT NULL, number bigint NOT NULL,
    PRIMARY KEY (counter, \"user\")
);
CREATE TABLE job (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, due_at bigint NOT NULL, value bytea NOT NULL
);
CREATE INDEX job_due ON job (due_at);
";

impl PostgresFloor {
    /// Makes the tables in a database.
    ///
    /// # Errors
    ///
    /// The engine's.
    ///
    /// # Panics
    ///
    /// If the URL is malformed.
    pub async fn create(url: &str) -> Result<Self, Error> {
        let config = url.parse()?;
        let recycling_method = RecyclingMethod::Fast;
        let manager = Manager::from_config(config, NoTls, ManagerConfig { recycling_method });
        let pool = Pool::builder(manager)
            .max_size(CONNECTIONS)
            .runtime(Runtime::Tokio1);
        let floor = Self(pool.build().expect("no timeout needs a runtime"));
        floor.connection().await.batch_execute(SCHEMA).await?;
        Ok(floor)
    }

    /// Puts aggregates with these ids.
    ///
    /// # Errors
    ///
    /// The engine's.
    pub async fn seed(&self, ids: Vec<String>, value: &str) -> Result<(), Error> {
        let connection = self.connection().await;
        let sql = "INSERT INTO aggregate SELECT id, 1, $2 FROM unnest($1::text[]) AS id";
        connection.execute(sql, &[&ids, &value.as_bytes()]).await?;
        connection.batch_execute("VACUUM ANALYZE aggregate").await
    }

    /// Changes an aggregate and leaves a message, as services do: begin, select for update, update,
    /// insert, commit.
    ///
    /// # Errors
    ///
    /// The engine's.
    pub async fn command(&self, id: &str, value: &str) -> Result<(), Error> {
        let mut connection = self.connection().await;
        let transaction = connection.transaction().await?;
        let select = "SELECT version, value FROM aggregate WHERE id = $1 FOR UPDATE";
        let select = transaction.prepare_cached(select).await?;
        let version: i64 = transaction.query_one(&select, &[&id]).await?.get(0);
        let update = "UPDATE aggregate SET version = $2, value = $3 WHERE id = $1";
        let update = transaction.prepare_cached(update).await?;
        let value = value.as_bytes();
        transaction
            .execute(&update, &[&id, &(version + 1), &value])
            .await?;
        let insert = "INSERT INTO outbox (aggregate, value) VALUES ($1, $2)";
        let insert = transaction.prepare_cached(insert).await?;
        transaction.execute(&insert, &[&id, &value]).await?;
        transaction.commit().await
    }

    /// Updates one row and nothing else: the least that is durable.
    ///
    /// # Errors
    ///
    /// The engine's.
    pub async fn update(&self, id: &str, value: &str) -> Result<(), Error> {
        let connection = self.connection().await;
        let update = "UPDATE aggregate SET version = version + 1, value = $2 WHERE id = $1";
        let update = connection.prepare_cached(update).await?;
        connection
            .execute(&update, &[&id, &value.as_bytes()])
            .await
            .map(drop)
    }

    /// Removes the messages that commands have left.
    ///
    /// # Errors
    ///
    /// The engine's.
    pub async fn empty_outbox(&self) -> Result<(), Error> {
        self.connection()
            .await
            .batch_execute("TRUNCATE outbox")
            .await
    }

    /// Opens a counter of so many places.
    ///
    /// # Errors
    ///
    /// The engine's.
    pub async fn open_counter(&self, counter: &str, size: i64) -> Result<(), Error> {
        let sql = "INSERT INTO counter VALUES ($1, 0, $2)";
        self.connection()
            .await
            .execute(sql, &[&counter, &size])
            .await
            .map(drop)
    }

    /// Takes a place if one is free: select for update, insert, update, in one transaction. Returns
    /// whether a place was taken.
    ///
    /// # Errors
    ///
    /// The engine's; the user may have a place already.
    pub async fn join(&self, counter: &str, user: &str) -> Result<bool, Error> {
        let mut connection = self.connection().await;
        let transaction = connection.transaction().await?;
        let select = "SELECT taken, size FROM counter WHERE id = $1 FOR UPDATE";
        let select = transaction.prepare_cached(select).await?;
        let row = transaction.query_one(&select, &[&counter]).await?;
        let (taken, size): (i64, i64) = (row.get(0), row.get(1));
        if taken >= size {
            return Ok(false);
        }
        let insert = "INSERT INTO member VALUES ($1, $2, $3)";
        let insert = transaction.prepare_cached(insert).await?;
        transaction
            .execute(&insert, &[&counter, &user, &(taken + 1)])
            .await?;
        let update = "UPDATE counter SET taken = $2 WHERE id = $1";
        let update = transaction.prepare_cached(update).await?;
        transaction
            .execute(&update, &[&counter, &(taken + 1)])
            .await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Takes a place if one is free, in one statement: the best that SQL offers. Returns whether a
    /// place was taken.
    ///
    /// # Errors
    ///
    /// As [`join`](Self::join).
    pub async fn join_in_one(&self, counter: &str, user: &str) -> Result<bool, Error> {
        let connection = self.connection().await;
        let sql = "WITH place AS (
                       UPDATE counter SET taken = taken + 1 WHERE id = $1 AND taken < size
                       RETURNING taken
                   )
                   INSERT INTO member SELECT $1, $2, taken FROM place";
        let statement = connection.prepare_cached(sql).await?;
        Ok(connection.execute(&statement, &[&counter, &user]).await? == 1)
    }

    /// Adds so many jobs that are due.
    ///
    /// # Errors
    ///
    /// The engine's.
    pub async fn add_jobs(&self, jobs: i64, value: &str) -> Result<(), Error> {
        let connection = self.connection().await;
        let sql =
            "INSERT INTO job (due_at, value) SELECT n, $2 FROM generate_series(1, $1::bigint) AS n";
        connection.execute(sql, &[&jobs, &value.as_bytes()]).await?;
        connection.batch_execute("VACUUM ANALYZE job").await
    }

    /// Takes the job that is due longest, as a worker does that handles one at a time: select for
    /// update and skip what is locked, delete, in one transaction. Returns whether there was one.
    ///
    /// # Errors
    ///
    /// The engine's.
    pub async fn take_job(&self) -> Result<bool, Error> {
        let mut connection = self.connection().await;
        let transaction = connection.transaction().await?;
        let select = "SELECT id, value FROM job ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED";
        let select = transaction.prepare_cached(select).await?;
        let Some(row) = transaction.query_opt(&select, &[]).await? else {
            return Ok(false);
        };
        let delete = transaction
            .prepare_cached("DELETE FROM job WHERE id = $1")
            .await?;
        transaction
            .execute(&delete, &[&row.get::<_, i64>(0)])
            .await?;
        transaction.commit().await?;
        Ok(true)
    }

    async fn connection(&self) -> Object {
        self.0
            .get()
            .await
            .expect("the server takes as many connections as the pool has")
    }
}

impl fmt::Debug for PostgresFloor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PostgresFloor")
            .field(&self.0.status())
            .finish()
    }
}
