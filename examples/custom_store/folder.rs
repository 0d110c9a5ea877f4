use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, BufReader, BufWriter},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use mp_core::store::{
    Batch, Changes, Delivery, DueQuery, Key, Limits, Partition, Query, Settle, Store, StoreError,
    StoreErrorKind, Version, View,
};
use tokio::task::spawn_blocking;

use crate::family::Family;

const LIMITS: Limits = Limits::STANDARD;

/// A store for one process: a folder with a JSON file for each partition.
///
/// A partition is what must change as a whole, and replacing one file does that. It is as simple as
/// a durable store can be: calls take turns, and what is due is found by reading every file.
#[derive(Debug)]
pub(crate) struct FolderStore(Arc<Mutex<Option<Folder>>>);

#[derive(Debug)]
struct Folder {
    path: PathBuf,
    _lock: File,
}

impl FolderStore {
    /// Opens the store in a folder, creating it if need be.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let folder = Folder::open(path).map_err(|error| nothing_done("open", error))?;
        Ok(Self(Arc::new(Mutex::new(Some(folder)))))
    }

    /// Acts on the folder, off the threads that must not block.
    ///
    /// After an unknown outcome the store is closed: nobody is told of a state that is perhaps not
    /// the one on the disk.
    async fn act<A: Send + 'static>(
        &self,
        op: &'static str,
        act: impl FnOnce(&Folder) -> Result<A, StoreError> + Send + 'static,
    ) -> Result<A, StoreError> {
        let closed = move || nothing_done(op, io::Error::other("a write failed: open it again"));
        let folder = self.0.clone();
        let acting = spawn_blocking(move || {
            let mut folder = folder.lock().map_err(|_| closed())?;
            let answer = act(folder.as_ref().ok_or_else(closed)?);
            if matches!(&answer, Err(error) if error.kind() == StoreErrorKind::Unknown) {
                *folder = None;
            }
            answer
        });
        let lost = |error| Err(StoreError::new(StoreErrorKind::Unknown, op, error));
        acting.await.unwrap_or_else(lost)
    }
}

impl Folder {
    fn open(path: &Path) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        let lock = File::create(path.join("lock"))?;
        lock.try_lock()?;
        // What is seen from here on is on the disk, even if the last process broke off.
        File::open(path)?.sync_all()?;
        let path = path.to_owned();
        Ok(Self { path, _lock: lock })
    }

    /// Partition ids have no `%`, and at least two slashes; no other file here has any.
    fn file(&self, partition: &Partition) -> PathBuf {
        self.path.join(partition.id().replace('/', "%"))
    }

    fn partitions(&self) -> Result<BTreeSet<Partition>, StoreError> {
        let mut partitions = BTreeSet::new();
        for entry in fs::read_dir(&self.path).map_err(|error| nothing_done("list", error))? {
            let entry = entry.map_err(|error| nothing_done("list", error))?;
            let id = entry.file_name().to_string_lossy().replace('%', "/");
            if id.contains('/') {
                partitions.insert(Partition::parse(&id).map_err(corrupt)?);
            }
        }
        Ok(partitions)
    }

    fn load(&self, partition: &Partition) -> Result<Family, StoreError> {
        match File::open(self.file(partition)) {
            Ok(file) => serde_json::from_reader(BufReader::new(file)).map_err(corrupt),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Family::default()),
            Err(error) => Err(nothing_done("load", error)),
        }
    }

    /// Replaces the file of a partition; what this answers is on the disk.
    fn save(&self, partition: &Partition, family: &Family) -> Result<(), StoreError> {
        let new = self.path.join("new");
        let write = || {
            let mut file = BufWriter::new(File::create(&new)?);
            serde_json::to_writer_pretty(&mut file, family)?;
            file.into_inner()?.sync_all()
        };
        write().map_err(|error| nothing_done("save", error))?;
        let replaced = fs::rename(&new, self.file(partition));
        let replaced = replaced.and_then(|()| File::open(&self.path)?.sync_all());
        replaced.map_err(|error| StoreError::new(StoreErrorKind::Unknown, "save", error))
    }

    fn commit(&self, partition: &Partition, batch: &Batch) -> Result<Version, StoreError> {
        let mut family = self.load(partition)?;
        let version = family.commit(batch, &LIMITS)?;
        self.save(partition, &family)?;
        Ok(version)
    }

    fn lease(&self, query: &DueQuery) -> Result<Vec<Delivery>, StoreError> {
        let mut due = Vec::new();
        for partition in self.partitions()? {
            if query.slots.contains(partition.slot()) {
                let keys = self.load(&partition)?.due(query)?;
                due.extend(
                    keys.into_iter()
                        .map(|(since, key)| (since, partition.clone(), key)),
                );
            }
        }
        due.sort();
        due.truncate(query.limit as usize);
        let mut leased = Vec::new();
        for (_, partition, key) in due {
            let mut family = self.load(&partition)?;
            leased.extend(family.lease(&partition, &key, query));
            self.save(&partition, &family)?;
        }
        Ok(leased)
    }

    fn settle(&self, settle: &Settle) -> Result<bool, StoreError> {
        let mut family = self.load(&settle.partition)?;
        let held = family.settle(settle);
        if held {
            self.save(&settle.partition, &family)?;
        }
        Ok(held)
    }
}

