//! 2. A batch is applied only if the head is the one it expects; of concurrent commits one wins.

use super::{
    StoreFactory, Verdict, Violation,
    crowd::{CROWD, crowd},
    scene::{commit, create, keys, put, read, two_handles, update},
    violation::{ensure_eq, ensure_refused},
};
use crate::store::{StoreError, StoreErrorKind, Version};

/// A batch that was decided on an older head conflicts.
pub async fn a_stale_head_conflicts(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    let first = create(&store, 1, vec![]).await?;
    commit(&store, 1, first, vec![put("", "second")]).await?;
    let answer = commit(&store, 1, first, vec![put("", "stale")]).await;
    ensure_refused("a stale head", answer, StoreErrorKind::Conflict)
}

/// A partition that exists is not created over again.
pub async fn a_partition_is_created_once(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    let head = create(&store, 1, vec![]).await?;
    let answer = create(&store, 1, vec![put("a", "second")]).await;
    ensure_refused("a second creation", answer, StoreErrorKind::Conflict)?;
    ensure_eq("the head", read(&store, 1).await?.head, head)
}

/// A partition that does not exist has no head that could be expected of it.
pub async fn an_absent_partition_has_no_head(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    for expect in [Version(1), Version(u64::MAX)] {
        let answer = commit(&store, 1, expect, vec![put("", "new")]).await;
        ensure_refused("a head of nothing", answer, StoreErrorKind::Conflict)?;
    }
    ensure_eq("the head", read(&store, 1).await?.head, Version::ABSENT)
}

/// A batch without the root moves the head all the same, so that it is seen by every other one.
pub async fn every_commit_moves_the_head(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    let first = create(&store, 1, vec![]).await?;
    commit(&store, 1, first, vec![put("a", "second")]).await?;
    let answer = commit(&store, 1, first, vec![put("", "stale")]).await;
    ensure_refused("a head moved by a record", answer, StoreErrorKind::Conflict)
}

/// The check covers records that a decision read and did not write (no write skew).
pub async fn records_only_read_are_covered(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    let head = create(&store, 1, vec![put("a", "on"), put("b", "on")]).await?;
    // Each turns one off because it saw the other on.
    commit(&store, 1, head, vec![put("a", "off")]).await?;
    let answer = commit(&store, 1, head, vec![put("b", "off")]).await;
    ensure_refused(
        "the second of a skewed pair",
        answer,
        StoreErrorKind::Conflict,
    )
}

/// The check covers records that a decision saw to be absent.
pub async fn absent_records_are_covered(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    let head = create(&store, 1, vec![]).await?;
    // Each puts one because it saw the other absent.
    commit(&store, 1, head, vec![put("a", "only")]).await?;
    let answer = commit(&store, 1, head, vec![put("b", "only")]).await;
    ensure_refused("the second of a pair", answer, StoreErrorKind::Conflict)
}

/// Of concurrent commits on one head exactly one succeeds.
pub async fn of_concurrent_commits_one_wins(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    let head = create(&store, 1, vec![]).await?;
    let answers = crowd(&store, move |store, n| async move {
        commit(&store, 1, head, vec![put(&format!("a/{n}"), "mine")]).await
    });
    one_winner(answers.await?)?;
    ensure_eq("records", keys(&read(&store, 1).await?).len(), 2)
}

/// Of concurrent creators exactly one succeeds, and what it wrote stays.
pub async fn of_concurrent_creators_one_wins(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    let answers = crowd(&store, |store, n| async move {
        create(&store, 1, vec![put(&format!("a/{n}"), "mine")]).await
    });
    one_winner(answers.await?)?;
    ensure_eq("records", keys(&read(&store, 1).await?).len(), 2)
}

/// Of concurrent commits on one head through two handles, as two processes have them, exactly one
/// succeeds.
pub async fn of_commits_through_two_handles_one_wins(
    factory: &dyn StoreFactory,
) -> Result<Verdict, Violation> {
    let Some((one, other)) = two_handles(factory).await else {
        return Ok(Verdict::Skipped);
    };
    let head = create(&one, 1, vec![]).await?;
    ensure_eq("the other's head", read(&other, 1).await?.head, head)?;
    let answers = crowd(&one, move |one, n| {
        let store = if n % 2 == 0 { one } else { other.clone() };
        async move { commit(&store, 1, head, vec![put(&format!("a/{n}"), "mine")]).await }
    });
    one_winner(answers.await?)?;
    ensure_eq("records", keys(&read(&one, 1).await?).len(), 2)?;
    Ok(Verdict::Kept)
}

fn one_winner(answers: Vec<Result<Version, StoreError>>) -> Result<(), Violation> {
    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    ensure_eq("winners", won.len(), 1)?;
    for answer in lost {
        ensure_refused("a loser", answer, StoreErrorKind::Conflict)?;
    }
    Ok(())
}

/// Concurrent increments, each retried until it is committed, all count.
pub async fn concurrent_increments_all_count(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    create(&store, 1, vec![]).await?;
    let answers = crowd(&store, |store, _| async move {
        update(&store, 1, |view| {
            let count = view.records.first().map_or(0, |root| number(&root.value));
            Some(vec![put("", &(count + 1).to_string())])
        })
        .await
    });
    answers.await?.into_iter().collect::<Result<(), _>>()?;
    let root = read(&store, 1).await?.records.pop();
    let count = root.map_or(0, |root| number(&root.value));
    ensure_eq("the count", count, CROWD)
}

/// Reads the digits of a scene's value; the first has none, and counts as zero.
fn number(value: &[u8]) -> u32 {
    let digits = value.iter().filter(|byte| byte.is_ascii_digit());
    digits.fold(0, |number, digit| number * 10 + u32::from(digit - b'0'))
}

/// A bound on a count holds although many count and join at once (no phantoms).
pub async fn a_bound_on_a_count_holds(factory: &dyn StoreFactory) -> Result<(), Violation> {
    const SEATS: usize = 5;
    let store = factory.open().await;
    create(&store, 1, vec![]).await?;
    let answers = crowd(&store, |store, n| async move {
        update(&store, 1, |view| {
            let seated = view.records.len() - 1;
            (seated < SEATS).then(|| vec![put(&format!("m/{n}"), "seated")])
        })
        .await
    });
    answers.await?.into_iter().collect::<Result<(), _>>()?;
    ensure_eq(
        "seats taken",
        keys(&read(&store, 1).await?).len() - 1,
        SEATS,
    )
}
