//! What the clauses act on: partitions, keys, moments and writes, briefly named.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;

use super::{StoreFactory, Violation};
use crate::{
    clock::Timestamp,
    store::{
        Batch, CommitId, Delivery, DueQuery, Key, Outcome, Partition, Query, Selection, SlotSet,
        Store, StoreError, StoreErrorKind, Version, View, Write,
    },
};

/// The moment that the scenes play at: 2026-11-21T18:00:00Z.
const START: Timestamp = Timestamp::from_micros(1_795_284_000_000_000);

/// For how long a lease is given unless the clause is about that.
pub(super) const LEASE: Duration = Duration::from_secs(60);

/// Returns the moment so many seconds into the scene.
pub(super) fn at(seconds: u64) -> Timestamp {
    START.plus(Duration::from_secs(seconds))
}

pub(super) fn partition(n: u32) -> Partition {
    Partition::parse(&format!("conformance/scene/{n}")).expect("letters and digits are allowed")
}

pub(super) fn key(text: &str) -> Key {
    Key::new(text).expect("clauses use short keys of visible ASCII")
}

pub(super) fn value(text: &str) -> Bytes {
    Bytes::from(format!("{{\"scene\":\"{text}\"}}"))
}

pub(super) fn put(at: &str, text: &str) -> Write {
    Write::put(key(at), value(text))
}

pub(super) fn delete(at: &str) -> Write {
    Write::Delete { key: key(at) }
}

pub(super) fn deliver(at: &str, due_at: Timestamp) -> Write {
    Write::deliver(key(at), value(at), due_at)
}

pub(super) fn batch(expect: Version, at: Timestamp, writes: Vec<Write>) -> Batch {
    Batch {
        expect,
        commit_id: CommitId::random(),
        at,
        writes,
    }
}

/// Returns a fresh store twice, as two processes have it; `None` if only one can.
pub(super) async fn two_handles(
    factory: &dyn StoreFactory,
) -> Option<(Arc<dyn Store>, Arc<dyn Store>)> {
    let one = factory.open().await;
    let other = factory.open_again().await?;
    Some((one, other))
}

/// Commits at the start of the scene.
pub(super) async fn commit(
    store: &Arc<dyn Store>,
    n: u32,
    expect: Version,
    writes: Vec<Write>,
) -> Result<Version, StoreError> {
    store
        .commit(&partition(n), batch(expect, at(0), writes))
        .await
}

/// Creates a partition with a root and more records.
pub(super) async fn create(
    store: &Arc<dyn Store>,
    n: u32,
    mut writes: Vec<Write>,
) -> Result<Version, StoreError> {
    writes.push(put("", "created"));
    commit(store, n, Version::ABSENT, writes).await
}

/// Selects every record.
pub(super) fn everything() -> Query {
    select(vec![Selection::Prefix(Key::root())], 1_000)
}

pub(super) const fn select(select: Vec<Selection>, limit: u32) -> Query {
    Query { select, limit }
}

/// Reads a partition as a whole.
pub(super) async fn read(store: &Arc<dyn Store>, n: u32) -> Result<View, StoreError> {
    store.read(&partition(n), &everything()).await
}

/// Returns the keys of a view's records, in its order.
pub(super) fn keys(view: &View) -> Vec<&str> {
    view.records
        .iter()
        .map(|record| record.key.as_str())
        .collect()
}

/// Returns the value that a view shows at a key.
pub(super) fn shown(view: &View, at: &str) -> Option<Bytes> {
    let record = view.records.iter().find(|record| record.key.as_str() == at);
    record.map(|record| record.value.clone())
}

/// Asks for up to a hundred mails that are due.
pub(super) fn mail(now: Timestamp) -> DueQuery {
    DueQuery {
        slots: SlotSet::ALL,
        kind: "mail".to_owned(),
        now,
        lease: LEASE,
        limit: 100,
    }
}

pub(super) async fn due(
    store: &Arc<dyn Store>,
    now: Timestamp,
) -> Result<Vec<Delivery>, StoreError> {
    store.due(&mail(now)).await
}

/// Leases the one mail that is due.
pub(super) async fn due_one(store: &Arc<dyn Store>, now: Timestamp) -> Result<Delivery, Violation> {
    let mut leased = due(store, now).await?;
    match (leased.pop(), leased.len()) {
        (Some(delivery), 0) => Ok(delivery),
        (one, more) => {
            let seen = more + usize::from(one.is_some());
            Err(Violation::new(format!(
                "one delivery is due at {now}, leased were {seen}"
            )))
        }
    }
}

pub(super) async fn settle(
    store: &Arc<dyn Store>,
    delivery: &Delivery,
    outcome: Outcome,
) -> Result<bool, Violation> {
    let held = store.settle(vec![delivery.settle(outcome)]).await?;
    match held.as_slice() {
        [held] => Ok(*held),
        _ => Err(Violation::new(format!(
            "one settlement has {} answers",
            held.len()
        ))),
    }
}

/// Changes a partition until the change is committed on the head that it was decided on.
pub(super) async fn update(
    store: &Arc<dyn Store>,
    n: u32,
    decide: impl Fn(&View) -> Option<Vec<Write>> + Send,
) -> Result<(), StoreError> {
    loop {
        let view = read(store, n).await?;
        let Some(writes) = decide(&view) else {
            return Ok(());
        };
        // Lets the others in between, as any real decision would.
        tokio::task::yield_now().await;
        match commit(store, n, view.head, writes).await {
            Err(error) if error.kind() == StoreErrorKind::Conflict => {}
            answer => return answer.map(drop),
        }
    }
}
