//! 16. What is held is read and committed like anything else, and others go on when the hold ends.

use std::sync::Arc;

use super::{
    StoreFactory, Verdict, Violation,
    scene::{at, batch, commit, create, everything, partition, put, read, shown, value},
    violation::{ensure_eq, ensure_refused},
};
use crate::store::{Held, Store, StoreError, StoreErrorKind, Version};

/// A hold shows what a read shows, and its commit is a commit.
pub async fn what_is_held_is_read_and_committed(
    factory: &dyn StoreFactory,
) -> Result<Verdict, Violation> {
    let store = factory.open().await;
    create(&store, 1, vec![put("a", "old")]).await?;
    let before = read(&store, 1).await?;
    let Some(Held { view, hold }) = hold(&store, 1).await? else {
        return Ok(Verdict::Skipped);
    };
    ensure_eq("the view", &view, &before)?;
    let writes = vec![put("", "new"), put("a", "new")];
    let version = hold.commit(batch(view.head, at(1), writes)).await?;
    let after = read(&store, 1).await?;
    ensure_eq("the head", after.head, version)?;
    ensure_eq("the record", shown(&after, "a"), Some(value("new")))?;
    Ok(Verdict::Kept)
}

/// A batch that expects another head conflicts, hold or not.
pub async fn a_held_commit_is_checked(factory: &dyn StoreFactory) -> Result<Verdict, Violation> {
    let store = factory.open().await;
    let head = create(&store, 1, vec![put("a", "old")]).await?;
    let before = read(&store, 1).await?;
    for expect in [Version::ABSENT, Version(head.0 - 1), Version(head.0 + 1)] {
        let Some(Held { hold, .. }) = hold(&store, 1).await? else {
            return Ok(Verdict::Skipped);
        };
        let writes = vec![put("", "new"), put("a", "new")];
        let answer = hold.commit(batch(expect, at(1), writes)).await;
        ensure_refused("another head", answer, StoreErrorKind::Conflict)?;
    }
    ensure_eq("the partition", read(&store, 1).await?, before)?;
    Ok(Verdict::Kept)
}

/// A hold that was released, dropped, or has committed is in nobody's way; nor is one on a partition
/// that does not exist.
pub async fn a_hold_that_ended_is_in_nobodys_way(
    factory: &dyn StoreFactory,
) -> Result<Verdict, Violation> {
    let store = factory.open().await;
    let mut head = create(&store, 1, vec![put("a", "old")]).await?;
    for end in [End::Released, End::Dropped, End::Committed] {
        let Some(Held { hold, .. }) = hold(&store, 1).await? else {
            return Ok(Verdict::Skipped);
        };
        match end {
            End::Released => hold.release().await,
            End::Dropped => drop(hold),
            End::Committed => {
                head = hold
                    .commit(batch(head, at(0), vec![put("a", "held")]))
                    .await?;
            }
        }
        head = commit(&store, 1, head, vec![put("a", "new")]).await?;
    }
    if let Some(Held { view, hold }) = hold(&store, 2).await? {
        ensure_eq("a head that is absent", view.head, Version::ABSENT)?;
        hold.commit(batch(Version::ABSENT, at(0), vec![put("", "new")]))
            .await?;
    }
    Ok(Verdict::Kept)
}

#[derive(Clone, Copy)]
enum End {
    Released,
    Dropped,
    Committed,
}

async fn hold(store: &Arc<dyn Store>, n: u32) -> Result<Option<Held>, StoreError> {
    store.hold(&partition(n), &everything()).await
}
