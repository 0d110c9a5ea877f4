use std::{collections::BTreeMap, ops::Bound};

use bytes::Bytes;
use mp_core::{
    Timestamp,
    store::{
        Change, Changes, CommitId, Delivery, Key, Partition, Query, Record, Selection, Version,
        View,
    },
};
use redb::{Error, ReadTransaction, ReadableTable};

use crate::{
    delivery::Pending,
    error::{key, partition},
    tables::{BEHIND_KEYS, CHANGED, DEAD, DELIVERIES, Kept, PARTITIONS, Place, RECORDS},
};

/// Reads the head and the selected records.
pub(crate) fn read(
    snapshot: &ReadTransaction,
    partition: &Partition,
    query: &Query,
) -> Result<View, Error> {
    let partitions = snapshot.open_table(PARTITIONS)?;
    let Some(row) = partitions.get(partition.id())? else {
        return Ok(View::default());
    };
    let (head, commit_id, at, _) = row.value();
    let records = snapshot.open_table(RECORDS)?;
    let root = records.get((partition.id(), ""))?;
    let root = root.and_then(|row| record(Key::root(), row.value()));
    let mut selected = BTreeMap::new();
    for selection in &query.select {
        // One more than the limit tells whether it cut any off, and the root may be among them.
        let enough = query.limit as usize + 2;
        select(&records, partition, selection, enough, &mut selected)?;
    }
    selected.remove(&Key::root());
    let more = selected.len() > query.limit as usize;
    let selected = selected.into_values().take(query.limit as usize);
    Ok(View {
        head: Version(head),
        commit_id: CommitId(commit_id),
        at: Timestamp::from_micros(at),
        records: root.into_iter().chain(selected).collect(),
        more,
    })
}

/// Adds the first `most` records of a selection.
fn select(
    records: &impl ReadableTable<Place, Kept>,
    partition: &Partition,
    selection: &Selection,
    most: usize,
    selected: &mut BTreeMap<Key, Record>,
) -> Result<(), Error> {
    let id = partition.id();
    let mut found = 0;
    for entry in records.range((id, selection.first().as_str())..(id, BEHIND_KEYS))? {
        let (place, row) = entry?;
        let key = key(place.value().1)?;
        if found == most || !selection.contains(&key) {
            break;
        }
        if let Some(record) = record(key.clone(), row.value()) {
            selected.insert(key, record);
            found += 1;
        }
    }
    Ok(())
}

/// Returns the record of a row, unless it marks a deletion.
fn record(key: Key, (version, value): (u64, Option<&[u8]>)) -> Option<Record> {
    Some(Record {
        key,
        version: Version(version),
        value: Bytes::copy_from_slice(value?),
    })
}

/// Returns what changed after a version.
pub(crate) fn changes(
    snapshot: &ReadTransaction,
    partition: &Partition,
    since: Version,
    limit: u32,
) -> Result<Changes, Error> {
    let id = partition.id();
    let partitions = snapshot.open_table(PARTITIONS)?;
    let Some(row) = partitions.get(id)? else {
        return Ok(Changes::default());
    };
    let (head, _, _, forgotten) = row.value();
    let (head, lapsed) = (Version(head), since < Version(forgotten));
    if since >= head {
        return Ok(Changes::cut(Vec::new(), head, limit, lapsed));
    }
    let changed = snapshot.open_table(CHANGED)?;
    let records = snapshot.open_table(RECORDS)?;
    let mut items: Vec<Change> = Vec::new();
    for entry in changed.range((id, since.0 + 1, "")..=(id, head.0, BEHIND_KEYS))? {
        let place = entry?.0;
        let (_, version, at) = place.value();
        let row = records.get((id, at))?;
        let value = row.and_then(|row| row.value().1.map(Bytes::copy_from_slice));
        items.push(Change {
            key: key(at)?,
            version: Version(version),
            value,
        });
        // With more than the limit, of more than one version, it is certain where to cut.
        let first = items.first().map(|first| first.version);
        if items.len() > limit as usize && first < Some(Version(version)) {
            break;
        }
    }
    Ok(Changes::cut(items, head, limit, lapsed))
}

/// Lists dead deliveries after the given one.
pub(crate) fn dead(
    snapshot: &ReadTransaction,
    after: Option<(Partition, Key)>,
    limit: u32,
) -> Result<Vec<Delivery>, Error> {
    let dead = snapshot.open_table(DEAD)?;
    let deliveries = snapshot.open_table(DELIVERIES)?;
    let after = after
        .as_ref()
        .map(|(partition, key)| (partition.id(), key.as_str()));
    let from = after.map_or(Bound::Unbounded, Bound::Excluded);
    let mut listed = Vec::new();
    for entry in dead.range((from, Bound::Unbounded))?.take(limit as usize) {
        let place = entry?.0;
        let (id, at) = place.value();
        if let Some(row) = deliveries.get((id, at))? {
            listed.push(Pending::from(row.value()).delivery(partition(id)?, key(at)?));
        }
    }
    Ok(listed)
}

/// Lists partitions after the given one.
pub(crate) fn partitions(
    snapshot: &ReadTransaction,
    after: Option<Partition>,
    limit: u32,
) -> Result<Vec<Partition>, Error> {
    let partitions = snapshot.open_table(PARTITIONS)?;
    let from = after
        .as_ref()
        .map_or(Bound::Unbounded, |after| Bound::Excluded(after.id()));
    let listed = partitions.range::<&str>((from, Bound::Unbounded))?;
    listed
        .take(limit as usize)
        .map(|entry| partition(entry?.0.value()))
        .collect()
}
