//! The store can list what it holds.

use std::collections::BTreeSet;

use mp_core::{
    Timestamp,
    store::{Batch, CommitId, Key, Listing, Partition, Store, StoreErrorKind, Version, Write},
};
use redb_store::RedbStore;

#[tokio::test]
async fn every_partition_is_on_exactly_one_page() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = RedbStore::open(folder.path().join("mp.redb")).expect("the file opens");
    let ids: BTreeSet<String> = (0..25)
        .map(|number| format!("app/thing/{number}"))
        .collect();
    let batches = ids.iter().map(|id| {
        let root = Write::Put {
            key: Key::root(),
            value: "{}".into(),
        };
        let batch = Batch {
            expect: Version::ABSENT,
            commit_id: CommitId::random(),
            at: Timestamp::from_micros(1),
            writes: vec![root],
        };
        (Partition::parse(id).expect(id), batch)
    });
    for answer in store.commit_many(batches.collect()).await {
        answer.expect("commits");
    }

    let mut listed: Vec<Partition> = Vec::new();
    loop {
        let page = store.partitions(listed.last(), 10).await.expect("lists");
        assert!(page.len() <= 10);
        if page.is_empty() {
            break;
        }
        listed.extend(page);
    }
    let listed: Vec<&str> = listed.iter().map(Partition::id).collect();
    assert_eq!(listed, ids.iter().map(String::as_str).collect::<Vec<_>>());
    let refused = store.partitions(None, u32::MAX).await;
    assert_eq!(
        refused.expect_err("too many").kind(),
        StoreErrorKind::Invalid
    );
}
