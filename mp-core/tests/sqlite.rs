//! What the embedded store promises beside the contract.
#![cfg(feature = "sqlite")]

use std::sync::Arc;

use bytes::Bytes;
use mp_core::{
    clock::Timestamp,
    store::{
        Batch, CommitId, Key, MemoryStore, Partition, Query, Selection, SqliteOptions, SqliteStore,
        Store, Version, Write,
    },
};

fn partition(n: usize) -> Partition {
    Partition::parse(&format!("market/group/{n}")).expect("a valid id")
}

fn root(expect: Version, value: &str) -> Batch {
    Batch {
        expect,
        commit_id: CommitId::random(),
        at: Timestamp::from_micros(1_795_000_000_000_000),
        writes: vec![Write::Put {
            key: Key::root(),
            value: Bytes::from(value.to_owned()),
        }],
    }
}

#[tokio::test]
async fn commits_survive_reopening() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mp.db");
    let store = SqliteStore::open(&path, SqliteOptions::default()).expect("opens");
    let memory = MemoryStore::new();
    for store in [&store as &dyn Store, &memory] {
        let first = store
            .commit(&partition(1), root(Version::ABSENT, "{}"))
            .await;
        let second = store
            .commit(&partition(1), root(first.expect("first"), "{\"n\":2}"))
            .await;
        second.expect("second");
    }
    drop(store);
    let store: Arc<dyn Store> =
        Arc::new(SqliteStore::open(&path, SqliteOptions::default()).expect("opens again"));
    let query = Query {
        select: vec![Selection::Prefix(Key::root())],
        limit: 10,
    };
    let view = store.read(&partition(1), &query).await.expect("reads");
    let expected = memory.read(&partition(1), &query).await.expect("reads");
    assert_eq!(
        (view.head, view.at, view.records),
        (expected.head, expected.at, expected.records)
    );
}
