//! 3. When a commit is acknowledged, a restart keeps it.

use super::{
    StoreFactory, Verdict, Violation,
    scene::{LEASE, at, commit, create, deliver, due, due_one, put, read, settle},
    violation::{ensure, ensure_eq},
};
use crate::store::Outcome;

/// What was acknowledged is there after a restart, head, records and deliveries.
pub async fn a_restart_keeps_commits(factory: &dyn StoreFactory) -> Result<Verdict, Violation> {
    let store = factory.open().await;
    let head = create(&store, 1, vec![put("a", "kept")]).await?;
    commit(
        &store,
        1,
        head,
        vec![deliver("~o/mail/1", at(0)), put("b", "kept")],
    )
    .await?;
    let before = read(&store, 1).await?;
    let Some(store) = factory.reopen(store).await else {
        return Ok(Verdict::Skipped);
    };
    ensure_eq("the partition", read(&store, 1).await?, before)?;
    due_one(&store, at(1)).await?;
    Ok(Verdict::Kept)
}

/// Leases hold, attempts count on, and the dead stay dead over a restart.
pub async fn a_restart_keeps_leases(factory: &dyn StoreFactory) -> Result<Verdict, Violation> {
    let store = factory.open().await;
    create(
        &store,
        1,
        vec![deliver("~o/mail/1", at(0)), deliver("~o/mail/2", at(1))],
    )
    .await?;
    let leased = due(&store, at(2)).await?;
    if let Some(delivery) = leased.first() {
        settle(
            &store,
            delivery,
            Outcome::Dead {
                error: "no such address".to_owned(),
            },
        )
        .await?;
    }
    let Some(store) = factory.reopen(store).await else {
        return Ok(Verdict::Skipped);
    };
    ensure(
        due(&store, at(3)).await?.is_empty(),
        "a restart ended a lease",
    )?;
    ensure_eq("the dead", store.dead(None, 10).await?.len(), 1)?;
    let again = due_one(&store, at(2).plus(LEASE)).await?;
    ensure_eq("attempts", again.attempts, 2)?;
    Ok(Verdict::Kept)
}
