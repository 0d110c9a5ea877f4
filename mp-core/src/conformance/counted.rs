//! 10. Attempts are counted, and the dead are kept, listed and settled.

use super::{
    StoreFactory, Violation,
    scene::{at, commit, create, deliver, due, due_one, settle},
    violation::{ensure, ensure_eq},
};
use crate::store::{DELIVERY_ERROR_LENGTH_MAX, Delivery, Outcome};

/// Attempts count the leases, whether they were put off or ran out.
pub async fn attempts_count_leases(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    create(&store, 1, vec![deliver("~o/mail/1", at(0))]).await?;
    for (attempt, seconds) in [(1, 0), (2, 100), (3, 200)] {
        let leased = due_one(&store, at(seconds)).await?;
        ensure_eq("attempts", leased.attempts, attempt)?;
        if attempt == 2 {
            settle(&store, &leased, again(150)).await?;
        }
    }
    Ok(())
}

/// Writing a delivery anew starts its count anew and forgets its error.
pub async fn writing_counts_anew(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    let head = create(&store, 1, vec![deliver("~o/mail/1", at(0))]).await?;
    let leased = due_one(&store, at(0)).await?;
    settle(&store, &leased, again(10)).await?;
    commit(&store, 1, head, vec![deliver("~o/mail/1", at(20))]).await?;
    let anew = due_one(&store, at(20)).await?;
    ensure_eq(
        "attempts and error",
        (anew.attempts, anew.last_error),
        (1, None),
    )
}

/// Writing a delivery over a dead one starts anew: it is due, and no longer among the dead.
pub async fn writing_over_the_dead_starts_anew(
    factory: &dyn StoreFactory,
) -> Result<(), Violation> {
    let store = factory.open().await;
    let head = create(&store, 1, vec![deliver("~o/mail/1", at(0))]).await?;
    let leased = due_one(&store, at(0)).await?;
    settle(&store, &leased, give_up()).await?;
    let dead = dead_one(store.dead(None, 10).await?)?;
    commit(&store, 1, head, vec![deliver("~o/mail/1", at(20))]).await?;
    ensure(
        store.dead(None, 10).await?.is_empty(),
        "what was written again is listed as dead",
    )?;
    ensure(
        !settle(&store, &dead, Outcome::Done).await?,
        "what was written again was settled as dead",
    )?;
    let anew = due_one(&store, at(20)).await?;
    ensure_eq(
        "since when, attempts and error",
        (anew.due_at, anew.attempts, anew.last_error),
        (at(20), 1, None),
    )
}

/// Re-driving a delivery starts its count anew.
pub async fn redriving_counts_anew(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    create(&store, 1, vec![deliver("~o/mail/1", at(0))]).await?;
    let leased = due_one(&store, at(0)).await?;
    ensure(
        settle(&store, &leased, Outcome::Redrive { at: at(10) }).await?,
        "not re-driven",
    )?;
    ensure_eq("attempts", due_one(&store, at(10)).await?.attempts, 1)
}

/// The error of the last attempt is kept, cut to what is kept of it.
pub async fn the_last_error_is_kept(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    create(&store, 1, vec![deliver("~o/mail/1", at(0))]).await?;
    let leased = due_one(&store, at(0)).await?;
    settle(&store, &leased, again(10)).await?;
    let leased = due_one(&store, at(10)).await?;
    ensure_eq("the error", leased.last_error.as_deref(), Some("no answer"))?;
    let long = Outcome::Dead {
        error: "é".repeat(DELIVERY_ERROR_LENGTH_MAX),
    };
    settle(&store, &leased, long).await?;
    let kept = dead_one(store.dead(None, 10).await?)?
        .last_error
        .unwrap_or_default();
    ensure_eq("the error's length", kept.len(), DELIVERY_ERROR_LENGTH_MAX)
}

