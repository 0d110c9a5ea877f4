//! 1. A batch is applied whole or not at all.

use super::{
    StoreFactory, Violation,
    scene::{
        at, batch, commit, create, delete, deliver, due, keys, partition, put, read, settle, shown,
        value,
    },
    violation::{ensure, ensure_eq, ensure_refused},
};
use crate::store::{Outcome, StoreErrorKind, Version, Write};

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

/// What a write calls new is put whatever is there: a record, the mark of one that was deleted, or a
/// delivery, which then counts its attempts anew; alone, and among the commits of other partitions.
pub async fn what_is_called_new_is_written_all_the_same(
    factory: &dyn StoreFactory,
) -> Result<(), Violation> {
    let store = factory.open().await;
    let mut heads = Vec::new();
    for n in [1, 2, 3] {
        let there = [put("a", "old"), put("gone", "old")];
        let mail = [deliver("~o/mail/1", at(0))];
        let head = create(&store, n, there.into_iter().chain(mail).collect()).await?;
        heads.push(commit(&store, n, head, vec![delete("gone")]).await?);
    }
    for delivery in due(&store, at(1)).await? {
        settle(
            &store,
            &delivery,
            Outcome::Again {
                at: at(2),
                error: None,
            },
        )
        .await?;
    }
    commit(&store, 1, heads[0], called_new()).await?;
    let others = [
        (2, called_new()),
        (3, vec![put("b", "new").known_new(true)]),
    ];
    let others = others.map(|(n, writes)| {
        let head = heads[n as usize - 1];
        (partition(n), batch(head, at(0), writes))
    });
    for answer in store.commit_many(others.into()).await {
        answer?;
    }
    for n in [1, 2] {
        let view = read(&store, n).await?;
        ensure_eq("the keys", keys(&view), vec!["", "a", "b", "gone"])?;
        for key in ["a", "b", "gone"] {
            ensure_eq(key, shown(&view, key), Some(value("new")))?;
        }
    }
    let due = due(&store, at(3)).await?;
    let leases = |n| {
        let of = due.iter().find(|one| one.partition == partition(n));
        of.map(|one| one.attempts)
    };
    ensure_eq("leases since it was written", leases(1), Some(1))?;
    ensure_eq("leases since it was written", leases(2), Some(1))?;
    ensure_eq("leases of what nobody wrote again", leases(3), Some(2))
}

/// Writes that call new what is there, what was deleted and what is new.
fn called_new() -> Vec<Write> {
    let puts = ["a", "b", "gone"].map(|key| put(key, "new"));
    let writes = puts.into_iter().chain([deliver("~o/mail/1", at(0))]);
    writes.map(|write| write.known_new(true)).collect()
}
