//! 5. A read answers head and records of one moment, in order, bounded, without deliveries.

use super::{
    StoreFactory, Violation,
    crowd::crowd,
    scene::{
        at, commit, create, delete, deliver, key, keys, partition, put, read, select, shown,
        update, value,
    },
    violation::{ensure, ensure_eq},
};
use crate::store::{Key, Selection, Version, View, Write};

/// The root comes first and then the selected records in the byte order of their keys.
pub async fn records_come_in_key_order(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    let writes = ["b", "a/10", "a/2", "B", "a", "a0"].map(|key| put(key, "here"));
    create(&store, 1, writes.to_vec()).await?;
    let view = read(&store, 1).await?;
    ensure_eq(
        "the keys",
        keys(&view),
        vec!["", "B", "a", "a/10", "a/2", "a0", "b"],
    )
}

/// Selections are a union: what several select comes once.
pub async fn each_record_comes_once(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    create(
        &store,
        1,
        vec![put("a", "here"), put("a/1", "here"), put("b", "here")],
    )
    .await?;
    let selections = vec![
        Selection::Prefix(key("a/")),
        Selection::Key(key("a/1")),
        Selection::Key(Key::root()),
        Selection::Prefix(key("a")),
    ];
    let view = store.read(&partition(1), &select(selections, 2)).await?;
    ensure_eq("the keys", keys(&view), vec!["", "a", "a/1"])?;
    ensure(!view.more, "there are no more, but the answer says so")
}

/// A prefix selects what starts with it, and a range includes its start but not its end.
pub async fn selections_end_where_they_say(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    let writes = ["a", "a/", "a/1", "a/~", "a0", "b", "c"].map(|key| put(key, "here"));
    create(&store, 1, writes.to_vec()).await?;
    let range = |from, to| Selection::Range {
        from: key(from),
        to: key(to),
    };
    for (selection, promised) in [
        (Selection::Prefix(key("a/")), vec!["", "a/", "a/1", "a/~"]),
        (Selection::Key(key("a")), vec!["", "a"]),
        (range("a0", "c"), vec!["", "a0", "b"]),
        (range("c", "a"), vec![""]),
        (Selection::Key(key("absent")), vec![""]),
    ] {
        let what = format!("{selection:?}");
        let view = store
            .read(&partition(1), &select(vec![selection], 10))
            .await?;
        ensure_eq(&what, keys(&view), promised)?;
    }
    Ok(())
}

/// No more records come than the limit, the root not counted, and the answer says if it cut.
pub async fn a_limit_cuts_and_says_so(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    create(&store, 1, vec![put("a", "1"), put("b", "2"), put("c", "3")]).await?;
    for (limit, promised, more) in [
        (0, vec![""], true),
        (2, vec!["", "a", "b"], true),
        (3, vec!["", "a", "b", "c"], false),
    ] {
        let everything = select(vec![Selection::Prefix(Key::root())], limit);
        let view = store.read(&partition(1), &everything).await?;
        ensure_eq("the keys under a limit", keys(&view), promised)?;
        ensure_eq("more", view.more, more)?;
    }
    Ok(())
}

/// The root is answered whatever is selected.
pub async fn the_root_is_always_read(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    create(&store, 1, vec![put("a", "here")]).await?;
    for selections in [vec![], vec![Selection::Key(key("a"))]] {
        let view = store.read(&partition(1), &select(selections, 1)).await?;
        ensure_eq("the root", shown(&view, ""), Some(value("created")))?;
    }
    Ok(())
}

/// A partition that does not exist reads as an absent head and no records.
pub async fn an_absent_partition_reads_as_empty(
    factory: &dyn StoreFactory,
) -> Result<(), Violation> {
    let store = factory.open().await;
    create(&store, 1, vec![put("a", "here")]).await?;
    ensure_eq("the absent", read(&store, 2).await?, View::default())
}

