use tokio_postgres::Error;

use super::PostgresFloor;

/// How many commands share one statement of the floor below.
pub const BATCH: usize = 128;

/// What the server itself takes: the rows of [`BATCH`] commands in one statement, with nobody to
/// decide anything, no version to check and no index beyond the primary keys. A floor for whatever
/// writes such rows in groups of that size.
impl PostgresFloor {
    /// Changes so many aggregates, and leaves a message for each.
    ///
    /// # Errors
    ///
    /// The engine's.
    ///
    /// # Panics
    ///
    /// If one of them is not there.
    pub async fn commands(&self, ids: &[String], value: &str) -> Result<(), Error> {
        let connection = self.connection().await;
        let sql = "WITH moved AS (
                       UPDATE aggregate SET version = version + 1, value = $2
                       WHERE id = ANY ($1) RETURNING id
                   )
                   INSERT INTO outbox (aggregate, value) SELECT id, $2 FROM moved";
        let statement = connection.prepare_cached(sql).await?;
        let changed = connection
            .execute(&statement, &[&ids, &value.as_bytes()])
            .await?;
        assert_eq!(changed, ids.len() as u64, "each is there");
        Ok(())
    }

    /// Lets so many users take a place each.
    ///
    /// # Errors
    ///
    /// The engine's.
    pub async fn joins(&self, counter: &str, users: i64) -> Result<(), Error> {
        let connection = self.connection().await;
        let sql = "WITH place AS (
                       UPDATE counter SET taken = taken + $2 WHERE id = $1 RETURNING taken
                   )
                   INSERT INTO member
                   SELECT $1, 'user-' || number, number
                   FROM place, generate_series(taken - $2 + 1, taken) AS number";
        let statement = connection.prepare_cached(sql).await?;
        connection
            .execute(&statement, &[&counter, &users])
            .await
            .map(drop)
    }
}
