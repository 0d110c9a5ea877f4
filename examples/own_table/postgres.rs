use std::{error::Error, sync::Arc};

use async_trait::async_trait;
use mp_core::store::{Batch, Partition, PostgresOptions, PostgresStore, Store};
use tokio_postgres::{Client, NoTls};

use crate::shop::{Dies, Row, Table};

/// The table in a PostgreSQL database, on a connection of the shop's own.
pub(crate) struct PostgresTable {
    store: Arc<PostgresStore>,
    client: Client,
}

impl PostgresTable {
    pub(crate) async fn connect(url: &str) -> Result<Self, Box<dyn Error>> {
        refuse_encryption(url)?;
        let store = PostgresStore::connect(url, PostgresOptions::default()).await?;
        let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
        // It ends with the client.
        tokio::spawn(connection);
        let create = "CREATE TABLE IF NOT EXISTS orders
            (number bigint PRIMARY KEY, customer text NOT NULL, intent text NOT NULL)";
        client.batch_execute(create).await?;
        let store = Arc::new(store);
        Ok(Self { store, client })
    }
}

/// Refuses a URL that asks for encryption, which the shop's own connection does not have: the store's
/// would be encrypted, and the shop's not be made.
fn refuse_encryption(url: &str) -> Result<(), Box<dyn Error>> {
    let mut modes = url
        .split(['?', '&'])
        .filter_map(|it| it.strip_prefix("sslmode="));
    match modes.find(|mode| !matches!(*mode, "disable" | "prefer")) {
        None => Ok(()),
        Some(mode) => Err(format!(
            "this example connects without encryption, and sslmode={mode} asks for it: in a program of your \
             own hand `tokio_postgres::connect` a connector of `tokio-postgres-rustls` instead of `NoTls`; \
             to try this one, take a server on this machine and sslmode=disable"
        )
        .into()),
    }
}

#[async_trait]
impl Table for PostgresTable {
    fn store(&self) -> Arc<dyn Store> {
        self.store.clone()
    }

    async fn insert(
        &mut self,
        row: &Row,
        partition: &Partition,
        batch: &Batch,
        dies: Dies,
    ) -> Result<(), Box<dyn Error>> {
        let mut transaction = self.client.transaction().await?;
        let insert = "INSERT INTO orders VALUES ($1, $2, $3)";
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 3] =
            [&row.number, &row.customer, &row.intent];
        transaction.execute(insert, &values).await?;
        let applied = self.store.commit_in(&mut transaction, partition, batch);
        applied.await?;
        if dies == Dies::Never {
            transaction.commit().await?;
        }
        Ok(())
    }

    async fn rows(&mut self) -> Result<Vec<Row>, Box<dyn Error>> {
        let select = "SELECT number, customer, intent FROM orders ORDER BY number";
        let rows = self.client.query(select, &[]).await?;
        let row = |row: &tokio_postgres::Row| Row {
            number: row.get(0),
            customer: row.get(1),
            intent: row.get(2),
        };
        Ok(rows.iter().map(row).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_that_asks_for_encryption_is_refused_in_words() {
        for fine in ["", "?sslmode=disable", "?a=b&sslmode=prefer"] {
            refuse_encryption(&format!("postgres://me@host/shop{fine}")).expect("is fine");
        }
        for mode in ["require", "verify-full", "allow"] {
            let url = format!("postgres://me@host/shop?connect_timeout=5&sslmode={mode}");
            let refused = refuse_encryption(&url).expect_err("is refused").to_string();
            assert!(refused.contains(&format!("sslmode={mode}")), "{refused}");
            assert!(refused.contains("tokio-postgres-rustls"), "{refused}");
        }
    }
}
