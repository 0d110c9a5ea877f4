//! 12. What breaks the contract is refused, and nothing of it is written.

use bytes::Bytes;

use super::{
    StoreFactory, Violation,
    scene::{at, commit, create, delete, deliver, due, key, mail, partition, put, read, select},
    violation::{ensure, ensure_eq, ensure_refused},
};
use crate::store::{DueQuery, Limits, StoreErrorKind, Version, Write};

/// A key that is written twice in one batch is refused.
pub async fn a_key_written_twice_is_invalid(factory: &dyn StoreFactory) -> Result<(), Violation> {
    refused(factory, vec![put("a", "1"), delete("a")]).await?;
    refused(factory, vec![put("", "1"), put("", "2")]).await?;
    refused(
        factory,
        vec![deliver("~o/mail/1", at(0)), delete("~o/mail/1")],
    )
    .await
}

/// The root cannot be deleted.
pub async fn the_root_cannot_be_deleted(factory: &dyn StoreFactory) -> Result<(), Violation> {
    refused(factory, vec![put("a", "1"), delete("")]).await
}

/// A partition is not created without a root.
pub async fn a_new_partition_needs_a_root(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    let answer = commit(&store, 1, Version::ABSENT, vec![put("a", "1")]).await;
    ensure_refused(
        "a partition without a root",
        answer,
        StoreErrorKind::Invalid,
    )?;
    ensure_eq("the head", read(&store, 1).await?.head, Version::ABSENT)
}

/// A delivery stands only in its namespace, with a kind.
pub async fn a_delivery_elsewhere_is_invalid(factory: &dyn StoreFactory) -> Result<(), Violation> {
    for key in ["a", "~x/mail/1", "~o", "~o//1"] {
        refused(factory, vec![deliver(key, at(0))]).await?;
    }
    Ok(())
}

/// A plain record does not stand in the delivery namespace.
pub async fn a_record_among_deliveries_is_invalid(
    factory: &dyn StoreFactory,
) -> Result<(), Violation> {
    for key in ["~o/mail/1", "~", "~x"] {
        refused(factory, vec![put(key, "1")]).await?;
    }
    Ok(())
}

/// A value up to the limit is kept; a longer one is refused.
pub async fn a_value_too_long_is_invalid(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    let most = store.limits().value_max;
    let long = |length| Write::put(key("a"), Bytes::from("1".repeat(length)));
    create(&store, 1, vec![long(most)]).await?;
    let kept = read(&store, 1)
        .await?
        .records
        .pop()
        .map(|record| record.value.len());
    ensure_eq("the longest value", kept, Some(most))?;
    refused(factory, vec![long(most + 1)]).await
}

/// Writes up to the limit are taken; more are refused.
pub async fn too_many_writes_are_invalid(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    let most = store.limits().writes_max;
    let many = |count| {
        (0..count)
            .map(|n| put(&format!("a/{n}"), "1"))
            .collect::<Vec<_>>()
    };
    create(&store, 1, many(most - 1)).await?;
    refused(factory, many(most + 1)).await
}

/// A store takes at least what every capability may send it and ask it for.
pub async fn no_limit_is_below_the_standard(factory: &dyn StoreFactory) -> Result<(), Violation> {
    match below_standard(factory.open().await.limits()) {
        Some(limit) => Err(Violation::new(format!(
            "{limit} is below that of Limits::STANDARD"
        ))),
        None => Ok(()),
    }
}

/// Returns the name of a limit that is below the standard.
fn below_standard(limits: Limits) -> Option<&'static str> {
    let Limits {
        value_max,
        writes_max,
        read_max,
        due_max,
    } = limits;
    let least = Limits::STANDARD;
    let short = [
        ("value_max", value_max < least.value_max),
        ("writes_max", writes_max < least.writes_max),
        ("read_max", read_max < least.read_max),
        ("due_max", due_max < least.due_max),
    ];
    short
        .iter()
        .find(|(_, short)| *short)
        .map(|(name, _)| *name)
}

/// A read, and a look at the changes, over the limit is refused.
pub async fn a_read_too_large_is_invalid(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    let limit = store.limits().read_max;
    store.read(&partition(1), &select(vec![], limit)).await?;
    store.changes(&partition(1), Version::ABSENT, limit).await?;
    let answer = store.read(&partition(1), &select(vec![], limit + 1)).await;
    ensure_refused("a read", answer, StoreErrorKind::Invalid)?;
    let answer = store
        .changes(&partition(1), Version::ABSENT, limit + 1)
        .await;
    ensure_refused("changes", answer, StoreErrorKind::Invalid)
}

/// Asking for more deliveries than the limit is refused, and none is leased.
pub async fn a_lease_too_large_is_invalid(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    let limit = store.limits().due_max;
    create(&store, 1, vec![deliver("~o/mail/1", at(0))]).await?;
    let query = |limit| DueQuery {
        limit,
        ..mail(at(1))
    };
    let answer = store.due(&query(limit + 1)).await;
    ensure_refused("due", answer, StoreErrorKind::Invalid)?;
    ensure_eq("leased", store.due(&query(limit)).await?.len(), 1)?;
    store.dead(None, limit).await?;
    ensure_refused(
        "dead",
        store.dead(None, limit + 1).await,
        StoreErrorKind::Invalid,
    )
}

/// Demands that a batch on a fresh partition is refused and nothing of it written.
async fn refused(factory: &dyn StoreFactory, writes: Vec<Write>) -> Result<(), Violation> {
    let store = factory.open().await;
    let head = create(&store, 1, vec![put("a", "old")]).await?;
    let before = read(&store, 1).await?;
    let answer = commit(&store, 1, head, writes).await;
    ensure_refused("the batch", answer, StoreErrorKind::Invalid)?;
    ensure_eq("the partition", read(&store, 1).await?, before)?;
    ensure(
        due(&store, at(1)).await?.is_empty(),
        "a refused delivery is due",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_is_looked_at() {
        let least = Limits::STANDARD;
        assert_eq!(below_standard(least), None);
        let Limits {
            value_max,
            writes_max,
            read_max,
            due_max,
        } = least;
        let lower = [
            (
                "value_max",
                Limits {
                    value_max: value_max - 1,
                    ..least
                },
            ),
            (
                "writes_max",
                Limits {
                    writes_max: writes_max - 1,
                    ..least
                },
            ),
            (
                "read_max",
                Limits {
                    read_max: read_max - 1,
                    ..least
                },
            ),
            (
                "due_max",
                Limits {
                    due_max: due_max - 1,
                    ..least
                },
            ),
        ];
        for (name, limits) in lower {
            assert_eq!(below_standard(limits), Some(name));
        }
    }
}
