use std::fmt;

use tokio::runtime::Handle;
use tokio_postgres::{Client, Error, NoTls};

use super::{
    error::AuditError,
    file::{Family, Work},
    records::{Gathering, Records},
};
use crate::database_url::DatabaseUrl;

/// A store's PostgreSQL database, read on one connection, without TLS, in one transaction.
pub(super) struct Database {
    client: Client,
    runtime: Handle,
}

/// All is read as of the moment of the first statement, even while an evening goes on.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// Answers remembered under idempotency keys (`i/…`) say nothing that other records do not.
const RECORDS: &str = r#"
    DECLARE records NO SCROLL CURSOR FOR
    SELECT partition, key, convert_from(value, 'UTF8')
    FROM (
        SELECT partition, '' AS key, value FROM mp_partition
        UNION ALL
        SELECT partition, key, value FROM mp_record
        WHERE value IS NOT NULL AND key NOT LIKE 'i/%'
    ) AS record
    WHERE partition LIKE $1
    ORDER BY partition COLLATE "C", key COLLATE "C""#;

/// Memory holds one portion at a time, and what a family of records comes to.
const FETCH: &str = "FETCH 5000 FROM records";

const CLOSE: &str = "CLOSE records";

const WORK: &str = "SELECT partition, key, state = 'dead', at FROM mp_work";

impl Database {
    /// Connects; to be called where a thread of a runtime may block.
    pub(super) fn open(url: &DatabaseUrl) -> Result<Self, AuditError> {
        let runtime = Handle::current();
        let connect = async {
            let (client, connection) = tokio_postgres::connect(url.as_str(), NoTls).await?;
            // It ends with the client.
            tokio::spawn(connection);
            client.batch_execute(BEGIN).await?;
            Ok(client)
        };
        let client = runtime
            .block_on(connect)
            .map_err(|source| AuditError::Connect {
                url: url.clone(),
                source,
            })?;
        Ok(Self { client, runtime })
    }

    fn wait<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, AuditError> {
        Ok(self.runtime.block_on(work)?)
    }
}

impl Records for Database {
    fn each(
        &self,
        pattern: &str,
        visit: &mut dyn FnMut(&Family) -> Result<(), AuditError>,
    ) -> Result<(), AuditError> {
        self.wait(self.client.execute(RECORDS, &[&pattern.replace('*', "%")]))?;
        let mut gathering = Gathering::default();
        loop {
            let rows = self.wait(self.client.query(FETCH, &[]))?;
            if rows.is_empty() {
                break;
            }
            for row in rows {
                let (partition, key, value) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
                if let Some(family) = gathering.take(partition, key, value) {
                    visit(&family)?;
                }
            }
        }
        self.wait(self.client.batch_execute(CLOSE))?;
        gathering.end().iter().try_for_each(visit)
    }

    fn work(&self) -> Result<Vec<Work>, AuditError> {
        let rows = self.wait(self.client.query(WORK, &[]))?;
        let work = |row: &tokio_postgres::Row| {
            Ok(Work {
                partition: row.try_get(0)?,
                key: row.try_get(1)?,
                dead: row.try_get(2)?,
                at: row.try_get(3)?,
            })
        };
        rows.iter().map(work).collect()
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").finish_non_exhaustive()
    }
}