/// Delivery records are never among those read, whatever is selected.
pub async fn deliveries_are_never_read(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    create(
        &store,
        1,
        vec![deliver("~o/mail/1", at(0)), put("z", "here")],
    )
    .await?;
    for selection in [
        Selection::Prefix(Key::root()),
        Selection::Prefix(key("~")),
        Selection::Key(key("~o/mail/1")),
        Selection::Range {
            from: key("z"),
            to: key("~~"),
        },
    ] {
        let view = store
            .read(&partition(1), &select(vec![selection], 10))
            .await?;
        let delivered = view.records.iter().any(|record| record.key.is_delivery());
        ensure(!delivered, "a delivery record was read")?;
    }
    Ok(())
}

/// A record keeps the head version that last wrote it, whatever is written beside it.
pub async fn records_keep_their_version(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    let first = create(&store, 1, vec![put("a", "first"), put("b", "first")]).await?;
    let second = commit(&store, 1, first, vec![put("b", "second")]).await?;
    let view = read(&store, 1).await?;
    let versions: Vec<_> = view.records.iter().map(|record| record.version).collect();
    ensure_eq("the versions", versions, vec![first, first, second])
}

/// A record that was deleted is not read any more, and can be written anew.
pub async fn a_deleted_record_is_gone(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    let head = create(&store, 1, vec![put("a", "old")]).await?;
    let head = commit(&store, 1, head, vec![delete("a"), delete("never")]).await?;
    let view = read(&store, 1).await?;
    ensure_eq("after the deletion", keys(&view), vec![""])?;
    let one = select(vec![Selection::Key(key("a"))], 1);
    let view = store.read(&partition(1), &one).await?;
    ensure_eq("asked for by key", keys(&view), vec![""])?;
    commit(&store, 1, head, vec![put("a", "new")]).await?;
    ensure_eq(
        "written anew",
        shown(&read(&store, 1).await?, "a"),
        Some(value("new")),
    )
}

/// A value reads back byte for byte: no space, order, number or letter is touched.
pub async fn values_come_back_byte_for_byte(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    let text = "{ \"b\" : 1.0, \"a\": 12345678901234567890,\n\t\"ü\": \"\\u0041 茶 🍵\" } ";
    let write = Write::put(Key::root(), bytes::Bytes::from_static(text.as_bytes()));
    commit(&store, 1, Version::ABSENT, vec![write]).await?;
    let root = shown(&read(&store, 1).await?, "").unwrap_or_default();
    ensure_eq("the value", String::from_utf8_lossy(&root), text.into())
}

/// How many records the clause about one moment writes and reads together.
const TOGETHER: usize = 32;

/// Head and records are of one moment although others commit meanwhile (no torn reads).
pub async fn a_read_is_one_moment(factory: &dyn StoreFactory) -> Result<(), Violation> {
    const ROUNDS: usize = 20;
    let store = factory.open().await;
    create(&store, 1, together("created")).await?;
    let answers = crowd(&store, |store, n| async move {
        // Each record is selected by itself, so that a store has every occasion to look twice.
        let records = (0..TOGETHER).map(|n| Selection::Key(key(&format!("a/{n}"))));
        let query = select(records.collect(), 100);
        for round in 0..ROUNDS {
            if n % 4 == 0 {
                let mut writes = together(&format!("{n} {round}"));
                writes.push(put("", &format!("{n} {round}")));
                update(&store, 1, |_| Some(writes.clone())).await?;
            } else {
                whole(&store.read(&partition(1), &query).await?)?;
            }
            tokio::task::yield_now().await;
        }
        Ok::<_, Violation>(())
    });
    answers.await?.into_iter().collect()
}

fn together(text: &str) -> Vec<Write> {
    (0..TOGETHER)
        .map(|n| put(&format!("a/{n}"), text))
        .collect()
}

/// Demands that all records of a view were written by the commit that made its head.
fn whole(view: &View) -> Result<(), Violation> {
    let root = view.records.first();
    for record in &view.records {
        ensure_eq("a record's version", record.version, view.head)?;
        ensure_eq(
            "a record's value",
            Some(&record.value),
            root.map(|root| &root.value),
        )?;
    }
    ensure_eq("records", view.records.len(), TOGETHER + 1)
}
