//! What the embedded store promises about its write-ahead log.
#![cfg(feature = "sqlite")]

use std::{fs, path::Path};

use bytes::Bytes;
use mp_core::{
    clock::Timestamp,
    store::{
        Batch, CommitId, Durability, Key, Partition, Query, SqliteOptions, SqliteStore, Store,
        Version, Write,
    },
};

const MEBIBYTE: u64 = 1024 * 1024;

/// As large as a value may be.
const VALUE: usize = 256 * 1024;

/// What is written in all.
const WRITTEN: u64 = 384 * MEBIBYTE;

/// The log begins anew long before that; left to itself it would grow beyond what is written.
const LOG_MAX: u64 = 192 * MEBIBYTE;

fn batch(expect: Version, filling: u8) -> Batch {
    Batch {
        expect,
        commit_id: CommitId::random(),
        at: Timestamp::from_micros(1),
        writes: vec![Write::put(Key::root(), Bytes::from(vec![filling; VALUE]))],
    }
}

fn log_length(path: &Path) -> u64 {
    fs::metadata(path.with_extension("db-wal")).map_or(0, |log| log.len())
}

#[tokio::test]
async fn the_log_begins_anew_although_somebody_always_writes() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mp.db");
    let options = SqliteOptions::default().with_durability(Durability::Normal);
    let store = SqliteStore::open(&path, options).expect("opens");
    let partition = Partition::parse("market/group/gb_01").expect("a valid id");
    let mut head = Version::ABSENT;
    let commits = WRITTEN / VALUE as u64;
    for number in 0..commits {
        let filling = b"ab"[usize::from(number % 2 == 0)];
        let committed = store.commit(&partition, batch(head, filling)).await;
        head = committed.expect("commits");
    }
    let log = log_length(&path);
    assert!(log <= LOG_MAX, "the log has {} MiB", log / MEBIBYTE);
    drop(store);
    assert_eq!(log_length(&path), 0, "closing writes the log back");
    let store = SqliteStore::open(&path, SqliteOptions::default()).expect("opens again");
    let view = store.read(&partition, &Query::default()).await;
    assert_eq!(view.expect("reads").head, head);
}
