//! 4. Versions grow, a partition starts at its time, and time never runs back.

use super::{
    StoreFactory, Violation,
    scene::{at, batch, commit, create, partition, put, read},
    violation::{ensure, ensure_eq},
};
use crate::store::Version;

/// Each commit answers a greater version, and that is the head.
pub async fn each_commit_makes_a_greater_version(
    factory: &dyn StoreFactory,
) -> Result<(), Violation> {
    let store = factory.open().await;
    let mut head = create(&store, 1, vec![]).await?;
    for _ in 0..5 {
        let next = commit(&store, 1, head, vec![put("a", "next")]).await?;
        ensure(next > head, "the version did not grow")?;
        ensure_eq("the head", read(&store, 1).await?.head, next)?;
        head = next;
    }
    Ok(())
}

/// The first version is that of the commit's time, so that a partition made anew repeats none.
pub async fn a_partition_starts_at_its_time(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    let first = create(&store, 1, vec![]).await?;
    ensure_eq("the first version", first, Version::ABSENT.next(at(0)))
}

/// The head keeps the latest time it has seen, whatever later commits say.
pub async fn time_never_runs_back(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    let mut head = Version::ABSENT;
    for (seconds, promised, key) in [
        (10, 10, ""),
        (5, 10, ""),
        (5, 10, "a"),
        (20, 20, "a"),
        (19, 20, ""),
    ] {
        let batch = batch(head, at(seconds), vec![put(key, "tick")]);
        head = store.commit(&partition(1), batch).await?;
        let seen = read(&store, 1).await?.at;
        ensure_eq("the head's time", seen, at(promised))?;
    }
    Ok(())
}
