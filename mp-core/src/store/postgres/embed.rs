use tokio_postgres::{Error, Transaction, error::SqlState};

use super::{
    PostgresStore, commit,
    connections::{Span, quoted, waiting_for_the_disk},
    error::Failure,
    queue::Job,
};
use crate::store::{Batch, Partition, StoreError, StoreErrorKind, Version};

const OP: &str = "commit_in";

impl PostgresStore {
    /// Applies a batch inside the host's own transaction on this store's database, and returns the
    /// version that it makes once the host commits.
    ///
    /// So a row of the host's and a record of ours exist both or not at all: take the batch from
    /// [`Engine::plan`](crate::Engine::plan) or from a service's `plan_…`, and commit as usual.
    /// Nothing of ours happens before; deliveries in the batch come up for the worker after. Keep
    /// the transaction short: whoever else writes to the partition waits for its end. Set
    /// `idle_in_transaction_session_timeout` on the host's sessions, so that one that stands still
    /// holds it for no longer than that. Where `synchronous_commit` is `off` it is `on` for the rest of
    /// this transaction: who is told of what is committed may not see it lost.
    ///
    /// One transaction takes one batch of a partition: what is planned before its end rests on the
    /// head before it, so that a second one is a `Conflict`. The transaction is of the
    /// `tokio-postgres` that this crate depends on: a host takes the same version.
    ///
    /// # If the outcome of the host's COMMIT is not known
    ///
    /// Read the head again:
    ///
    /// - It has the batch's own `commit_id`: the COMMIT came.
    /// - It is still at `batch.expect`: the COMMIT has not come, and may be under way. Send the same
    ///   batch again, together with the host's rows. One of the two gets through at most; after a
    ///   `Conflict` read the head once more.
    /// - It is another: somebody has committed since, before or on top. Plan again under the same
    ///   idempotency key. If the answer is recalled (`batch` is `None`), the COMMIT came: insert
    ///   nothing. Else it never comes: commit the new batch together with the host's rows.
    ///
    /// Without a key only the first two can be told from each other. The third holds while answers are
    /// recalled, for [`IDEMPOTENCY_MEMORY`](crate::idempotency::IDEMPOTENCY_MEMORY): who asks later than that
    /// finds nothing recalled even if the COMMIT came.
    ///
    /// # Errors
    ///
    /// `Conflict` if the head is not the one the batch was decided on: nothing of the batch was
    /// written and the transaction goes on, so at READ COMMITTED plan again, else roll back.
    /// `Invalid` for a batch that no store takes or a database without the store's tables,
    /// `Unavailable`, `Full`, `ReadOnly`; nothing of the batch was written after any of them.
    pub async fn commit_in(
        &self,
        transaction: &mut Transaction<'_>,
        partition: &Partition,
        batch: &Batch,
    ) -> Result<Version, StoreError> {
        let (job, _) = Self::job(partition.clone(), batch.clone())?;
        let applied = self.apply(transaction, &job).await;
        match applied {
            Ok(true) => Ok(job.next()),
            Ok(false) => Err(StoreError::conflict()),
            Err(error) => Err(refusal(error)),
        }
    }

    /// Applies a batch whole or not at all, whatever the host does about an error.
    async fn apply(&self, transaction: &mut Transaction<'_>, job: &Job) -> Result<bool, Error> {
        // Dropped after an error, it takes back what was done since, the path included.
        let savepoint = transaction.transaction().await?;
        savepoint
            .batch_execute(&waiting_for_the_disk(Span::Transaction))
            .await?;
        let path = match &self.schema {
            Some(schema) => Some(set_path(&savepoint, &quoted(schema)).await?),
            None => None,
        };
        let distribution = self.connections.distribution();
        let applied = commit::apply_in(&savepoint, distribution, job).await?;
        if let Some(path) = path {
            set_path(&savepoint, &path).await?;
        }
        savepoint.commit().await?;
        Ok(applied)
    }
}

/// Sets the path for the rest of the transaction, and returns the one before.
async fn set_path(transaction: &Transaction<'_>, path: &str) -> Result<String, Error> {
    let before = transaction.query_one("SHOW search_path", &[]).await?;
    let set = "SELECT set_config('search_path', $1, true)";
    transaction.query_one(set, &[&path]).await?;
    before.try_get(0)
}

fn refusal(error: Error) -> StoreError {
    let absent = [SqlState::UNDEFINED_FUNCTION, SqlState::UNDEFINED_TABLE];
    match error.code() {
        Some(code) if absent.contains(code) => StoreError::new(StoreErrorKind::Invalid, OP, error),
        // The transaction of the host has seen an older state: as if the batch had been decided on it.
        Some(code) if *code == SqlState::T_R_SERIALIZATION_FAILURE => {
            StoreError::new(StoreErrorKind::Conflict, OP, error)
        }
        // Lost or not, the host has committed nothing yet.
        _ => Failure::from(error).store_error(OP, StoreErrorKind::Unavailable),
    }
}
