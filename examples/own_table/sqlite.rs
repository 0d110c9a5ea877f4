use std::{error::Error, path::Path, sync::Arc};

use async_trait::async_trait;
use mp_core::store::{Batch, Partition, SqliteOptions, SqliteStore, Store};
use rusqlite::{Connection, TransactionBehavior, params};

use crate::shop::{Dies, Row, Table};

/// The table in a SQLite file, on a connection of the shop's own.
pub(crate) struct SqliteTable {
    store: Arc<SqliteStore>,
    connection: Connection,
}

impl SqliteTable {
    pub(crate) fn open(path: &Path) -> Result<Self, Box<dyn Error>> {
        let store = Arc::new(SqliteStore::open(path, SqliteOptions::default())?);
        let connection = Connection::open(path)?;
        connection.execute_batch(
            "CREATE TABLE IF NOT EXISTS orders
             (number INTEGER PRIMARY KEY, customer TEXT NOT NULL, intent TEXT NOT NULL)",
        )?;
        Ok(Self { store, connection })
    }
}

#[async_trait]
impl Table for SqliteTable {
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
        let begin = TransactionBehavior::Immediate;
        let mut transaction = self.connection.transaction_with_behavior(begin)?;
        transaction.execute(
            "INSERT INTO orders VALUES (?1, ?2, ?3)",
            params![row.number, row.customer, row.intent],
        )?;
        self.store.commit_in(&mut transaction, partition, batch)?;
        if dies == Dies::Never {
            transaction.commit()?;
        }
        Ok(())
    }

    async fn rows(&mut self) -> Result<Vec<Row>, Box<dyn Error>> {
        let mut select = self.connection.prepare("SELECT * FROM orders")?;
        let rows = select.query_map([], |row| {
            Ok(Row {
                number: row.get(0)?,
                customer: row.get(1)?,
                intent: row.get(2)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
