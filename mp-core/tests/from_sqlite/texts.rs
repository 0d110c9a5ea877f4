use std::time::Duration;

use bytes::Bytes;
use mp_core::{
    Timestamp,
    store::{
        Batch, Changes, CommitId, DELETION_MEMORY, Delivery, DueQuery, Key, Listing, Outcome,
        Partition, Query, Selection, SlotSet, Store, Version, View, Write,
    },
};

use crate::route::{Route, group};

/// What a shell, SQL, CSV or `COPY` could take for something else.
const TEXTS: [&str; 14] = [
    "",
    " ",
    "\\",
    "\\.",
    "\\N",
    "\\x41",
    "NULL",
    "\"",
    "'; DROP TABLE mp_partition; --",
    "a,\"b\",\n\\.\r\n\tc",
    "$HOME `id` $(id)",
    "Grüße 夜市 🍜",
    "\u{feff}\u{0}\u{7f}",
    "{\"a\":1}",
];

/// Likewise, of the visible ASCII that keys are made of.
const KEYS: [&str; 10] = [
    "\\",
    "\\.",
    "\\N",
    "\"",
    "'",
    "a,b",
    "$HOME",
    "`id`",
    "NULL",
    "{\"\":''}",
];

/// The kind of the message that is leased when the store moves.
const LEASED: &str = KEYS[0];

const NOW: Timestamp = Timestamp::from_micros(1_795_284_000_000_000);
const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn every_text_arrives_as_it_was() {
    let Some(route) = Route::plan("every_text_arrives_as_it_was").await else {
        return;
    };
    let start = route.start();
    let leased = fill(&start).await;
    drop(start);
    let end = route.end().await;
    route.travel().expect("moves");

    let start = route.start();
    let (before, after) = (all(&start).await, all(&end).await);
    assert_eq!(after, before);
    assert_eq!(after.views.len(), TEXTS.len() + 2);
    assert_eq!(after.dead.len(), TEXTS.len() - 1);
    for kind in KEYS {
        let (before, after) = (lease(&start, kind).await, lease(&end, kind).await);
        assert_eq!(after, before);
        assert_eq!(after.len(), usize::from(kind != LEASED));
    }
    for store in [&start as &dyn Store, &end] {
        // Whoever was at work on it meanwhile holds its lease still.
        settle(store, &leased, Outcome::Done).await;
        // What was deleted before the move is remembered for as long as after any commit.
        let mut next = batch(after.views[0].head, vec![delete(KEYS[0])]);
        next.at = NOW.plus(MINUTE);
        store.commit(&group(), next).await.expect("commits");
    }
    assert_eq!(all(&end).await, all(&start).await);
}

/// PostgreSQL has no NUL in its texts, so its store has always kept a space in its place.
#[tokio::test]
async fn a_nul_in_an_error_arrives_as_a_space() {
    let Some(route) = Route::plan("a_nul_in_an_error_arrives_as_a_space").await else {
        return;
    };
    let start = route.start();
    let writes = vec![put("", "{}"), deliver("~o/mail/1", "{}")];
    let created = batch(Version::ABSENT, writes);
    start.commit(&group(), created).await.expect("commits");
    kill(&start, "mail", "\0a\u{1}0\0\0").await;
    drop(start);
    let end = route.end().await;
    route.travel().expect("moves");

    let dead = end.dead(None, 1).await.expect("lists");
    assert_eq!(dead[0].last_error.as_deref(), Some(" a\u{1}0  "));
}

