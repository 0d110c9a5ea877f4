use std::collections::BTreeSet;

use tokio::task::{JoinError, JoinSet};

use super::{Retired, rule::AGE_MIN, sweep::Policy};
use crate::{
    clock::Timestamp,
    document::{self, Newer},
    engine::{Engine, Family},
    error::Error,
    store::{DELETION_MEMORY, Key, Partition, Query, Selection, StoreError, StoreErrorKind, View},
};

/// A mark, and what a newer release has written into it.
pub(super) type Mark = (Retired, Option<Newer>);

/// What a sweep finds a partition to be.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Finding {
    /// It is closed and old enough.
    Ripe,
    /// It is open, or not old enough.
    Live,
    /// It cannot be judged; why was told.
    Unreadable,
    /// It was retired, and other records of it are left, or were deleted so long ago that the store
    /// may forget that.
    Leftovers(Mark),
    /// It was retired, and there is nothing to be done, or not yet.
    Gone,
}

/// Judges one partition, of which the view shows all.
pub(super) fn judge(
    partition: &Partition,
    view: &View,
    policy: &Policy,
    now: Timestamp,
) -> Finding {
    let Some(root) = view.records.first() else {
        return Finding::Live;
    };
    if Retired::stands_in(&root.value) {
        return match document::decode::<Retired>(&root.value) {
            Ok(mark) => judge_retired(mark, view, now),
            Err(error) => {
                tracing::warn!(%partition, %error, "the mark of what was retired does not read back");
                Finding::Unreadable
            }
        };
    }
    if view.more {
        let most = view.records.len();
        tracing::warn!(%partition, most, "not retired, because it has more records than one read");
        return Finding::Unreadable;
    }
    if now < view.at.plus(policy.age.max(AGE_MIN)) {
        return Finding::Live;
    }
    let family = Family::whole(partition.clone(), view.clone());
    match policy.rule.is_closed(&family, now) {
        Ok(true) => Finding::Ripe,
        Ok(false) => Finding::Live,
        Err(error) => {
            tracing::warn!(%partition, %error, "not retired, because it cannot be judged");
            Finding::Unreadable
        }
    }
}

fn judge_retired(mark: Mark, view: &View, now: Timestamp) -> Finding {
    let left = view.records.len() > 1;
    let forgettable = view.at.plus(DELETION_MEMORY) < now;
    if left || (!mark.0.emptied && forgettable) {
        Finding::Leftovers(mark)
    } else {
        Finding::Gone
    }
}

/// Reads partitions whole, all at once, in their order.
pub(super) async fn read_all(
    engine: &Engine,
    partitions: &[Partition],
) -> Result<Vec<View>, Error> {
    let mut reading = JoinSet::new();
    for (number, partition) in partitions.iter().cloned().enumerate() {
        let store = engine.store().clone();
        reading.spawn(async move {
            let select = vec![Selection::Prefix(Key::root())];
            let limit = store.limits().read_max;
            let query = Query { select, limit };
            (number, store.read(&partition, &query).await)
        });
    }
    let mut views = vec![View::default(); partitions.len()];
    while let Some(read) = reading.join_next().await {
        let (number, view) = read.map_err(unread)?;
        views[number] = view?;
    }
    Ok(views)
}

/// The error of a read that broke off.
fn unread(error: JoinError) -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, "read", error)
}

/// Returns which of these partitions, in their order, have work that lies dead.
pub(super) async fn with_dead_work(
    engine: &Engine,
    partitions: &[Partition],
) -> Result<BTreeSet<Partition>, Error> {
    let store = engine.store();
    let limit = store.limits().due_max;
    let mut found = BTreeSet::new();
    let (Some(first), Some(last)) = (partitions.first(), partitions.last()) else {
        return Ok(found);
    };
    let mut after = (first.clone(), Key::root());
    loop {
        let page = store.dead(Some((&after.0, &after.1)), limit).await?;
        let Some(end) = page.last() else {
            return Ok(found);
        };
        after = (end.partition.clone(), end.key.clone());
        found.extend(page.into_iter().map(|delivery| delivery.partition));
        if after.0 > *last {
            return Ok(found);
        }
    }
}
