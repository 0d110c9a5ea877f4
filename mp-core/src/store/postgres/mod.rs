//! One PostgreSQL database, any number of processes.

mod backoff;
mod column;
mod commit;
mod connections;
mod delivery;
mod error;
mod lane;
mod options;
mod queue;
mod reader;
mod schema;
mod tls;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use tokio::sync::oneshot;

pub use self::options::PostgresOptions;
use self::{
    connections::Connections,
    lane::Lane,
    queue::{Answer, Job, Queue},
};
use super::{
    Batch, Changes, Delivery, DueQuery, Key, Limits, Listing, Partition, Query, Settle, Store,
    StoreError, StoreErrorKind, Version, View,
    admission::{check_batch, check_limit, check_once},
};

/// A durable store in a PostgreSQL database, for any number of processes.
#[derive(Debug)]
pub struct PostgresStore {
    connections: Connections,
    queue: Arc<Queue>,
    transactions: Arc<AtomicU64>,
}

impl PostgresStore {
    /// Connects to the database at `url`, creating or upgrading the tables if need be.
    ///
    /// # Errors
    ///
    /// `Invalid` if the URL or an option cannot be used, `Newer` if a newer release made the
    /// tables, `ReadOnly` if they are to be made and the role may not, `Corrupt` if they are not
    /// ours, else `Unavailable`.
    pub async fn connect(url: &str, options: PostgresOptions) -> Result<Self, StoreError> {
        let config = connections::parse(url, &options)?;
        let tls = tls::connector(&config, &options)?;
        let connections = Connections::new(&config, &tls, options.connections, &options)?;
        let client = connections
            .get()
            .await
            .map_err(|failure| failure.store_error("connect", StoreErrorKind::Unavailable))?;
        schema::prepare(&client, options.schema.as_deref()).await?;
        drop(client);
        let queue = Arc::default();
        let transactions = Arc::default();
        let lanes = Connections::new(&config, &tls, options.lanes, &options)?;
        Lane::start(options.lanes.get(), &queue, &lanes, &transactions);
        Ok(Self {
            connections,
            queue,
            transactions,
        })
    }

    /// Returns how many transactions with commits were made durable since the store was connected.
    ///
    /// Beside the number of commits it tells how many of them share one wait for the disk.
    #[must_use]
    pub fn transactions(&self) -> u64 {
        self.transactions.load(Ordering::Relaxed)
    }

    fn job(&self, partition: Partition, batch: Batch) -> Result<(Job, Pending), StoreError> {
        check_batch(&batch, &self.limits())?;
        Ok(Job::new(partition, batch))
    }
}

impl Drop for PostgresStore {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// Where the answer to a commit arrives.
type Pending = oneshot::Receiver<Answer>;

#[async_trait]
impl Store for PostgresStore {
    fn limits(&self) -> Limits {
        Limits::STANDARD
    }

    async fn read(&self, partition: &Partition, query: &Query) -> Result<View, StoreError> {
        check_limit("read", query.limit, self.limits().read_max)?;
        reader::read(&self.connections, partition, query).await
    }

    async fn commit(&self, partition: &Partition, batch: Batch) -> Result<Version, StoreError> {
        let (job, answer) = self.job(partition.clone(), batch)?;
        self.queue.accept(vec![job])?;
        settled(answer).await
    }

    async fn commit_many(
        &self,
        batches: Vec<(Partition, Batch)>,
    ) -> Vec<Result<Version, StoreError>> {
        if let Err(refusals) = check_once(&batches) {
            return refusals;
        }
        let mut versions = Vec::with_capacity(batches.len());
        let mut batches = batches.into_iter();
        while versions.len() < versions.capacity() {
            let portion = batches.by_ref().take(PORTION);
            let mut jobs = Vec::new();
            let mut pending = Vec::new();
            for (partition, batch) in portion {
                let accepted = self.job(partition, batch);
                pending.push(accepted.map(|(job, answer)| {
                    jobs.push(job);
                    answer
                }));
            }
            let accepted = self.queue.accept(jobs);
            for answer in pending {
                versions.push(match (answer, &accepted) {
                    (Err(error), _) => Err(error),
                    (_, Err(error)) => Err(error.clone()),
                    (Ok(answer), Ok(())) => settled(answer).await,
                });
            }
        }
        versions
    }

    async fn due(&self, query: &DueQuery) -> Result<Vec<Delivery>, StoreError> {
        check_limit("due", query.limit, self.limits().due_max)?;
        delivery::lease(&self.connections, query).await
    }

    async fn settle(&self, settles: Vec<Settle>) -> Result<Vec<bool>, StoreError> {
        delivery::settle(&self.connections, &settles).await
    }

    async fn dead(
        &self,
        after: Option<(&Partition, &Key)>,
        limit: u32,
    ) -> Result<Vec<Delivery>, StoreError> {
        check_limit("dead", limit, self.limits().due_max)?;
        delivery::dead(&self.connections, after, limit).await
    }

    async fn changes(
        &self,
        partition: &Partition,
        since: Version,
        limit: u32,
    ) -> Result<Changes, StoreError> {
        check_limit("changes", limit, self.limits().read_max)?;
        reader::changes(&self.connections, partition, since, limit).await
    }
}

#[async_trait]
impl Listing for PostgresStore {
    async fn partitions(
        &self,
        after: Option<&Partition>,
        limit: u32,
    ) -> Result<Vec<Partition>, StoreError> {
        check_limit("partitions", limit, self.limits().read_max)?;
        reader::partitions(&self.connections, after, limit).await
    }
}

/// How many batches of one `commit_many` wait at a time.
const PORTION: usize = 1_024;

/// Waits for a commit's answer. A lane that ends without one leaves the outcome open.
async fn settled(answer: Pending) -> Answer {
    answer
        .await
        .unwrap_or_else(|error| Err(StoreError::new(StoreErrorKind::Unknown, "commit", error)))
}
