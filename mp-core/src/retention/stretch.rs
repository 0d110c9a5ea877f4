use std::collections::BTreeSet;

use tokio::task::{JoinError, JoinSet};

use super::{Retired, sweep::Policy};
use crate::{
    clock::Timestamp,
    document::{self, Newer},
    engine::{Engine, Family},
    error::Error,
    store::{
        DELETION_MEMORY, KEY_LENGTH_MAX, Key, Partition, Query, Record, Selection, Store,
        StoreError, StoreErrorKind, View,
    },
};

/// About how many records an aggregate may have to be retired: a sweep has all of them in memory. No
/// more is read once there are so many.
pub const RECORDS_MAX: usize = 1_000_000;

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

/// Judges one partition, of which the view shows all, or what there is no need to read the rest of.
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
    if !policy.is_old_enough(view, now) {
        return Finding::Live;
    }
    if view.more {
        let most = RECORDS_MAX;
        tracing::warn!(%partition, most, "not retired, because it was not read whole");
        return Finding::Unreadable;
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

/// Returns what was read, or nothing of a partition that does not read back: one of them keeps nobody
/// from retiring the others.
pub(super) fn readable<T>(
    partition: &Partition,
    read: Result<T, StoreError>,
) -> Result<Option<T>, Error> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) if error.kind() == StoreErrorKind::Corrupt => {
            tracing::warn!(%partition, %error, "not retired, because it does not read back");
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Reads of each partition as much as one read returns, all at once, in their order.
pub(super) async fn read_all(
    engine: &Engine,
    partitions: &[Partition],
) -> Result<Vec<Result<View, StoreError>>, Error> {
    let mut reading = JoinSet::new();
    for (number, partition) in partitions.iter().cloned().enumerate() {
        let store = engine.store().clone();
        reading.spawn(async move {
            let most = store.limits().read_max;
            let all = Selection::Prefix(Key::root());
            (number, read(&*store, &partition, all, most).await)
        });
    }
    let mut views = vec![Ok(View::default()); partitions.len()];
    while let Some(read) = reading.join_next().await {
        let (number, view) = read.map_err(unread)?;
        views[number] = view;
    }
    Ok(views)
}

/// Reads the rest of a partition that has more records than one read returns, if it may be retired.
///
/// If it has changed since, what comes back shows that, and is still not all.
pub(super) async fn read_on(
    engine: &Engine,
    partition: &Partition,
    mut view: View,
    policy: &Policy,
) -> Result<View, StoreError> {
    let (store, now) = (engine.store(), engine.now());
    // Those from here on are deliveries, which are not read.
    let end =
        Key::new("~").map_err(|error| StoreError::new(StoreErrorKind::Invalid, "read", error))?;
    let retired = |root: &Record| Retired::stands_in(&root.value);
    if view.records.first().is_none_or(retired) || !policy.is_old_enough(&view, now) {
        return Ok(view);
    }
    while view.more && view.records.len() < RECORDS_MAX {
        let last = view.records.last().map(|last| last.key.clone());
        let from = last.unwrap_or_else(Key::root);
        let (to, after) = (end.clone(), from.clone());
        let rest = Selection::Range { from, to };
        let rest = read(&**store, partition, rest, store.limits().read_max).await?;
        if rest.head != view.head {
            return Ok(View { more: true, ..rest });
        }
        let known = view.records.len();
        view.more = rest.more;
        let rest = rest.records.into_iter();
        view.records.extend(rest.filter(|it| it.key > after));
        if view.records.len() == known {
            break;
        }
    }
    Ok(view)
}

/// Reads the first records of a partition, about so many.
pub(super) async fn read_first(
    engine: &Engine,
    partition: &Partition,
    most: usize,
) -> Result<View, StoreError> {
    let store = engine.store();
    let limit = store.limits().read_max;
    let limit = u32::try_from(most).map_or(limit, |most| most.min(limit));
    let all = Selection::Prefix(Key::root());
    read(&**store, partition, all, limit).await
}

async fn read(
    store: &dyn Store,
    partition: &Partition,
    selection: Selection,
    limit: u32,
) -> Result<View, StoreError> {
    let select = vec![selection];
    store.read(partition, &Query { select, limit }).await
}

/// The error of a read that broke off.
fn unread(error: JoinError) -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, "read", error)
}

/// How much dead work is listed at a time: of each partition one would be enough.
const DEAD_PAGE: u32 = 128;

/// Returns which of these partitions, in their order, have work that lies dead.
///
/// Of a partition that ends a page the rest is passed over, however much there is.
pub(super) async fn with_dead_work(
    engine: &Engine,
    partitions: &[Partition],
) -> Result<BTreeSet<Partition>, Error> {
    let store = engine.store();
    let limit = DEAD_PAGE.min(store.limits().due_max).max(1);
    // No key comes after it.
    let end = Key::new(&"~".repeat(KEY_LENGTH_MAX))?;
    let mut found = BTreeSet::new();
    let (Some(first), Some(last)) = (partitions.first(), partitions.last()) else {
        return Ok(found);
    };
    let mut after = (first.clone(), Key::root());
    loop {
        let page = store.dead(Some((&after.0, &after.1)), limit).await?;
        let reached = page.last().map(|delivery| delivery.partition.clone());
        found.extend(page.into_iter().map(|delivery| delivery.partition));
        match reached {
            Some(reached) if reached < *last => after = (reached, end.clone()),
            _ => return Ok(found),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use super::*;
    use crate::{
        retention::{AGE_MIN, Rule},
        store::Version,
    };

    #[derive(Debug)]
    struct Closed;

    impl Rule for Closed {
        fn kind(&self) -> &'static str {
            "thing"
        }

        fn is_closed(&self, _: &Family, _: Timestamp) -> Result<bool, Error> {
            Ok(true)
        }
    }

    #[test]
    fn what_was_not_read_whole_is_not_retired() {
        let partition = Partition::parse("test/thing/1").expect("an id");
        let policy = Policy::archiving(Arc::new(Closed), Duration::ZERO);
        let root = Record {
            key: Key::root(),
            version: Version(1),
            value: r#"{"kind":"thing","format":1}"#.into(),
        };
        let mut view = View {
            head: Version(1),
            at: Timestamp::MIN,
            records: vec![root],
            ..View::default()
        };
        let later = Timestamp::MIN.plus(AGE_MIN);
        let finding = |view: &View, now| judge(&partition, view, &policy, now);
        assert_eq!(finding(&view, later), Finding::Ripe);
        view.more = true;
        assert_eq!(finding(&view, later), Finding::Unreadable);
        assert_eq!(finding(&view, Timestamp::MIN), Finding::Live);
    }
}
