use std::{
    io,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    task::{Context, Waker},
};

use super::*;
use mp_core::{
    Timestamp,
    store::{CommitId, Write},
};
use redb::{Builder, StorageBackend, backends::InMemoryBackend};

/// A disk that can be held up, can fail, and counts how often it was waited for.
#[derive(Debug, Default)]
struct Disk {
    memory: InMemoryBackend,
    held_up: Mutex<()>,
    fails: AtomicBool,
    waits: AtomicU32,
}

#[derive(Clone, Debug, Default)]
struct SharedDisk(Arc<Disk>);

impl StorageBackend for SharedDisk {
    fn len(&self) -> io::Result<u64> {
        self.0.memory.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.memory.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.memory.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        let _turn = self.0.held_up.lock();
        self.0.waits.fetch_add(1, Ordering::Relaxed);
        if self.0.fails.load(Ordering::Relaxed) {
            return Err(io::Error::other("the disk is gone"));
        }
        self.0.memory.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.memory.write(offset, data)
    }
}

fn store() -> (Arc<RedbStore>, Arc<Disk>) {
    let disk = SharedDisk::default();
    let database = Builder::new().create_with_backend(disk.clone());
    let store = RedbStore::on(database.expect("the database opens")).expect("the store opens");
    (Arc::new(store), disk.0)
}

fn partition(number: u32) -> Partition {
    Partition::parse(&format!("app/thing/{number}")).expect("a partition's id")
}

fn creation() -> Batch {
    let root = Write::put(Key::root(), "{}".into());
    Batch {
        expect: Version::ABSENT,
        commit_id: CommitId::random(),
        at: Timestamp::from_micros(1),
        writes: vec![root],
    }
}

#[tokio::test(flavor = "current_thread")]
async fn commits_that_wait_share_one_wait_for_the_disk() {
    let (store, disk) = store();
    let waits_of_one = {
        let before = disk.waits.load(Ordering::Relaxed);
        store
            .commit(&partition(0), creation())
            .await
            .expect("commits");
        disk.waits.load(Ordering::Relaxed) - before
    };
    let before = disk.waits.load(Ordering::Relaxed);
    let held_up = disk.held_up.lock().expect("nobody panics holding it");
    let partitions: Vec<_> = (1..=100).map(partition).collect();
    let mut commits: Vec<_> = partitions
        .iter()
        .map(|partition| store.commit(partition, creation()))
        .collect();
    for commit in &mut commits {
        // Polled once it is in the writer's queue; tasks would not all have been when this one goes on.
        let queued = commit
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        assert!(queued.is_pending(), "the disk is held up");
    }
    drop(held_up);
    for commit in commits {
        commit.await.expect("commits");
    }
    let waits = disk.waits.load(Ordering::Relaxed) - before;
    // One transaction may have begun with the first few; the other has all the rest.
    assert!(waits <= 2 * waits_of_one, "{waits} waits for the disk");
}

#[tokio::test]
async fn after_a_commit_of_unknown_outcome_nothing_is_answered() {
    let (store, disk) = store();
    let kind = |answer: Result<Version, StoreError>| answer.expect_err("no disk").kind();
    disk.fails.store(true, Ordering::Relaxed);
    let lost = store.commit(&partition(1), creation()).await;
    assert_eq!(kind(lost), StoreErrorKind::Unknown);

    disk.fails.store(false, Ordering::Relaxed);
    let read = store.read(&partition(1), &Query::default()).await;
    assert_eq!(
        kind(read.map(|view| view.head)),
        StoreErrorKind::Unavailable
    );
    let again = store.commit(&partition(1), creation()).await;
    assert_eq!(kind(again), StoreErrorKind::Unavailable);
}
