//! Records that do not read back.

use std::sync::Arc;

use mp_core::store::{Batch, CommitId, Key, Partition, Query, Selection, Store, Write};

/// What somebody else may have left in the place of a record: nothing that is one, and one of a release that
/// this one cannot follow.
pub(crate) fn unreadable(kind: &str) -> [String; 2] {
    let newer = format!(r#"{{"kind":"{kind}","format":1000,"moved":"elsewhere"}}"#);
    ["{".into(), newer]
}

/// Writes over the first record of a partition whose key begins like this.
pub(crate) async fn spoil(store: &Arc<dyn Store>, partition: &Partition, prefix: &str, by: &str) {
    let query = Query {
        select: vec![Selection::Prefix(Key::root())],
        limit: 1_000,
    };
    let view = store.read(partition, &query).await.expect("reads");
    let mut keys = view.records.into_iter().map(|record| record.key);
    let key = keys.find(|key| key.as_str().starts_with(prefix));
    let batch = Batch {
        expect: view.head,
        commit_id: CommitId::random(),
        at: view.at,
        writes: vec![Write::put(key.expect("is there"), by.to_owned().into())],
    };
    store.commit(partition, batch).await.expect("writes");
}