#[async_trait]
impl Store for FolderStore {
    fn limits(&self) -> Limits {
        LIMITS
    }

    async fn read(&self, partition: &Partition, query: &Query) -> Result<View, StoreError> {
        LIMITS.check_read("read", query.limit)?;
        let (partition, query) = (partition.clone(), query.clone());
        let read = move |folder: &Folder| folder.load(&partition)?.read(&query);
        self.act("read", read).await
    }

    async fn commit(&self, partition: &Partition, batch: Batch) -> Result<Version, StoreError> {
        let partition = partition.clone();
        let commit = move |folder: &Folder| folder.commit(&partition, &batch);
        self.act("commit", commit).await
    }

    async fn commit_many(
        &self,
        batches: Vec<(Partition, Batch)>,
    ) -> Vec<Result<Version, StoreError>> {
        if let Err(twice) = Batch::check_apart(&batches) {
            return vec![Err(twice); batches.len()];
        }
        let mut answers = Vec::new();
        for (partition, batch) in batches {
            answers.push(self.commit(&partition, batch).await);
        }
        answers
    }

    async fn due(&self, query: &DueQuery) -> Result<Vec<Delivery>, StoreError> {
        LIMITS.check_due("due", query.limit)?;
        let query = query.clone();
        self.act("due", move |folder| folder.lease(&query)).await
    }

    async fn settle(&self, settles: Vec<Settle>) -> Result<Vec<bool>, StoreError> {
        let settle = move |folder: &Folder| {
            let each = settles.iter();
            each.map(|settle| folder.settle(settle)).collect()
        };
        self.act("settle", settle).await
    }

    async fn dead(
        &self,
        after: Option<(&Partition, &Key)>,
        limit: u32,
    ) -> Result<Vec<Delivery>, StoreError> {
        LIMITS.check_due("dead", limit)?;
        let after = after.map(|(partition, key)| (partition.clone(), key.clone()));
        let list = move |folder: &Folder| {
            let mut dead = Vec::new();
            for partition in folder.partitions()? {
                dead.extend(folder.load(&partition)?.dead(&partition)?);
            }
            dead.retain(|one| Some((one.partition.clone(), one.key.clone())) > after);
            dead.truncate(limit as usize);
            Ok(dead)
        };
        self.act("dead", list).await
    }

    async fn changes(
        &self,
        partition: &Partition,
        since: Version,
        limit: u32,
    ) -> Result<Changes, StoreError> {
        LIMITS.check_read("changes", limit)?;
        let partition = partition.clone();
        let follow = move |folder: &Folder| folder.load(&partition)?.changes(since, limit);
        self.act("changes", follow).await
    }
}

fn nothing_done(op: &'static str, error: io::Error) -> StoreError {
    let kind = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreErrorKind::Full,
        io::ErrorKind::PermissionDenied => StoreErrorKind::ReadOnly,
        _ => StoreErrorKind::Unavailable,
    };
    StoreError::new(kind, op, error)
}

fn corrupt(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::new(StoreErrorKind::Corrupt, "load", error)
}
