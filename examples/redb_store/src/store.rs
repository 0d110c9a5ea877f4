use std::{path::Path, sync::Arc};

use async_trait::async_trait;
use mp_core::store::{
    Batch, Changes, Delivery, DueQuery, Key, Limits, Listing, Partition, Query, Settle, Store,
    StoreError, StoreErrorKind, Version, View,
};
use redb::{Database, Error, ReadTransaction, ReadableDatabase};
use tokio::task::spawn_blocking;

use crate::{
    commit, delivery,
    error::{closed, store_error},
    snapshot,
    tables::Tables,
    writer::Writer,
};

const LIMITS: Limits = Limits::STANDARD;

/// A durable store in one redb file, for one process at a time.
///
/// One thread writes; what many callers ask for at the same time shares one transaction and one
/// wait for the disk, and each still succeeds or conflicts alone. Reads run beside it, each on a
/// snapshot. Dropping the store carries out what was accepted and closes the file; it blocks the
/// thread for that long.
#[derive(Debug)]
pub struct RedbStore {
    writer: Writer,
    database: Arc<Database>,
}

impl RedbStore {
    /// Opens the store in the file at `path`, creating it if need be.
    ///
    /// # Errors
    ///
    /// `ReadOnly`, `Full`, `Corrupt`; else `Unavailable`, as when another process has it open.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Database::create(path)
            .map_err(Error::from)
            .and_then(Self::on)
            .map_err(|error| store_error("open", error))
    }

    fn on(database: Database) -> Result<Self, Error> {
        let transaction = database.begin_write()?;
        Tables::open(&transaction)?;
        transaction.commit()?;
        let database = Arc::new(database);
        let writer = Writer::start(database.clone())?;
        Ok(Self { writer, database })
    }

    /// Reads from a snapshot, off the threads that must not block.
    async fn look<A: Send + 'static>(
        &self,
        op: &'static str,
        read: impl FnOnce(&ReadTransaction) -> Result<A, Error> + Send + 'static,
    ) -> Result<A, StoreError> {
        if self.writer.has_failed() {
            return Err(closed(op));
        }
        let database = self.database.clone();
        let reading = spawn_blocking(move || read(&database.begin_read()?));
        match reading.await {
            Ok(answer) => answer.map_err(|error| store_error(op, error)),
            Err(error) => Err(StoreError::new(StoreErrorKind::Unavailable, op, error)),
        }
    }
}

#[async_trait]
impl Store for RedbStore {
    fn limits(&self) -> Limits {
        LIMITS
    }

    async fn read(&self, partition: &Partition, query: &Query) -> Result<View, StoreError> {
        LIMITS.check_read("read", query.limit)?;
        let (partition, query) = (partition.clone(), query.clone());
        let read = move |snapshot: &_| snapshot::read(snapshot, &partition, &query);
        self.look("read", read).await
    }

    async fn commit(&self, partition: &Partition, batch: Batch) -> Result<Version, StoreError> {
        batch.check(&LIMITS)?;
        let partition = partition.clone();
        let apply = move |tables: &mut Tables<'_>| commit::apply(tables, &partition, &batch);
        self.writer.perform("commit", apply).await?
    }

    async fn commit_many(
        &self,
        batches: Vec<(Partition, Batch)>,
    ) -> Vec<Result<Version, StoreError>> {
        let count = batches.len();
        if let Err(twice) = Batch::check_apart(&batches) {
            return vec![Err(twice); count];
        }
        let apply = move |tables: &mut Tables<'_>| {
            let each = batches
                .iter()
                .map(|(partition, batch)| match batch.check(&LIMITS) {
                    Ok(()) => commit::apply(tables, partition, batch),
                    Err(invalid) => Ok(Err(invalid)),
                });
            each.collect::<Result<Vec<_>, Error>>()
        };
        match self.writer.perform("commit_many", apply).await {
            Ok(answers) => answers,
            Err(error) => vec![Err(error); count],
        }
    }

    async fn due(&self, query: &DueQuery) -> Result<Vec<Delivery>, StoreError> {
        LIMITS.check_due("due", query.limit)?;
        let query = query.clone();
        let lease = move |tables: &mut Tables<'_>| delivery::lease(tables, &query);
        self.writer.perform("due", lease).await
    }

    async fn settle(&self, settles: Vec<Settle>) -> Result<Vec<bool>, StoreError> {
        let settle = move |tables: &mut Tables<'_>| {
            let each = settles.iter();
            each.map(|settle| delivery::settle(tables, settle))
                .collect()
        };
        self.writer.perform("settle", settle).await
    }

    async fn dead(
        &self,
        after: Option<(&Partition, &Key)>,
        limit: u32,
    ) -> Result<Vec<Delivery>, StoreError> {
        LIMITS.check_due("dead", limit)?;
        let after = after.map(|(partition, key)| (partition.clone(), key.clone()));
        let list = move |snapshot: &_| snapshot::dead(snapshot, after, limit);
        self.look("dead", list).await
    }

    async fn changes(
        &self,
        partition: &Partition,
        since: Version,
        limit: u32,
    ) -> Result<Changes, StoreError> {
        LIMITS.check_read("changes", limit)?;
        let partition = partition.clone();
        let follow = move |snapshot: &_| snapshot::changes(snapshot, &partition, since, limit);
        self.look("changes", follow).await
    }
}

#[async_trait]
impl Listing for RedbStore {
    async fn partitions(
        &self,
        after: Option<&Partition>,
        limit: u32,
    ) -> Result<Vec<Partition>, StoreError> {
        LIMITS.check_read("partitions", limit)?;
        let after = after.cloned();
        let list = move |snapshot: &_| snapshot::partitions(snapshot, after, limit);
        self.look("partitions", list).await
    }
}

#[cfg(test)]
mod tests;
