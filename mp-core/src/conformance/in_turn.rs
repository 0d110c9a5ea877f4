//! 16. A turn shows what a read shows, keeps nobody from committing, and ends.

use std::sync::Arc;

use super::{
    StoreFactory, Verdict, Violation,
    scene::{commit, create, everything, partition, put, read},
    violation::{ensure, ensure_eq},
};
use crate::store::{InTurn, Store, StoreError, Version};

/// A turn shows what a read shows; of a partition that does not exist, nothing.
pub async fn what_a_turn_shows_is_read(factory: &dyn StoreFactory) -> Result<Verdict, Violation> {
    let store = factory.open().await;
    create(&store, 1, vec![put("a", "old")]).await?;
    let there = read(&store, 1).await?;
    let Some(InTurn { view, .. }) = turn(&store, 1).await? else {
        return Ok(Verdict::Skipped);
    };
    ensure_eq("the view", &view, &there)?;
    if let Some(InTurn { view, .. }) = turn(&store, 2).await? {
        ensure_eq("a head that is absent", view.head, Version::ABSENT)?;
    }
    Ok(Verdict::Kept)
}

/// Nobody is kept from reading or committing while somebody has a turn.
pub async fn a_turn_keeps_nobody_from_committing(
    factory: &dyn StoreFactory,
) -> Result<Verdict, Violation> {
    let store = factory.open().await;
    create(&store, 1, vec![put("a", "old")]).await?;
    let Some(InTurn { view, turn: theirs }) = turn(&store, 1).await? else {
        return Ok(Verdict::Skipped);
    };
    let head = commit(&store, 1, view.head, vec![put("a", "new")]).await?;
    ensure_eq("the head", read(&store, 1).await?.head, head)?;
    drop(theirs);
    commit(&store, 1, head, vec![put("a", "newer")]).await?;
    Ok(Verdict::Kept)
}

/// Once a turn was dropped another is taken, with what was committed meanwhile.
pub async fn a_turn_that_was_dropped_is_in_nobodys_way(
    factory: &dyn StoreFactory,
) -> Result<Verdict, Violation> {
    let store = factory.open().await;
    let mut head = create(&store, 1, vec![put("a", "old")]).await?;
    for _ in 0..2 {
        let Some(InTurn { turn: first, .. }) = turn(&store, 1).await? else {
            return Ok(Verdict::Skipped);
        };
        head = commit(&store, 1, head, vec![put("a", "new")]).await?;
        drop(first);
        let next = turn(&store, 1).await?;
        ensure(next.is_some(), "there is no other turn")?;
        ensure_eq("its head", next.map(|next| next.view.head), Some(head))?;
    }
    Ok(Verdict::Kept)
}

async fn turn(store: &Arc<dyn Store>, n: u32) -> Result<Option<InTurn>, StoreError> {
    store.take_turn(&partition(n), &everything()).await
}
