//! One durable file: the embedded default.

mod backup;
mod checkpoint;
mod column;
mod commit;
mod crew;
mod delivery;
mod embed;
mod error;
mod follower;
mod job;
mod options;
mod part;
mod patience;
mod question;
mod reader;
mod restore;
mod schema;
mod thread;
mod writer;

use std::{
    path::{Path, PathBuf, absolute},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use rusqlite::Connection;
use tokio::{
    sync::oneshot::{self, error::RecvError},
    task::spawn_blocking,
};

pub use self::options::{Durability, SqliteOptions};
use self::{
    checkpoint::Checkpointer,
    crew::{Crew, Queue},
    job::{Job, Task},
    question::{Question, Reply},
    reader::Reader,
    writer::{GROUP_MAX, Writer},
};
use super::{
    Batch, Changes, Delivery, DueQuery, Key, Limits, Listing, Partition, Query, Settle, Store,
    StoreError, StoreErrorKind, Version, View, admission::check_batch,
};

/// The most writes that wait for the writer; what comes on top is `Unavailable` at once.
const WRITES_WAITING_MAX: usize = 16_384;

/// The most reads that wait for a reader; what comes on top is `Unavailable` at once.
const READS_WAITING_MAX: usize = 16_384;

/// A durable store in one SQLite file: the embedded default.
///
/// One thread writes; what many callers ask for at the same time shares one transaction and one
/// wait for the disk, and each still succeeds or conflicts alone. Reads run beside it on threads of
/// their own. Several processes may use one file on one machine at once; they wait for each other
/// up to [`SqliteOptions::busy_timeout`] and then answer `Unavailable`, nothing written. Whoever
/// writes without a pause keeps nobody from writing.
///
/// Values are kept as text, so they must be UTF-8, and any SQLite tool shows them:
/// `sqlite3 mp.db 'SELECT * FROM mp_json'`, likewise `mp_head` and `mp_work`.
///
/// Dropping the store carries out what was accepted, writes the log back and closes the file; it
/// blocks the thread for that long.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use mp_core::store::{Partition, Query, SqliteOptions, SqliteStore, Store};
///
/// let folder = tempfile::tempdir()?;
/// let store = SqliteStore::open(folder.path().join("mp.db"), SqliteOptions::default())?;
/// let group = Partition::parse("market/group/gb_01")?;
/// assert!(store.read(&group, &Query::default()).await?.records.is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct SqliteStore {
    // Dropped first: the log is written back only by the last to close the file, and readers cannot.
    readers: Crew<Question>,
    writer: Crew<Job>,
    // Ends when the writer has closed its connection.
    _checkpointer: Checkpointer,
    transactions: Arc<AtomicU64>,
    path: PathBuf,
    options: SqliteOptions,
}

impl SqliteStore {
    /// Opens the store in the file at `path`, creating or upgrading it if need be.
    ///
    /// # Errors
    ///
    /// `Newer` if a newer release made the file, `ReadOnly` if it cannot be written, `Full` if the
    /// disk is full, `Corrupt` if it is not a database or found to be damaged (with
    /// [`SqliteOptions::quick_check`] wherever the damage is), `Invalid` if it is another program's
    /// database, else `Unavailable`.
    pub fn open(path: impl AsRef<Path>, options: SqliteOptions) -> Result<Self, StoreError> {
        // Made absolute so that no path means anything but a file: not `:memory:`, not a URI.
        let path = absolute(path)
            .map_err(|error| StoreError::new(StoreErrorKind::Invalid, "open", error))?;
        let transactions = Arc::new(AtomicU64::new(0));
        let mut connection = schema::open_writer(&path, &options)?;
        let checkpointer = Checkpointer::start(&path, &options, &mut connection)?;
        let writer = start_writer(connection, options.busy_timeout, transactions.clone())?;
        let readers = start_readers(&path, &options)?;
        Ok(Self {
            readers,
            writer,
            _checkpointer: checkpointer,
            transactions,
            path,
            options,
        })
    }