/// The dead are never due.
pub async fn the_dead_are_never_due(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    create(&store, 1, vec![deliver("~o/mail/1", at(0))]).await?;
    let leased = due_one(&store, at(0)).await?;
    ensure(
        settle(&store, &leased, give_up()).await?,
        "a held lease did not settle",
    )?;
    ensure(
        due(&store, at(100_000)).await?.is_empty(),
        "the dead are due",
    )
}

/// The dead are listed, unleased and with their error.
pub async fn the_dead_are_listed(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    create(
        &store,
        1,
        vec![deliver("~o/mail/1", at(0)), deliver("~o/mail/2", at(50))],
    )
    .await?;
    let leased = due_one(&store, at(0)).await?;
    settle(&store, &leased, give_up()).await?;
    let listed = dead_one(store.dead(None, 10).await?)?;
    let promised = Delivery {
        lease: None,
        last_error: Some("no such address".to_owned()),
        ..leased
    };
    ensure_eq("the dead", listed, promised)
}

/// The dead are listed by partition and key, page after page.
pub async fn the_dead_are_listed_in_pages(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    for n in [2, 1] {
        let writes = ["~o/mail/b", "~o/mail/a"].map(|key| deliver(key, at(0)));
        create(&store, n, writes.to_vec()).await?;
    }
    let leased = due(&store, at(0)).await?;
    store
        .settle(leased.iter().map(|one| one.settle(give_up())).collect())
        .await?;
    let mut listed: Vec<Delivery> = Vec::new();
    for _ in 0..4 {
        let after = listed.last().map(|last| (&last.partition, &last.key));
        listed.extend(store.dead(after, 1).await?);
    }
    let places: Vec<_> = listed
        .iter()
        .map(|one| (one.partition.id(), one.key.as_str()))
        .collect();
    let (one, two) = ("conformance/scene/1", "conformance/scene/2");
    let promised = vec![
        (one, "~o/mail/a"),
        (one, "~o/mail/b"),
        (two, "~o/mail/a"),
        (two, "~o/mail/b"),
    ];
    ensure_eq("the dead", places, promised)
}

/// The dead can be re-driven, which makes them due again.
pub async fn the_dead_can_be_redriven(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    create(&store, 1, vec![deliver("~o/mail/1", at(0))]).await?;
    let leased = due_one(&store, at(0)).await?;
    settle(&store, &leased, give_up()).await?;
    ensure(
        !settle(&store, &leased, Outcome::Done).await?,
        "the lease outlived the delivery",
    )?;
    let dead = dead_one(store.dead(None, 10).await?)?;
    ensure(
        settle(&store, &dead, Outcome::Redrive { at: at(10) }).await?,
        "not re-driven",
    )?;
    ensure(
        store.dead(None, 10).await?.is_empty(),
        "what was re-driven is listed as dead",
    )?;
    ensure_eq("attempts", due_one(&store, at(10)).await?.attempts, 1)
}

/// The dead can be removed.
pub async fn the_dead_can_be_removed(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    create(&store, 1, vec![deliver("~o/mail/1", at(0))]).await?;
    let leased = due_one(&store, at(0)).await?;
    settle(&store, &leased, give_up()).await?;
    let dead = dead_one(store.dead(None, 10).await?)?;
    ensure(settle(&store, &dead, Outcome::Done).await?, "not removed")?;
    ensure(
        store.dead(None, 10).await?.is_empty(),
        "what was removed is listed",
    )
}

fn again(seconds: u64) -> Outcome {
    Outcome::Again {
        at: at(seconds),
        error: Some("no answer".to_owned()),
    }
}

fn give_up() -> Outcome {
    Outcome::Dead {
        error: "no such address".to_owned(),
    }
}

fn dead_one(mut listed: Vec<Delivery>) -> Result<Delivery, Violation> {
    ensure_eq("the dead", listed.len(), 1)?;
    listed
        .pop()
        .ok_or_else(|| Violation::new("the dead are not listed"))
}
