//! 7. In `commit_many` each batch succeeds or fails alone.

use super::{
    StoreFactory, Violation,
    scene::{at, batch, commit, create, delete, partition, put, read, shown, value},
    violation::{ensure, ensure_eq, ensure_refused},
};
use crate::store::{Batch, Partition, StoreErrorKind, Version};

/// A batch that conflicts, or breaks the contract, does not touch those beside it.
pub async fn batches_do_not_touch_each_other(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    create(&store, 2, vec![]).await?;
    let head = create(&store, 3, vec![]).await?;
    let create = |n| {
        (
            partition(n),
            batch(Version::ABSENT, at(0), vec![put("", "many")]),
        )
    };
    let invalid = batch(head, at(0), vec![delete("")]);
    let mut answers = store
        .commit_many(vec![
            create(1),
            create(2),
            (partition(3), invalid),
            create(4),
        ])
        .await
        .into_iter();
    let mut next = || {
        answers
            .next()
            .ok_or_else(|| Violation::new("a batch has no answer"))
    };
    next()??;
    ensure_refused("the second", next()?, StoreErrorKind::Conflict)?;
    ensure_refused("the third", next()?, StoreErrorKind::Invalid)?;
    next()??;
    for (n, promised) in [(1, "many"), (2, "created"), (3, "created"), (4, "many")] {
        ensure_eq(
            "a root",
            shown(&read(&store, n).await?, ""),
            Some(value(promised)),
        )?;
    }
    Ok(())
}

/// Among many, a batch decided on a head that has moved on conflicts, and those beside it do not.
pub async fn a_stale_head_among_many_conflicts(
    factory: &dyn StoreFactory,
) -> Result<(), Violation> {
    let store = factory.open().await;
    let mut heads = Vec::new();
    for n in 1..=3 {
        heads.push(create(&store, n, vec![]).await?);
    }
    commit(&store, 2, heads[1], vec![put("a", "meanwhile")]).await?;
    // Nothing is there at all where the last one expects a head.
    let expected = [(1, heads[0]), (2, heads[1]), (3, heads[2]), (4, heads[0])];
    let batches = expected.map(|(n, head)| {
        let writes = vec![put("", "many"), put("a", "many")];
        (partition(n), batch(head, at(1), writes))
    });
    let answers = store.commit_many(batches.to_vec()).await;
    ensure_eq("answers", answers.len(), expected.len())?;
    for ((n, _), answer) in expected.into_iter().zip(answers) {
        match n {
            2 | 4 => ensure_refused("a stale head", answer, StoreErrorKind::Conflict)?,
            _ => drop(answer?),
        }
    }
    for (n, promised) in [
        (1, Some("many")),
        (2, Some("meanwhile")),
        (3, Some("many")),
        (4, None),
    ] {
        let seen = shown(&read(&store, n).await?, "a");
        ensure_eq("a record", seen, promised.map(value))?;
    }
    Ok(())
}

/// The answers come in the order of the batches.
pub async fn answers_come_in_order(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    let batches = (0..10).rev().map(|n| {
        let at = at(u64::from(n));
        (
            partition(n),
            batch(Version::ABSENT, at, vec![put("", "many")]),
        )
    });
    let answers = store.commit_many(batches.collect()).await;
    ensure_eq("answers", answers.len(), 10)?;
    for (answer, n) in answers.into_iter().zip((0..10).rev()) {
        ensure_eq("a version", answer?, read(&store, n).await?.head)?;
    }
    Ok(())
}

/// Two batches for one partition are refused together with all the others.
pub async fn a_partition_twice_is_invalid(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    let head = create(&store, 1, vec![]).await?;
    let first = (partition(1), batch(head, at(0), vec![put("", "many")]));
    let second = (
        partition(1),
        batch(head.next(at(0)), at(0), vec![put("", "more")]),
    );
    let other = (
        partition(2),
        batch(Version::ABSENT, at(0), vec![put("", "other")]),
    );
    for answer in store.commit_many(vec![first, other, second]).await {
        ensure_refused("a partition twice", answer, StoreErrorKind::Invalid)?;
    }
    ensure_eq("the head", read(&store, 1).await?.head, head)?;
    ensure_eq(
        "the other head",
        read(&store, 2).await?.head,
        Version::ABSENT,
    )
}

/// Many batches at once are all carried out.
pub async fn many_batches_are_all_carried_out(factory: &dyn StoreFactory) -> Result<(), Violation> {
    const MANY: u32 = 1_000;
    let store = factory.open().await;
    let batches: Vec<(Partition, Batch)> = (0..MANY)
        .map(|n| {
            (
                partition(n),
                batch(Version::ABSENT, at(0), vec![put("", "many")]),
            )
        })
        .collect();
    for answer in store.commit_many(batches).await {
        answer?;
    }
    for n in 0..MANY {
        let head = read(&store, n).await?.head;
        ensure(
            head != Version::ABSENT,
            "an acknowledged batch of many was not written",
        )?;
        commit(&store, n, head, vec![put("a", "next")]).await?;
    }
    ensure(
        store.commit_many(Vec::new()).await.is_empty(),
        "no batches have answers",
    )
}
