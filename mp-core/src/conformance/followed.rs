//! 11. What changed after a version can be followed.

use std::collections::BTreeMap;

use super::{
    StoreFactory, Violation,
    scene::{at, batch, commit, create, delete, deliver, partition, put},
    violation::{ensure, ensure_eq},
};
use crate::store::{Change, Changes, DELETION_MEMORY, Version};

/// Puts and deletes are told by version, then key, each with its version and value.
pub async fn puts_and_deletes_are_told(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    let first = create(&store, 1, vec![put("b", "1"), put("gone", "1")]).await?;
    let second = commit(&store, 1, first, vec![put("c", "2"), put("a", "2")]).await?;
    let third = commit(&store, 1, second, vec![delete("gone"), delete("never")]).await?;
    let changes = store.changes(&partition(1), Version::ABSENT, 100).await?;
    let promised = [
        ("", first),
        ("b", first),
        ("a", second),
        ("c", second),
        ("gone", third),
    ];
    ensure_eq("the changes", told(&changes), promised.to_vec())?;
    let deleted: Vec<_> = changes
        .items
        .iter()
        .filter(|item| item.value.is_none())
        .collect();
    ensure_eq("the deletions", deleted.len(), 1)?;
    let ends = (changes.head, changes.more, changes.lapsed);
    ensure_eq("head, more and lapsed", ends, (third, false, false))
}

/// Of each key only the last change is told.
pub async fn only_the_last_change_is_told(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    let mut head = create(&store, 1, vec![put("a", "1")]).await?;
    for write in [
        put("a", "2"),
        delete("a"),
        put("a", "3"),
        put("b", "1"),
        delete("b"),
    ] {
        head = commit(&store, 1, head, vec![write]).await?;
    }
    let changes = store.changes(&partition(1), Version::ABSENT, 100).await?;
    let keys: Vec<_> = told(&changes).into_iter().map(|(key, _)| key).collect();
    ensure_eq("the keys", keys, vec!["", "a", "b"])
}

/// Only what came after the given version is told.
pub async fn changes_start_after_the_version(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    let first = create(&store, 1, vec![put("a", "1")]).await?;
    let second = commit(&store, 1, first, vec![put("b", "2")]).await?;
    let third = commit(&store, 1, second, vec![put("c", "3")]).await?;
    let changes = |since| {
        let store = store.clone();
        async move { store.changes(&partition(1), since, 100).await }
    };
    ensure_eq(
        "after the first",
        told(&changes(first).await?),
        vec![("b", second), ("c", third)],
    )?;
    ensure_eq(
        "after the second",
        told(&changes(second).await?),
        vec![("c", third)],
    )?;
    for since in [third, Version(u64::MAX)] {
        let changes = changes(since).await?;
        ensure_eq(
            "after the last",
            (told(&changes), changes.head),
            (vec![], third),
        )?;
    }
    ensure_eq(
        "of nothing",
        store.changes(&partition(2), first, 9).await?,
        Changes::default(),
    )
}

/// Asking again from where each answer ends, under any limit, misses no change and repeats none.
pub async fn pages_of_changes_miss_nothing(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    let mut head = create(&store, 1, vec![put("a", "1"), put("b", "1"), put("c", "1")]).await?;
    for writes in [
        vec![put("d", "2"), put("e", "2")],
        vec![delete("b")],
        vec![put("f", "3")],
    ] {
        head = commit(&store, 1, head, writes).await?;
    }
    let whole = store.changes(&partition(1), Version::ABSENT, 100).await?;
    for limit in 0..8 {
        let mut pages: Vec<Change> = Vec::new();
        let mut since = Version::ABSENT;
        for _ in 0..10 {
            let page = store.changes(&partition(1), since, limit).await?;
            pages.extend(page.items);
            since = page.head;
            if !page.more {
                break;
            }
        }
        ensure_eq("the end", since, head)?;
        ensure_eq(&format!("pages of {limit}"), pages, whole.items.clone())?;
    }
    Ok(())
}

/// Deliveries are not told.
pub async fn deliveries_are_not_followed(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    let head = create(&store, 1, vec![deliver("~o/mail/1", at(0))]).await?;
    commit(
        &store,
        1,
        head,
        vec![delete("~o/mail/1"), deliver("~o/mail/2", at(0))],
    )
    .await?;
    let changes = store.changes(&partition(1), Version::ABSENT, 100).await?;
    ensure_eq("the changes", told(&changes), vec![("", head)])
}

/// A deletion is told at least for as long as it must be remembered.
pub async fn deletions_are_remembered(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    let first = create(&store, 1, vec![put("gone", "1"), put("a", "1")]).await?;
    let mut head = commit(&store, 1, first, vec![delete("gone")]).await?;
    for seconds in [1, DELETION_MEMORY.as_secs() - 1] {
        let later = batch(head, at(seconds), vec![put("a", "2"), put("", "2")]);
        head = store.commit(&partition(1), later).await?;
    }
    let changes = store.changes(&partition(1), first, 100).await?;
    let told: BTreeMap<_, _> = told(&changes).into_iter().collect();
    ensure(
        told.contains_key("gone"),
        "a deletion was forgotten too early",
    )?;
    ensure(
        !changes.lapsed,
        "nothing was forgotten, but the answer says so",
    )
}

/// A deletion by a caller whose clock has jumped back is remembered for as long as any other.
pub async fn deletions_are_dated_by_the_head(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    let ahead = 3_600;
    let created = batch(
        Version::ABSENT,
        at(ahead),
        vec![put("", "1"), put("gone", "1"), put("a", "1")],
    );
    let first = store.commit(&partition(1), created).await?;
    let deleted = batch(first, at(0), vec![delete("gone")]);
    let head = store.commit(&partition(1), deleted).await?;
    let later = at(ahead + DELETION_MEMORY.as_secs() - 1);
    let later = batch(head, later, vec![put("a", "2")]);
    store.commit(&partition(1), later).await?;
    let changes = store.changes(&partition(1), first, 100).await?;
    let told: BTreeMap<_, _> = told(&changes).into_iter().collect();
    ensure(
        told.contains_key("gone") && !changes.lapsed,
        "a deletion was dated by its caller, and forgotten too early",
    )
}

/// Once a deletion was forgotten, whoever asks from before it is told so.
pub async fn a_lapse_is_owned_up_to(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    let first = create(&store, 1, vec![put("gone", "1"), put("a", "1")]).await?;
    let mut head = commit(&store, 1, first, vec![delete("gone")]).await?;
    for hours in 1..4 {
        let later = batch(head, at(hours * 3_600), vec![put("a", "2"), delete("b")]);
        head = store.commit(&partition(1), later).await?;
    }
    let changes = store.changes(&partition(1), first, 100).await?;
    let remembered = told(&changes).iter().any(|(key, _)| *key == "gone");
    ensure(
        remembered || changes.lapsed,
        "a deletion was forgotten in silence",
    )?;
    let changes = store.changes(&partition(1), head, 100).await?;
    ensure(!changes.lapsed, "nothing after the head can be forgotten")
}

fn told(changes: &Changes) -> Vec<(&str, Version)> {
    changes
        .items
        .iter()
        .map(|item| (item.key.as_str(), item.version))
        .collect()
}