    /// Copies the store, as it is at one moment, into a new file at `to`, while others read and
    /// write on.
    ///
    /// The copy is a store like this one, without the room that deleted records have left, and those may
    /// read and write it who may do so with the store's file. It appears under its name when all of it is
    /// on the disk. Until then the log of this store only grows: on a busy store, make copies when there is
    /// room for what is written meanwhile. A process that is killed meanwhile leaves a file beside `to`
    /// whose name ends in `.part`: such files can be deleted when no copy is under way. On a file system
    /// without hard links an empty file has the name for a moment before, and keeps it if the process is
    /// killed then.
    ///
    /// What puts a copy back is [`restore`](Self::restore), and nothing else: a store that was killed has
    /// left a log beside its file (`mp.db-wal`), which would be applied to whatever is put there by hand.
    ///
    /// # Errors
    ///
    /// `Invalid` if there is a file at `to` or no folder for it, `Full` if the disk is full,
    /// `ReadOnly` if the folder cannot be written, else `Unavailable`; nothing stands at `to` then.
    pub async fn back_up(&self, to: impl AsRef<Path>) -> Result<(), StoreError> {
        let (from, options) = (self.path.clone(), self.options.clone());
        let to = to.as_ref().to_owned();
        aside("backup", move || backup::back_up(&from, &to, &options)).await
    }

    /// Puts a copy that [`back_up`](Self::back_up) has made in the place of the store at `to`, if there
    /// is one, whatever state that is in.
    ///
    /// The copy itself stays. It is looked through for damage first, all of it, as with
    /// [`SqliteOptions::quick_check`]. What was written to the store at `to` after the copy was made is
    /// lost, and the log goes that it may have left. Whoever kills this meanwhile finds the one store
    /// or the other, and perhaps a file that ends in `.part`; from a damaged store, what its log held
    /// may be gone.
    ///
    /// Nobody may have the store open: stop the processes that use it, and what starts them again. Whoever
    /// tries to open it meanwhile is `Unavailable`. The permissions stay those of the file at `to`; where
    /// there is none they are the copy's.
    ///
    /// # Errors
    ///
    /// `Unavailable` if somebody has the store at `to` open, `Corrupt` if the copy is damaged or no
    /// database, `Newer` if a newer release made it, `Invalid` if there is none, if it is empty or
    /// another program's, if it is in use itself (it has a log of its own then), or if there is no folder
    /// for the store, `Full` if the disk is full, `ReadOnly` if the folder or the store cannot be
    /// written, else `Unavailable`; the store at `to` is as it was then.
    pub async fn restore(copy: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<(), StoreError> {
        let (copy, to) = (copy.as_ref().to_owned(), to.as_ref().to_owned());
        aside("restore", move || restore::restore(&copy, &to)).await
    }

    /// Returns how many transactions with writes were made durable since the store was opened.
    ///
    /// Beside the number of commits it tells how many of them share one wait for the disk.
    #[must_use]
    pub fn transactions(&self) -> u64 {
        self.transactions.load(Ordering::Relaxed)
    }

    async fn ask<A>(
        &self,
        op: &'static str,
        question: impl FnOnce(Reply<A>) -> Question,
    ) -> Result<A, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.readers.accept(op, question(reply))?;
        answer
            .await
            .unwrap_or_else(|error| Err(unanswered(StoreErrorKind::Unavailable, op, error)))
    }

    fn submit(&self, partition: Partition, batch: Batch) -> Pending<Version> {
        check_batch(&batch, &self.limits())?;
        let (task, answer) = Task::new((partition, batch));
        self.writer.accept("commit", Job::Commit(task))?;
        Ok(answer)
    }
}

/// Where the answer to a write arrives, if it was accepted.
type Pending<A> = Result<oneshot::Receiver<Result<A, StoreError>>, StoreError>;

#[async_trait]
impl Store for SqliteStore {
    fn limits(&self) -> Limits {
        Limits::STANDARD
    }

    async fn read(&self, partition: &Partition, query: &Query) -> Result<View, StoreError> {
        self.limits().check_read("read", query.limit)?;
        self.ask("read", |reply| {
            Question::Read(partition.clone(), query.clone(), reply)
        })
        .await
    }

    async fn commit(&self, partition: &Partition, batch: Batch) -> Result<Version, StoreError> {
        settled("commit", self.submit(partition.clone(), batch)).await
    }

