//! One PostgreSQL database, any number of processes.

mod backoff;
mod by_slot;
mod column;
mod commit;
mod connections;
mod delivery;
mod distribution;
mod embed;
mod error;
mod group;
mod held;
mod hint;
mod hosts;
mod lane;
mod options;
mod queue;
mod quiet;
mod reader;
mod refusal;
mod schema;
mod session;
mod sslmode;
mod tls;
mod turn;

use std::{
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use tokio::{
    sync::{oneshot, watch},
    task::JoinSet,
};

pub use self::options::PostgresOptions;
use self::{
    connections::Connections,
    distribution::Distribution,
    hint::Hints,
    hosts::Hosts,
    lane::Lane,
    queue::{Answer, Job, Queue},
    turn::Turns,
};
use super::{
    Batch, Changes, Delivery, DueQuery, InTurn, Key, Limits, Listing, Partition, Query, Settle,
    Store, StoreError, StoreErrorKind, Version, View, admission::check_batch,
};
use crate::clock::Clock;

/// A durable store in a PostgreSQL database: for any number of processes, on any number of machines.
///
/// A few connections, the lanes, commit; what many callers ask for at the same time shares one
/// statement, one transaction and one wait for the disk, and each still succeeds or conflicts alone.
/// A lone commit goes straight through. Reads and due work have connections of their own, of which
/// half at most lock for [turns](Store::take_turn), none while nothing is asked of it for a second. Sessions
/// that break are made anew, with growing pauses, and what could not be sent for as long as
/// [`PostgresOptions::connect_timeout`] is `Unavailable`.
///
/// It is right at READ COMMITTED and above, whichever the server prescribes; READ COMMITTED, which
/// PostgreSQL has unless told otherwise, is the fastest. Statements that meet another transaction
/// (SQLSTATE 40001, 40P01) are tried again by themselves. A commit during which the session was lost
/// is `Unknown`: it may still be under way in a server that has not noticed yet.
///
/// What is committed is on the server's disk: where `synchronous_commit` is `off` for the server, the
/// database or the role, it is `on` in the store's sessions. What else it is set to stays.
///
/// PostgreSQL 14 or newer is needed, reached directly or through a pooler that keeps sessions
/// together. A session uses no advisory lock, no sequence and no temporary table; only making the
/// tables, once, takes a lock on the name `mp_store`.
///
/// # The URL
///
/// `postgres://user:password@host:port/database`, or `key=value` pairs, as [libpq] reads them.
/// Several hosts may be given: the one that takes writes is found, after a fail-over too, as each
/// session asks that of its host when it begins. `target_session_attrs` is `read-write` for them unless
/// said otherwise, and in the place of `any`: a standby tells what was true a while ago. They are asked in
/// turn, each for its share of [`PostgresOptions::connect_timeout`], and one that was silent comes after
/// the others for a minute. What is secure is said by `sslmode`:
///
/// - `disable`: never encrypted.
/// - `prefer`, unless said otherwise: encrypted if the server can, but with whomever answers. It
///   keeps out those who only listen.
/// - `require` and `verify-full`: encrypted, and with a server that shows a certificate for its name
///   from an authority in [`PostgresOptions::root_certificates`]. libpq verifies nothing at
///   `require`; here it is as strict as `verify-full`.
///
/// # The tables
///
/// They are made when a store connects to a database that has none, and those of an older release are
/// brought up to date. Where its role may do neither, somebody who may runs the numbered files of
/// `mp-core/migrations/postgres` by hand, one after another; each says how.
/// Values are kept as text, so they must be UTF-8, and `psql` shows them:
/// `SELECT * FROM mp_json`, likewise `mp_head` and `mp_work`. Those of one batch may have 256 MiB
/// together. The database's encoding is `UTF8`, or `SQL_ASCII`: no other keeps every text.
///
/// # More than one server
///
/// With a synchronous standby a lost primary takes no acknowledged commit with it. On a [Citus]
/// cluster, once `mp-core/migrations/postgres/citus.sql` was run on it, each statement names one slot
/// and is carried out by the worker that has it. There are no turns there, and each worker goes by its
/// own `synchronous_commit`: leave that `on`.
///
/// [Citus]: https://github.com/citusdata/citus
///
/// # The runtime
///
/// The store lives on the tokio runtime that it was connected on. Dropping it carries out in the
/// background what was accepted, as long as that runtime runs; a future that is dropped takes
/// nothing back.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use mp_core::store::{Partition, PostgresOptions, PostgresStore, Query, Store};
///
/// let url = "postgres://mp@db.example/market?sslmode=verify-full";
/// let store = PostgresStore::connect(url, PostgresOptions::default()).await?;
/// let group = Partition::parse("market/group/gb_01")?;
/// assert!(store.read(&group, &Query::default()).await?.records.is_empty());
/// # Ok(())
/// # }
/// ```
///
/// [libpq]: https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING
#[derive(Debug)]
pub struct PostgresStore {
    connections: Connections,
    queue: Arc<Queue>,
    hints: Arc<Hints>,
    transactions: Arc<AtomicU64>,
    turns: Turns,
    schema: Option<String>,
    /// Ends the exchange of hints when it is dropped.
    _exchange: JoinSet<()>,
}

impl PostgresStore {
    /// Connects to the database at `url`, creating or upgrading the tables if need be.
    ///
    /// # Errors
    ///
    /// `Invalid` if the URL, an option or the database's encoding cannot be used, `Newer` if a newer
    /// release made the tables, `ReadOnly` if they are to be made and the role may not, `Corrupt` if they
    /// are not ours, else `Unavailable`.
    pub async fn connect(url: &str, options: PostgresOptions) -> Result<Self, StoreError> {
        let config = connections::parse(url, &options)?;
        let tls = tls::connector(&config, &options)?;
        let hosts = Arc::new(Hosts::new(&config, options.connect_timeout)?);
        let pool =
            |most, distribution| Connections::new(&hosts, &tls, most, &options, distribution);
        let first = pool(NonZeroUsize::MIN, Distribution::Single)?;
        let distribution = schema::prepare(&first, options.schema.as_deref()).await?;
        let connections = pool(options.connections, distribution)?;
        let lanes = pool(options.lanes, distribution)?;
        let queue = Arc::new(Queue::new(options.lanes.get(), distribution));
        let hints = Arc::new(Hints::new());
        let transactions = Arc::default();
        Lane::start(options.lanes.get(), &queue, &lanes, &hints, &transactions);
        let most = match distribution {
            Distribution::Single => options.connections.get() / 2,
            Distribution::BySlot => 0,
        };
        let turns = Turns::new(&connections, most);
        let exchange = if options.notify {
            hints.exchange(&hosts, &tls, &connections)
        } else {
            JoinSet::new()
        };
        Ok(Self {
            connections,
            queue,
            hints,
            transactions,
            turns,
            schema: options.schema,
            _exchange: exchange,
        })
    }

    /// Returns how many transactions with commits were made durable since the store was connected.
    ///
    /// Beside the number of commits it tells how many of them share one wait for the disk.
    #[must_use]
    pub fn transactions(&self) -> u64 {
        self.transactions.load(Ordering::Relaxed)
    }

    /// Returns what changes whenever a delivery was committed that is due at once, by this process
    /// or, with [`PostgresOptions::notify`], by another: for [`Worker::with_hints`].
    ///
    /// Hints get lost, and come for nothing: they shorten a pause, and nothing relies on them.
    ///
    /// [`Worker::with_hints`]: crate::work::Worker::with_hints
    #[must_use]
    pub fn hints(&self) -> watch::Receiver<()> {
        self.hints.subscribe()
    }

    /// Returns by how much a clock differs from the server's, at least: what the way to the server
    /// and back may hide is left out.
    ///
    /// For a host to compare with [`SKEW_MAX`](crate::clock::SKEW_MAX) when it starts; the store
    /// itself goes by the times that it is given and asks the server for none.
    ///
    /// # Errors
    ///
    /// `Unavailable`.
    pub async fn clock_skew(&self, clock: &dyn Clock) -> Result<Duration, StoreError> {
        reader::clock_skew(&self.connections, clock).await
    }

    fn job(partition: Partition, batch: Batch) -> Result<(Job, Pending), StoreError> {
        check_batch(&batch, &Limits::STANDARD)?;
        let (job, answer) = Job::new(partition, batch);
        if job.bytes() > BATCH_BYTES_MAX {
            return Err(StoreError::invalid("commit", "the batch is too large"));
        }
        Ok((job, answer))
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
        self.limits().check_read("read", query.limit)?;
        reader::read(&self.connections, partition, query).await
    }

    async fn commit(&self, partition: &Partition, batch: Batch) -> Result<Version, StoreError> {
        let (job, answer) = Self::job(partition.clone(), batch)?;
        self.queue.accept(vec![job])?;
        settled(answer).await
    }

    async fn take_turn(
        &self,
        partition: &Partition,
        query: &Query,
    ) -> Result<Option<InTurn>, StoreError> {
        self.limits().check_read("take_turn", query.limit)?;
        self.turns.take(partition, query).await
    }

    async fn commit_many(
        &self,
        batches: Vec<(Partition, Batch)>,
    ) -> Vec<Result<Version, StoreError>> {
        if let Err(twice) = Batch::check_apart(&batches) {
            return vec![Err(twice); batches.len()];
        }
        let count = batches.len();
        let mut versions = Vec::with_capacity(count);
        let mut batches = batches.into_iter();
        while versions.len() < count {
            let portion = batches.by_ref().take(PORTION);
            let mut jobs = Vec::new();
            let mut pending = Vec::new();
            for (partition, batch) in portion {
                let accepted = Self::job(partition, batch);
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
        self.limits().check_due("due", query.limit)?;
        if delivery::is_idle(query) {
            return Ok(Vec::new());
        }
        match self.connections.distribution() {
            Distribution::Single => delivery::lease(&self.connections, query).await,
            Distribution::BySlot => {
                by_slot::lease(&self.connections, self.hints.quiet(), query).await
            }
        }
    }

    async fn settle(&self, settles: Vec<Settle>) -> Result<Vec<bool>, StoreError> {
        match self.connections.distribution() {
            Distribution::Single => delivery::settle(&self.connections, None, &settles).await,
            Distribution::BySlot => {
                by_slot::settle(&self.connections, self.hints.quiet(), settles).await
            }
        }
    }

    async fn dead(
        &self,
        after: Option<(&Partition, &Key)>,
        limit: u32,
    ) -> Result<Vec<Delivery>, StoreError> {
        self.limits().check_due("dead", limit)?;
        match self.connections.distribution() {
            Distribution::Single => delivery::dead(&self.connections, after, limit).await,
            Distribution::BySlot => by_slot::dead(&self.connections, after, limit).await,
        }
    }

    async fn changes(
        &self,
        partition: &Partition,
        since: Version,
        limit: u32,
    ) -> Result<Changes, StoreError> {
        self.limits().check_read("changes", limit)?;
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
        self.limits().check_read("partitions", limit)?;
        reader::partitions(&self.connections, after, limit).await
    }
}

/// The longest values of one batch, all together, in bytes: the engine takes no statement of a
/// gibibyte, and holds its arguments in memory more than once.
const BATCH_BYTES_MAX: usize = 256 * 1024 * 1024;

/// How many batches of one `commit_many` wait at a time.
const PORTION: usize = 1_024;

/// Waits for a commit's answer. A lane that ends without one leaves the outcome open.
async fn settled(answer: Pending) -> Answer {
    answer
        .await
        .unwrap_or_else(|error| Err(StoreError::new(StoreErrorKind::Unknown, "commit", error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns how often a statement goes to a table whose rows have slots.
    fn tables(statement: &str) -> usize {
        let tables = ["mp_partition", "mp_record", "mp_delivery"];
        tables
            .iter()
            .map(|table| statement.matches(table).count())
            .sum()
    }

    /// Returns how often a statement says that a slot is what one of its parameters says.
    fn bound(statement: &str) -> usize {
        let after = statement.split("slot = $").skip(1);
        after
            .filter(|after| after.starts_with(|first: char| first.is_ascii_digit()))
            .count()
    }

    /// What a cluster carries out: were one table of it asked for more, each worker would be asked.
    #[test]
    fn every_statement_of_one_slot_is_given_it_for_each_table() {
        let statements = [
            commit::OF_ONE_SLOT,
            delivery::OF_ONE_SLOT,
            reader::OF_ONE_SLOT,
        ];
        for statement in statements.into_iter().flatten() {
            let by_function = statement.contains("SELECT mp_commit_v2(\n    $1,");
            assert!(by_function || tables(statement) > 0, "{statement}");
            assert_eq!(bound(statement), tables(statement), "{statement}");
        }
    }

    /// Every key begins with the slot.
    #[test]
    fn every_statement_of_many_slots_is_given_them_and_joins_by_them() {
        let statements = [
            commit::OF_MANY_SLOTS,
            delivery::OF_MANY_SLOTS,
            reader::OF_MANY_SLOTS,
        ];
        for statement in statements.into_iter().flatten() {
            let given = ["$1::smallint[]", "$3::bytea", "mp_commit_many_v2(\n    $1,"];
            let given = given.iter().any(|given| statement.contains(given));
            assert!(given, "{statement}");
            let joined = ["slot = s.slot", "slot = due.slot", "d.slot) = 1"];
            let joined = joined.map(|by| statement.matches(by).count());
            assert_eq!(
                joined.iter().sum::<usize>(),
                tables(statement),
                "{statement}"
            );
        }
    }
}