/// Commits each text as a root, a record and a message, and as the error of a dead one; deletes
/// records, and leaves something leased.
async fn fill(store: &dyn Store) -> Delivery {
    let mut writes = vec![put("", "{}"), put("gone", "{}")];
    writes.extend(KEYS.iter().map(|key| put(key, key)));
    writes.extend(KEYS.iter().map(|key| deliver(&format!("~o/{key}/1"), key)));
    let made = store.commit(&group(), batch(Version::ABSENT, writes)).await;
    let gone = batch(made.expect("commits"), vec![delete("gone")]);
    store.commit(&group(), gone).await.expect("commits");
    for (number, text) in TEXTS.iter().enumerate() {
        let writes = vec![
            put("", text),
            put("m/1", text),
            deliver(&format!("~t/late{number}/1"), text),
        ];
        let place = place(number);
        let made = store.commit(&place, batch(Version::ABSENT, writes)).await;
        made.expect("commits");
        // A NUL in an error is a case of its own.
        if !text.contains('\0') {
            kill(store, &format!("late{number}"), text).await;
        }
    }
    forget(store).await;
    lease(store, LEASED).await.remove(0)
}

/// Deletes a record, and another one so much later that the first deletion is forgotten.
async fn forget(store: &dyn Store) {
    let writes = vec![put("", "{}"), put("a", "{}"), put("b", "{}")];
    let mut next = batch(Version::ABSENT, writes);
    for text in ["a", "b"] {
        let head = store.commit(&forgetful(), next).await.expect("commits");
        next = batch(head, vec![delete(text)]);
        if text == "b" {
            next.at = NOW.plus(DELETION_MEMORY + MINUTE);
        }
    }
    store.commit(&forgetful(), next).await.expect("commits");
    let changes = store.changes(&forgetful(), Version::ABSENT, 9).await;
    assert!(changes.expect("reads").lapsed);
}

/// All that can be read of a store.
#[derive(Debug, PartialEq)]
struct All {
    views: Vec<View>,
    changes: Vec<Changes>,
    dead: Vec<Delivery>,
}

async fn all(store: &impl Listing) -> All {
    let everything = Query {
        select: vec![Selection::Prefix(Key::root())],
        limit: 1_000,
    };
    let (mut views, mut changes) = (Vec::new(), Vec::new());
    for partition in store.partitions(None, 100).await.expect("lists") {
        let view = store.read(&partition, &everything).await.expect("reads");
        for since in [Version::ABSENT, Version(view.head.0 - 1)] {
            let changed = store.changes(&partition, since, 1_000).await;
            changes.push(changed.expect("reads"));
        }
        views.push(view);
    }
    All {
        views,
        changes,
        dead: store.dead(None, 100).await.expect("lists"),
    }
}

/// Leases what is due of a kind, and gives it up.
async fn kill(store: &dyn Store, kind: &str, error: &str) {
    for delivery in lease(store, kind).await {
        let error = error.to_owned();
        settle(store, &delivery, Outcome::Dead { error }).await;
    }
}

async fn settle(store: &dyn Store, delivery: &Delivery, outcome: Outcome) {
    let held = store.settle(vec![delivery.settle(outcome)]).await;
    assert_eq!(held.expect("settles"), [true], "{delivery:?}");
}

async fn lease(store: &dyn Store, kind: &str) -> Vec<Delivery> {
    let due = DueQuery {
        slots: SlotSet::ALL,
        kind: kind.to_owned(),
        now: NOW,
        lease: MINUTE,
        limit: 100,
    };
    store.due(&due).await.expect("leases")
}

fn place(number: usize) -> Partition {
    Partition::parse(&format!("market/text/{number}")).expect("a valid id")
}

fn forgetful() -> Partition {
    Partition::parse("market/memory/1").expect("a valid id")
}

fn batch(expect: Version, writes: Vec<Write>) -> Batch {
    Batch {
        expect,
        commit_id: CommitId(u128::MAX - 7),
        at: NOW,
        writes,
    }
}

fn key(text: &str) -> Key {
    Key::new(text).expect("a valid key")
}

fn put(text: &str, value: &str) -> Write {
    let value = Bytes::copy_from_slice(value.as_bytes());
    let key = key(text);
    Write::put(key, value)
}

fn delete(text: &str) -> Write {
    Write::Delete { key: key(text) }
}

fn deliver(text: &str, value: &str) -> Write {
    Write::deliver(key(text), Bytes::copy_from_slice(value.as_bytes()), NOW)
}