    async fn commit_many(
        &self,
        mut batches: Vec<(Partition, Batch)>,
    ) -> Vec<Result<Version, StoreError>> {
        if let Err(twice) = Batch::check_apart(&batches) {
            return vec![Err(twice); batches.len()];
        }
        let mut versions = Vec::with_capacity(batches.len());
        while !batches.is_empty() {
            let group = batches.drain(..batches.len().min(GROUP_MAX));
            let pending: Vec<_> = group
                .map(|(partition, batch)| self.submit(partition, batch))
                .collect();
            for answer in pending {
                versions.push(settled("commit_many", answer).await);
            }
        }
        versions
    }

    async fn due(&self, query: &DueQuery) -> Result<Vec<Delivery>, StoreError> {
        self.limits().check_due("due", query.limit)?;
        let (task, answer) = Task::new(query.clone());
        self.writer.accept("due", Job::Lease(task))?;
        // Leases whose answer was lost run out.
        answer
            .await
            .unwrap_or_else(|error| Err(unanswered(StoreErrorKind::Unavailable, "due", error)))
    }

    async fn settle(&self, settles: Vec<Settle>) -> Result<Vec<bool>, StoreError> {
        let (task, answer) = Task::new(settles);
        self.writer.accept("settle", Job::Settle(task))?;
        settled("settle", Ok(answer)).await
    }

    async fn dead(
        &self,
        after: Option<(&Partition, &Key)>,
        limit: u32,
    ) -> Result<Vec<Delivery>, StoreError> {
        self.limits().check_due("dead", limit)?;
        let after = after.map(|(partition, key)| (partition.clone(), key.clone()));
        self.ask("dead", |reply| Question::Dead(after, limit, reply))
            .await
    }

    async fn changes(
        &self,
        partition: &Partition,
        since: Version,
        limit: u32,
    ) -> Result<Changes, StoreError> {
        self.limits().check_read("changes", limit)?;
        self.ask("changes", |reply| {
            Question::Changes(partition.clone(), since, limit, reply)
        })
        .await
    }
}

#[async_trait]
impl Listing for SqliteStore {
    async fn partitions(
        &self,
        after: Option<&Partition>,
        limit: u32,
    ) -> Result<Vec<Partition>, StoreError> {
        self.limits().check_read("partitions", limit)?;
        self.ask("partitions", |reply| {
            Question::Partitions(after.cloned(), limit, reply)
        })
        .await
    }
}

/// Does what takes long on a thread that nobody else waits for.
async fn aside(
    op: &'static str,
    work: impl FnOnce() -> Result<(), StoreError> + Send + 'static,
) -> Result<(), StoreError> {
    spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(StoreError::new(StoreErrorKind::Unavailable, op, error)))
}

fn start_writer(
    connection: Connection,
    busy_timeout: Duration,
    transactions: Arc<AtomicU64>,
) -> Result<Crew<Job>, StoreError> {
    let work = move |connection: &Connection, jobs: &Queue<Job>, ready: &dyn Fn()| {
        let mut writer = Writer::prepare(connection, busy_timeout, transactions.clone())?;
        ready();
        writer.run(jobs);
        Ok(())
    };
    Crew::start(
        "mp-sqlite-writer",
        WRITES_WAITING_MAX,
        vec![connection],
        work,
    )
}

fn start_readers(path: &Path, options: &SqliteOptions) -> Result<Crew<Question>, StoreError> {
    let connections = (0..options.readers.get()).map(|_| schema::open_reader(path, options));
    let connections = connections.collect::<Result<_, _>>()?;
    let work = |connection: &Connection, questions: &Queue<Question>, ready: &dyn Fn()| {
        let mut reader = Reader::prepare(connection)?;
        ready();
        reader.run(questions);
        Ok(())
    };
    Crew::start("mp-sqlite-reader", READS_WAITING_MAX, connections, work)
}

/// Waits for a write's answer. A writer that ends without one leaves the outcome open.
async fn settled<A>(op: &'static str, pending: Pending<A>) -> Result<A, StoreError> {
    pending?
        .await
        .unwrap_or_else(|error| Err(unanswered(StoreErrorKind::Unknown, op, error)))
}

fn unanswered(kind: StoreErrorKind, op: &'static str, error: RecvError) -> StoreError {
    StoreError::new(kind, op, error)
}
