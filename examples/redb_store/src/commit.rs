use mp_core::{
    Timestamp,
    store::{Batch, DELETION_MEMORY, Key, Partition, StoreError, Version, Write},
};
use redb::{Error, ReadableTable};

use crate::{
    delivery::{self, Pending},
    tables::Tables,
};

/// Applies a batch inside the transaction that is open, or answers `Conflict` and writes nothing.
///
/// The batch has been checked.
pub(crate) fn apply(
    tables: &mut Tables<'_>,
    partition: &Partition,
    batch: &Batch,
) -> Result<Result<Version, StoreError>, Error> {
    let found = tables
        .partitions
        .get(partition.id())?
        .map(|row| row.value());
    let (head, _, at, forgotten) = found.unwrap_or_default();
    if Version(head) != batch.expect {
        return Ok(Err(StoreError::conflict()));
    }
    let version = batch.expect.next(batch.at);
    // The head's time does not run back when a caller's clock does.
    let at = batch.at.max(Timestamp::from_micros(at));
    for write in &batch.writes {
        self::write(tables, partition, version, at, write)?;
    }
    let forgotten = forget_deletions(tables, partition.id(), at)?.unwrap_or(forgotten);
    let row = (version.0, batch.commit_id.0, at.as_micros(), forgotten);
    tables.partitions.insert(partition.id(), row)?;
    Ok(Ok(version))
}

fn write(
    tables: &mut Tables<'_>,
    partition: &Partition,
    version: Version,
    at: Timestamp,
    write: &Write,
) -> Result<(), Error> {
    match write {
        Write::Put { key, value, .. } => put(tables, partition.id(), key, version, Some(value)),
        Write::Delete { key } if key.is_delivery() => {
            delivery::take(tables, partition, key).map(drop)
        }
        Write::Delete { key } => delete(tables, partition.id(), key, version, at),
        Write::Deliver {
            key, value, due_at, ..
        } => {
            delivery::take(tables, partition, key)?;
            let pending = Pending::new(version, value.clone(), *due_at);
            delivery::put(tables, partition, key, &pending)
        }
    }
}

/// Writes a record, or the mark that it was deleted, and moves it to the end of what changed.
fn put(
    tables: &mut Tables<'_>,
    id: &str,
    key: &Key,
    version: Version,
    value: Option<&[u8]>,
) -> Result<(), Error> {
    let key = key.as_str();
    let before = tables.records.insert((id, key), (version.0, value))?;
    if let Some(before) = before.map(|row| row.value().0) {
        tables.changed.remove((id, before, key))?;
        tables.deleted.remove((id, before, key))?;
    }
    tables.changed.insert((id, version.0, key), ())?;
    Ok(())
}

/// Removes a record; of one that is not there, no mark is left.
fn delete(
    tables: &mut Tables<'_>,
    id: &str,
    key: &Key,
    version: Version,
    at: Timestamp,
) -> Result<(), Error> {
    let found = tables.records.get((id, key.as_str()))?;
    if found.is_some_and(|row| row.value().1.is_some()) {
        put(tables, id, key, version, None)?;
        let place = (id, version.0, key.as_str());
        tables.deleted.insert(place, at.as_micros())?;
    }
    Ok(())
}

/// Forgets the deletions that need not be remembered, and returns the last version among them.
fn forget_deletions(
    tables: &mut Tables<'_>,
    id: &str,
    at: Timestamp,
) -> Result<Option<u64>, Error> {
    let horizon = at.minus(DELETION_MEMORY).as_micros();
    let mut lapsed = Vec::new();
    for entry in tables.deleted.range((id, 0, "")..(id, u64::MAX, ""))? {
        let (place, at) = entry?;
        let (_, version, key) = place.value();
        if at.value() >= horizon {
            break;
        }
        lapsed.push((version, key.to_owned()));
    }
    for (version, key) in &lapsed {
        tables.records.remove((id, key.as_str()))?;
        tables.changed.remove((id, *version, key.as_str()))?;
        tables.deleted.remove((id, *version, key.as_str()))?;
    }
    Ok(lapsed.last().map(|(version, _)| *version))
}
