//! What the embedded store promises about a disk that is full.
#![cfg(all(feature = "sqlite", target_os = "linux"))]

use std::{fs, path::Path, process::Command};

use bytes::Bytes;
use mp_core::{
    clock::Timestamp,
    store::{
        Batch, CommitId, Key, Partition, Query, SqliteOptions, SqliteStore, Store, StoreErrorKind,
        Version, Write,
    },
};
use rusqlite::{Connection, config::DbConfig};

/// A small file system in memory, there until it is dropped.
struct Disk(tempfile::TempDir);

impl Disk {
    /// Mounts one, which only a privileged user may.
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=3m", "mp-test"])
            .arg(folder.path())
            .output();
        let is_mounted = mounted.is_ok_and(|mounted| mounted.status.success());
        is_mounted.then_some(Self(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Takes up all room but so many kibibytes.
    fn fill(&self, left: usize) {
        let ballast = self.path().join("ballast");
        let mut length = 3 * 1024 * 1024;
        while fs::write(&ballast, vec![0; length]).is_err() {
            length -= 4096;
        }
        fs::write(&ballast, vec![0; length.saturating_sub(left * 1024)]).expect("makes room");
    }

    fn make_room(&self) {
        fs::remove_file(self.path().join("ballast")).expect("makes room");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount")
            .arg("--lazy")
            .arg(self.path())
            .output();
    }
}

fn partition() -> Partition {
    Partition::parse("market/group/gb_01").expect("a valid id")
}

fn batch(expect: Version, length: usize) -> Batch {
    Batch {
        expect,
        commit_id: CommitId::random(),
        at: Timestamp::from_micros(1),
        writes: vec![Write::put(Key::root(), Bytes::from(vec![b'a'; length]))],
    }
}

async fn head(store: &SqliteStore) -> Version {
    let view = store.read(&partition(), &Query::default()).await;
    view.expect("reads although the disk is full").head
}

#[tokio::test]
async fn a_full_disk_is_full_and_nothing_is_written_until_there_is_room() {
    let Some(disk) = Disk::mount() else {
        eprintln!("SKIPPED: this user may not mount a small disk to fill");
        return;
    };
    let path = disk.path().join("mp.db");
    let store = SqliteStore::open(&path, SqliteOptions::default()).expect("opens");
    let created = store.commit(&partition(), batch(Version::ABSENT, 10)).await;
    let created = created.expect("creates");

    disk.fill(16);
    let refused = store.commit(&partition(), batch(created, 200_000)).await;
    let refused = refused.expect_err("there is no room");
    assert_eq!(refused.kind(), StoreErrorKind::Full, "{refused:?}");
    assert_eq!(head(&store).await, created);
    let copy = store.back_up(disk.path().join("copy.db")).await;
    assert_eq!(copy.expect_err("no room").kind(), StoreErrorKind::Full);

    disk.make_room();
    let committed = store.commit(&partition(), batch(created, 200_000)).await;
    let committed = committed.expect("commits once there is room");
    drop(store);
    let store = SqliteStore::open(&path, SqliteOptions::default().with_quick_check(true));
    assert_eq!(head(&store.expect("is whole")).await, committed);
}

#[tokio::test]
async fn a_store_whose_log_has_no_room_to_be_written_back_is_not_replaced() {
    const LENGTH: i64 = 1_000_000;
    let Some(disk) = Disk::mount() else {
        eprintln!("SKIPPED: this user may not mount a small disk to fill");
        return;
    };
    let (path, copy) = (disk.path().join("mp.db"), disk.path().join("copy.db"));
    let store = SqliteStore::open(&path, SqliteOptions::default()).expect("opens");
    let created = store.commit(&partition(), batch(Version::ABSENT, 10)).await;
    created.expect("creates");
    store.back_up(&copy).await.expect("copies");
    drop(store);

    // A process that is killed leaves what it has committed in the log.
    let host = Connection::open(&path).expect("opens");
    let keeps_log = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
    host.set_db_config(keeps_log, true).expect("keeps the log");
    let commits = format!(
        "PRAGMA wal_autocheckpoint = 0;
         CREATE TABLE sales (receipt BLOB);
         INSERT INTO sales VALUES (zeroblob({LENGTH}));"
    );
    host.execute_batch(&commits).expect("commits");
    drop(host);

    disk.fill(400);
    let refused = SqliteStore::restore(&copy, &path).await;
    let refused = refused.expect_err("there is no room for the log");
    assert_eq!(refused.kind(), StoreErrorKind::Full, "{refused:?}");
    disk.make_room();
    let host = Connection::open(&path).expect("opens");
    let length = host.query_row("SELECT length(receipt) FROM sales", [], |row| row.get(0));
    assert_eq!(length, Ok(LENGTH), "what was committed is there");
    drop(host);
    SqliteStore::restore(&copy, &path).await.expect("restores");
}
