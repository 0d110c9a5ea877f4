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
