use rusqlite::{Result, Transaction};

use super::{SqliteStore, commit::Commits, error::store_error};
use crate::store::{
    Batch, Partition, Store, StoreError, StoreErrorKind, Version, admission::check_batch,
};

const OP: &str = "commit_in";

impl SqliteStore {
    /// Applies a batch inside the host's own transaction on this store's file, and returns the
    /// version that it makes once the host commits.
    ///
    /// So a row of the host's and a record of ours exist both or not at all: take the batch from
    /// [`Engine::plan`](crate::Engine::plan) or from a service's `plan_…`, and commit as usual.
    /// Nothing of ours happens before; deliveries in the batch come up for the worker after. Begin
    /// the transaction with [`Immediate`](rusqlite::TransactionBehavior::Immediate) and keep it
    /// short: everybody else who writes waits for its end.
    ///
    /// One transaction takes one batch of a partition: what is planned before its end rests on the head
    /// before it, so that a second one is a `Conflict`. The transaction is of the `rusqlite` that this
    /// crate depends on: a host takes the same version.
    ///
    /// # If the outcome of the host's COMMIT is not known
    ///
    /// Read the head again:
    ///
    /// - It has the batch's own `commit_id`: the COMMIT came.
    /// - It is still at `batch.expect`: send the same batch again, together with the host's rows. One of
    ///   the two gets through at most; after a `Conflict` read the head once more.
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
    /// written and the transaction goes on, so plan again, or roll back. `Invalid` for a batch that
    /// no store takes or a transaction on another file, `Unavailable` if somebody else writes for
    /// too long, `Full`, `ReadOnly`; after any of them roll back.
    pub fn commit_in(
        &self,
        transaction: &mut Transaction<'_>,
        partition: &Partition,
        batch: &Batch,
    ) -> std::result::Result<Version, StoreError> {
        check_batch(batch, &self.limits())?;
        self.check_file(transaction)?;
        let version = apply(transaction, partition, batch);
        version
            .map_err(|error| store_error(OP, error))?
            .ok_or_else(StoreError::conflict)
    }

    fn check_file(&self, transaction: &Transaction<'_>) -> std::result::Result<(), StoreError> {
        let failed = |error| StoreError::new(StoreErrorKind::Unavailable, OP, error);
        let ours = self.path.canonicalize().map_err(failed)?;
        let theirs = transaction.path().map(std::fs::canonicalize);
        match theirs {
            Some(Ok(theirs)) if theirs == ours => Ok(()),
            _ => Err(StoreError::invalid(
                OP,
                "the transaction is not on the store's file",
            )),
        }
    }
}

/// Applies a batch whole or not at all, whatever the host does about an error.
fn apply(
    transaction: &mut Transaction<'_>,
    partition: &Partition,
    batch: &Batch,
) -> Result<Option<Version>> {
    let savepoint = transaction.savepoint()?;
    let version = Commits::prepare(&savepoint)?.apply(partition, batch)?;
    savepoint.commit()?;
    Ok(version)
}
