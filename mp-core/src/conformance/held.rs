//! 16. What is held is read like anything else, keeps nobody from committing, and is let go of.

use std::sync::Arc;

use super::{
    StoreFactory, Verdict, Violation,
    scene::{commit, create, everything, partition, put, read},
    violation::{ensure, ensure_eq},
};
use crate::store::{Held, Store, StoreError, Version};

/// A hold shows what a read shows; of a partition that does not exist, nothing.
pub async fn what_is_held_is_read(factory: &dyn StoreFactory) -> Result<Verdict, Violation> {
    let store = factory.open().await;
    create(&store, 1, vec![put("a", "old")]).await?;
    let there = read(&store, 1).await?;
    let Some(Held { view, .. }) = hold(&store, 1).await? else {
        return Ok(Verdict::Skipped);
    };
    ensure_eq("the view", &view, &there)?;
    if let Some(Held { view, .. }) = hold(&store, 2).await? {
        ensure_eq("a head that is absent", view.head, Version::ABSENT)?;
    }
    Ok(Verdict::Kept)
}

/// Nobody is kept from reading or committing what is held.
pub async fn a_hold_keeps_nobody_from_committing(
    factory: &dyn StoreFactory,
) -> Result<Verdict, Violation> {
    let store = factory.open().await;
    create(&store, 1, vec![put("a", "old")]).await?;
    let Some(Held { view, hold }) = hold(&store, 1).await? else {
        return Ok(Verdict::Skipped);
    };
    let head = commit(&store, 1, view.head, vec![put("a", "new")]).await?;
    ensure_eq("the head", read(&store, 1).await?.head, head)?;
    drop(hold);
    commit(&store, 1, head, vec![put("a", "newer")]).await?;
    Ok(Verdict::Kept)
}

/// What was held and let go of is held again, with what was committed meanwhile.
pub async fn a_hold_that_was_dropped_is_in_nobodys_way(
    factory: &dyn StoreFactory,
) -> Result<Verdict, Violation> {
    let store = factory.open().await;
    let mut head = create(&store, 1, vec![put("a", "old")]).await?;
    for _ in 0..2 {
        let Some(Held { hold: first, .. }) = hold(&store, 1).await? else {
            return Ok(Verdict::Skipped);
        };
        head = commit(&store, 1, head, vec![put("a", "new")]).await?;
        drop(first);
        let next = hold(&store, 1).await?;
        ensure(next.is_some(), "it cannot be held again")?;
        ensure_eq("its head", next.map(|held| held.view.head), Some(head))?;
    }
    Ok(Verdict::Kept)
}

async fn hold(store: &Arc<dyn Store>, n: u32) -> Result<Option<Held>, StoreError> {
    store.hold(&partition(n), &everything()).await
}
