//! What a careful team writes by hand on PostgreSQL: a row per payment, its status checked under a
//! lock, an outbox row per step, and a unique key of the request that made it.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime, Transaction};
use mp_benches::INTENT;
use tokio_postgres::{Error, NoTls};

/// As many connections as served the transactions of 128 tasks fastest.
const CONNECTIONS: usize = 32;

const SCHEMA: &str = "
CREATE TABLE payment (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, request text COLLATE \"C\" NOT NULL UNIQUE,
    status text NOT NULL, value bytea NOT NULL
) WITH (fillfactor = 50);
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, payment bigint NOT NULL, value bytea NOT NULL
);
";

#[derive(Clone)]
pub(crate) struct ByHand {
    pool: Pool,
    begun: Arc<AtomicU64>,
}

impl ByHand {
    pub(crate) async fn create(url: &str) -> Result<Self, Error> {
        let recycling_method = RecyclingMethod::Fast;
        let manager = Manager::from_config(url.parse()?, NoTls, ManagerConfig { recycling_method });
        let pool = Pool::builder(manager)
            .max_size(CONNECTIONS)
            .runtime(Runtime::Tokio1);
        let pool = pool.build().expect("no timeout needs a runtime");
        let connection = pool.get().await.expect("connects");
        connection.batch_execute(SCHEMA).await?;
        drop(connection);
        let begun = Arc::default();
        Ok(Self { pool, begun })
    }

    /// Creates a payment, holds its money, and takes it; the provider answers at once.
    pub(crate) async fn live(&self) -> Result<(), Error> {
        let number = self.begun.fetch_add(1, Ordering::Relaxed);
        let payment = self.insert(&format!("order-{number}")).await?;
        self.step(payment, "requires_confirmation", "requires_capture")
            .await?;
        self.step(payment, "requires_capture", "succeeded").await
    }

    async fn insert(&self, request: &str) -> Result<i64, Error> {
        let mut connection = self.pool.get().await.expect("connects");
        let transaction = connection.transaction().await?;
        let insert = "INSERT INTO payment (request, status, value) VALUES ($1, $2, $3)
                      RETURNING id";
        let insert = transaction.prepare_cached(insert).await?;
        let value = INTENT.as_bytes();
        let status = "requires_confirmation";
        let row = transaction
            .query_one(&insert, &[&request, &status, &value])
            .await?;
        let payment = row.get(0);
        tell(&transaction, payment).await?;
        transaction.commit().await?;
        Ok(payment)
    }

    async fn step(&self, payment: i64, from: &str, to: &str) -> Result<(), Error> {
        let mut connection = self.pool.get().await.expect("connects");
        let transaction = connection.transaction().await?;
        let select = "SELECT status, value FROM payment WHERE id = $1 FOR UPDATE";
        let select = transaction.prepare_cached(select).await?;
        let status: String = transaction.query_one(&select, &[&payment]).await?.get(0);
        assert_eq!(status, from, "nobody else is at it");
        let update = "UPDATE payment SET status = $2, value = $3 WHERE id = $1";
        let update = transaction.prepare_cached(update).await?;
        let value = INTENT.as_bytes();
        transaction
            .execute(&update, &[&payment, &to, &value])
            .await?;
        tell(&transaction, payment).await?;
        transaction.commit().await
    }
}

async fn tell(transaction: &Transaction<'_>, payment: i64) -> Result<(), Error> {
    let insert = "INSERT INTO outbox (payment, value) VALUES ($1, $2)";
    let insert = transaction.prepare_cached(insert).await?;
    let message = INTENT.as_bytes();
    transaction.execute(&insert, &[&payment, &message]).await?;
    Ok(())
}
