//! 1. A batch is applied whole or not at all.

use super::{
    StoreFactory, Violation,
    scene::{at, commit, create, delete, deliver, due, keys, put, read, shown, value},
    violation::{ensure, ensure_eq, ensure_refused},
};
use crate::store::{StoreErrorKind, Version};

/// Every write of a batch is there once it is committed: puts, deletes and deliveries.
pub async fn a_batch_is_applied_whole(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    let head = create(&store, 1, vec![put("a", "old"), put("gone", "old")]).await?;
    let writes = vec![
        put("", "new"),
        put("a", "new"),
        put("b", "new"),
        delete("gone"),
        deliver("~o/mail/1", at(0)),
    ];
    commit(&store, 1, head, writes).await?;
    let view = read(&store, 1).await?;
    ensure_eq("the keys", keys(&view), vec!["", "a", "b"])?;
    for key in ["", "a", "b"] {
        ensure_eq(key, shown(&view, key), Some(value("new")))?;
    }
    ensure_eq("deliveries due", due(&store, at(1)).await?.len(), 1)
}

/// A batch that meets another head changes nothing: no record, no delivery, not the head.
pub async fn a_refused_batch_changes_nothing(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    let head = create(&store, 1, vec![put("a", "old")]).await?;
    let before = read(&store, 1).await?;
    let writes = vec![
        put("", "new"),
        put("b", "new"),
        delete("a"),
        deliver("~o/mail/1", at(0)),
    ];
    for expect in [Version::ABSENT, Version(head.0 - 1), Version(head.0 + 1)] {
        let answer = commit(&store, 1, expect, writes.clone()).await;
        ensure_refused("another head", answer, StoreErrorKind::Conflict)?;
    }
    ensure_eq("the partition", read(&store, 1).await?, before)?;
    ensure(
        due(&store, at(1)).await?.is_empty(),
        "a refused delivery is due",
    )
}
