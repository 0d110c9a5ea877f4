//! One partition with some of everything in it, for what a store promises of its file or database.

use bytes::Bytes;
use mp_core::{
    clock::Timestamp,
    store::{Batch, CommitId, Key, Partition, Store, Version, Write},
};

pub(crate) fn now() -> Timestamp {
    "2026-11-21T18:00:00Z".parse().expect("a moment")
}

pub(crate) fn group() -> Partition {
    Partition::parse("market/group/gb_01").expect("a valid id")
}

pub(crate) fn put(key: &str, value: &'static [u8]) -> Write {
    let key = Key::new(key).expect("a valid key");
    let value = Bytes::from_static(value);
    Write::put(key, value)
}

pub(crate) fn batch(expect: Version, writes: Vec<Write>) -> Batch {
    Batch {
        expect,
        commit_id: CommitId(7),
        at: now(),
        writes,
    }
}

/// Commits a root, a record, a deletion and a delivery.
pub(crate) async fn fill(store: &dyn Store) -> Version {
    let created = batch(
        Version::ABSENT,
        vec![put("", b"{\"size\":3}"), put("gone", b"{}")],
    );
    let head = store.commit(&group(), created).await.expect("creates");
    let writes = vec![
        put("m/ann", "{\"name\":\"Änn\"}".as_bytes()),
        Write::Delete {
            key: Key::new("gone").expect("a valid key"),
        },
        Write::deliver(
            Key::new("~o/mail/1").expect("a valid key"),
            Bytes::from_static(b"{\"to\":\"ann\"}"),
            now(),
        ),
    ];
    store
        .commit(&group(), batch(head, writes))
        .await
        .expect("commits")
}
