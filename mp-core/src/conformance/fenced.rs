//! 9. A settlement applies only while version and lease are those given, and says whether it did.

use super::{
    StoreFactory, Verdict, Violation,
    scene::{
        LEASE, at, commit, create, delete, deliver, due, due_one, mail, read, settle, two_handles,
    },
    violation::{ensure, ensure_eq},
};
use crate::store::Outcome;

/// Once a lease has ended and another caller has the delivery, the first cannot settle it.
pub async fn a_lost_lease_settles_nothing(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    create(&store, 1, vec![deliver("~o/mail/1", at(0))]).await?;
    let lost = due_one(&store, at(0)).await?;
    let held = due_one(&store, at(0).plus(LEASE)).await?;
    ensure(
        !settle(&store, &lost, Outcome::Done).await?,
        "a lost lease settled",
    )?;
    ensure(
        settle(&store, &held, Outcome::Done).await?,
        "a held lease did not settle",
    )
}

/// Once a lease has ended and another handle has the delivery, as two processes have them, the first
/// cannot settle it.
pub async fn a_lease_lost_to_another_handle_settles_nothing(
    factory: &dyn StoreFactory,
) -> Result<Verdict, Violation> {
    let Some((one, other)) = two_handles(factory).await else {
        return Ok(Verdict::Skipped);
    };
    create(&one, 1, vec![deliver("~o/mail/1", at(0))]).await?;
    let lost = due_one(&one, at(0)).await?;
    let held = due_one(&other, at(0).plus(LEASE)).await?;
    let settled = settle(&one, &lost, Outcome::Done).await?;
    ensure(!settled, "a lost lease settled")?;
    let settled = settle(&other, &held, Outcome::Done).await?;
    ensure(settled, "a held lease did not settle")?;
    Ok(Verdict::Kept)
}

/// A delivery that was written again meanwhile stays, and is due as it was written.
pub async fn a_rewritten_delivery_stays(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    let head = create(&store, 1, vec![deliver("~o/mail/1", at(0))]).await?;
    let leased = due_one(&store, at(0)).await?;
    let version = commit(&store, 1, head, vec![deliver("~o/mail/1", at(5))]).await?;
    ensure(
        !settle(&store, &leased, Outcome::Done).await?,
        "a rewritten delivery was settled",
    )?;
    let again = due_one(&store, at(5)).await?;
    ensure_eq(
        "version and time",
        (again.version, again.due_at),
        (version, at(5)),
    )
}

/// A delivery that a commit deleted is never due again, leased or not.
pub async fn a_deleted_delivery_is_never_due(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    let writes = vec![deliver("~o/mail/1", at(0)), deliver("~o/mail/2", at(10))];
    let head = create(&store, 1, writes).await?;
    let leased = due_one(&store, at(0)).await?;
    let writes = vec![
        delete("~o/mail/1"),
        delete("~o/mail/2"),
        delete("~o/mail/3"),
    ];
    commit(&store, 1, head, writes).await?;
    ensure(
        !settle(&store, &leased, Outcome::Done).await?,
        "what was deleted was settled",
    )?;
    ensure(
        due(&store, at(1_000)).await?.is_empty(),
        "what was deleted is due",
    )
}

/// The answer says for each settlement, in order, whether its fence held.
pub async fn settling_says_what_it_did(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    let writes = (0..3).map(|n| deliver(&format!("~o/mail/{n}"), at(n)));
    create(&store, 1, writes.collect()).await?;
    let leased = due(&store, at(10)).await?;
    let mut settles: Vec<_> = leased.iter().map(|one| one.settle(Outcome::Done)).collect();
    if let Some(second) = settles.get_mut(1) {
        second.version.0 += 1;
    }
    ensure_eq(
        "held",
        store.settle(settles.clone()).await?,
        vec![true, false, true],
    )?;
    ensure_eq(
        "held again",
        store.settle(settles).await?,
        vec![false, false, false],
    )?;
    ensure_eq("left", due(&store, at(10).plus(LEASE)).await?.len(), 1)
}

/// Of two settlements of one delivery in one call the first counts, leased or dead.
pub async fn of_two_settlements_in_one_call_the_first_counts(
    factory: &dyn StoreFactory,
) -> Result<(), Violation> {
    let store = factory.open().await;
    create(&store, 1, vec![deliver("~o/mail/1", at(0))]).await?;
    let leased = due_one(&store, at(0)).await?;
    let error = "no such address".to_owned();
    let again = Outcome::Again {
        at: at(30),
        error: None,
    };
    let twice = vec![leased.settle(again), leased.settle(Outcome::Done)];
    ensure_eq(
        "put off, done",
        store.settle(twice).await?,
        vec![true, false],
    )?;
    let leased = due_one(&store, at(30)).await?;
    let twice = vec![
        leased.settle(Outcome::Dead { error }),
        leased.settle(Outcome::Done),
    ];
    ensure_eq("dead, done", store.settle(twice).await?, vec![true, false])?;
    let dead = store.dead(None, 1).await?.pop();
    let dead = dead.ok_or_else(|| Violation::new("what is dead is not listed"))?;
    let twice = vec![
        dead.settle(Outcome::Redrive { at: at(40) }),
        dead.settle(Outcome::Done),
    ];
    ensure_eq(
        "driven, done",
        store.settle(twice).await?,
        vec![true, false],
    )?;
    let leased = due_one(&store, at(40)).await?;
    let twice = vec![leased.settle(Outcome::Done), leased.settle(Outcome::Done)];
    ensure_eq("done, done", store.settle(twice).await?, vec![true, false])?;
    ensure(
        due(&store, at(10_000)).await?.is_empty(),
        "what was done is due again",
    )
}

/// What is done is removed.
pub async fn what_is_done_is_removed(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    create(&store, 1, vec![deliver("~o/mail/1", at(0))]).await?;
    let leased = due_one(&store, at(0)).await?;
    ensure(
        settle(&store, &leased, Outcome::Done).await?,
        "a held lease did not settle",
    )?;
    ensure(
        due(&store, at(10_000)).await?.is_empty(),
        "what was done is due again",
    )
}

/// What is put off is due again at the time given, not before.
pub async fn what_is_put_off_comes_again(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    create(&store, 1, vec![deliver("~o/mail/1", at(0))]).await?;
    let leased = due_one(&store, at(0)).await?;
    let again = Outcome::Again {
        at: at(30),
        error: None,
    };
    ensure(
        settle(&store, &leased, again).await?,
        "a held lease did not settle",
    )?;
    ensure(due(&store, at(29)).await?.is_empty(), "due before its time")?;
    ensure_eq("due since", due_one(&store, at(30)).await?.due_at, at(30))
}

/// Settling leaves the head alone.
pub async fn settling_leaves_the_head_alone(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    create(&store, 1, vec![deliver("~o/mail/1", at(0))]).await?;
    let before = read(&store, 1).await?;
    let leased = store.due(&mail(at(1))).await?;
    store
        .settle(leased.iter().map(|one| one.settle(Outcome::Done)).collect())
        .await?;
    ensure_eq("the partition", read(&store, 1).await?, before)
}
