use std::time::Duration;

use deadpool_postgres::Object;
use tokio_postgres::{Error, Row};

use super::{
    by_slot,
    column::{Columns, integer, slot, slot_number},
    connections::Connections,
    delivery::all_slots,
    distribution::Distribution,
};
use crate::clock::Clock;
use crate::store::{
    Change, Changes, Partition, Query, Record, SLOTS, Selection, StoreError, Version, View,
};

const ROOT: &str = "
SELECT '' AS key, version, value, head, commit_id, at
FROM mp_partition WHERE slot = $1 AND partition = $2";

/// The head and, range by range, the records, all of one snapshot as any one statement is.
pub(super) const READ: &str = "
SELECT '' AS key, version, value, head, commit_id, at
FROM mp_partition WHERE slot = $1 AND partition = $2
UNION ALL (
    SELECT r.key, r.version, r.value, NULL, NULL, NULL
    FROM unnest($3::text[], $4::text[]) AS range (first, beyond)
    CROSS JOIN LATERAL (
        SELECT key, version, value FROM mp_record
        WHERE slot = $1 AND partition = $2 AND key >= range.first AND key < range.beyond
            AND value IS NOT NULL
        ORDER BY key LIMIT $5
    ) AS r
    ORDER BY r.key LIMIT $5
)";

/// The head; the first records that changed, all of the last one's version among them; and one
/// more, which tells whether the limit cut any off.
const CHANGES: &str = "
WITH changed AS MATERIALIZED (
    SELECT key, version, value FROM mp_record
    WHERE slot = $1 AND partition = $2 AND version > $3 AND version > 0
    ORDER BY version FETCH FIRST $4 ROWS WITH TIES
)
SELECT '' AS key, version, value, head, forgotten
FROM mp_partition WHERE slot = $1 AND partition = $2
UNION ALL
SELECT key, version, value, NULL, NULL FROM changed
UNION ALL (
    SELECT key, version, value, NULL, NULL FROM mp_record
    WHERE slot = $1 AND partition = $2 AND version > (SELECT max(version) FROM changed)
        AND version > 0
    ORDER BY version LIMIT 1
)";

/// So many of each slot, and with the last of them that there may be more.
const PARTITIONS: &str = "
SELECT p.partition, p.n = $3 FROM unnest($1::smallint[]) AS s (slot)
CROSS JOIN LATERAL (
    SELECT partition, row_number() OVER (ORDER BY partition) AS n FROM mp_partition
    WHERE slot = s.slot AND partition > $2 ORDER BY partition LIMIT $3
) AS p
ORDER BY p.partition LIMIT $4";

const PARTITIONS_IN: &str = "
SELECT partition FROM mp_partition
WHERE slot = $1 AND partition > $2 ORDER BY partition LIMIT $3";

const CLOCK: &str = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint";

/// Reads the head and the selected records of one moment.
pub(super) async fn read(
    connections: &Connections,
    partition: &Partition,
    query: &Query,
) -> Result<View, StoreError> {
    const OP: &str = "read";
    let (slot, id) = (slot(partition), partition.id());
    if query.select.is_empty() {
        let rows = connections.read(OP, ROOT, &[&slot, &id]).await?;
        return view(OP, &rows, 0);
    }
    let (first, beyond) = ranges(&query.select);
    // One more than the limit tells whether it cut any off.
    let enough = i64::from(query.limit) + 1;
    let rows = connections
        .read(OP, READ, &[&slot, &id, &first, &beyond, &enough])
        .await?;
    view(OP, &rows, query.limit)
}

/// Returns the union of selections as ranges that do not meet: their first keys, and the first keys
/// beyond them.
///
/// Keys are visible ASCII, so a space sorts before all that may follow a key, and `\x7f` behind all
/// that may follow a prefix.
fn ranges(select: &[Selection]) -> (Vec<String>, Vec<String>) {
    let mut ranges: Vec<(String, String)> = select
        .iter()
        .map(|selection| match selection {
            Selection::Key(key) => (key.to_string(), format!("{key} ")),
            Selection::Prefix(prefix) => (prefix.to_string(), format!("{prefix}\x7f")),
            Selection::Range { from, to } => (from.to_string(), to.to_string()),
        })
        .filter(|(first, beyond)| first < beyond)
        .collect();
    ranges.sort_unstable();
    ranges.dedup_by(|later, earlier| {
        let meet = later.0 <= earlier.1;
        if meet && later.1 > earlier.1 {
            earlier.1 = std::mem::take(&mut later.1);
        }
        meet
    });
    ranges.into_iter().unzip()
}

/// Reads within somebody's transaction what [`view`] makes a view of.
pub(super) async fn rows(
    connection: &Object,
    partition: &Partition,
    query: &Query,
) -> Result<Vec<Row>, Error> {
    let (slot, id) = (slot(partition), partition.id());
    let (first, beyond) = ranges(&query.select);
    let enough = i64::from(query.limit) + 1;
    let statement = connection.prepare_cached(READ).await?;
    connection
        .query(&statement, &[&slot, &id, &first, &beyond, &enough])
        .await
}

pub(super) fn view(op: &'static str, rows: &[Row], limit: u32) -> Result<View, StoreError> {
    let Some((root, others)) = rows.split_first() else {
        return Ok(View::default());
    };
    let head = Columns::new(root, op);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let records = rows.iter().take(limit.saturating_add(1));
    Ok(View {
        head: head.version(3)?,
        commit_id: head.commit_id(4)?,
        at: head.time(5)?,
        records: records
            .map(|row| record(&Columns::new(row, op)))
            .collect::<Result<_, _>>()?,
        more: others.len() > limit,
    })
}

fn record(row: &Columns<'_>) -> Result<Record, StoreError> {
    Ok(Record {
        key: row.key(0)?,
        version: row.version(1)?,
        value: row.value(2)?,
    })
}

/// Tells what changed after a version.
pub(super) async fn changes(
    connections: &Connections,
    partition: &Partition,
    since: Version,
    limit: u32,
) -> Result<Changes, StoreError> {
    const OP: &str = "changes";
    let (slot, id) = (slot(partition), partition.id());
    let enough = i64::from(limit) + 1;
    let rows = connections
        .read(OP, CHANGES, &[&slot, &id, &integer(since), &enough])
        .await?;
    let Some(root) = rows.first() else {
        return Ok(Changes::default());
    };
    let root = Columns::new(root, OP);
    let (head, forgotten) = (root.version(3)?, root.version(4)?);
    let mut items = rows
        .iter()
        .map(|row| change(&Columns::new(row, OP)))
        .collect::<Result<Vec<_>, _>>()?;
    items.retain(|change| change.version > since);
    items.sort_by(|a, b| (a.version, &a.key).cmp(&(b.version, &b.key)));
    Ok(Changes::cut(items, head, limit, since < forgotten))
}

fn change(row: &Columns<'_>) -> Result<Change, StoreError> {
    Ok(Change {
        key: row.key(0)?,
        version: row.version(1)?,
        value: row.value_or_null(2)?,
    })
}

/// Lists partitions in the order of their ids.
pub(super) async fn partitions(
    connections: &Connections,
    after: Option<&Partition>,
    limit: u32,
) -> Result<Vec<Partition>, StoreError> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut listed: Vec<Partition> = Vec::new();
    while listed.len() < limit {
        let after = listed.last().or(after).map_or("", Partition::id);
        let (more, cut) = page(connections, after, limit - listed.len()).await?;
        listed.extend(more);
        if !cut {
            break;
        }
    }
    Ok(listed)
}

/// Lists partitions up to the first behind which one slot may have more than were asked of it, and
/// says whether there was such a one.
async fn page(
    connections: &Connections,
    after: &str,
    limit: usize,
) -> Result<(Vec<Partition>, bool), StoreError> {
    // Slots are equally full, more or less: four times its share is hardly ever too little.
    let share = limit / usize::from(SLOTS) * 4 + 8;
    let first = match connections.distribution() {
        Distribution::Single => first_partitions(connections, after, share, limit).await?,
        Distribution::BySlot => by_slot::partitions(connections, after, share, limit).await?,
    };
    let mut listed = Vec::with_capacity(first.len());
    for (partition, cut) in first {
        listed.push(partition);
        if cut {
            return Ok((listed, true));
        }
    }
    Ok((listed, false))
}

/// Returns the first of the partitions that begin each slot, and for each whether its slot was cut
/// off behind it.
async fn first_partitions(
    connections: &Connections,
    after: &str,
    share: usize,
    limit: usize,
) -> Result<Vec<(Partition, bool)>, StoreError> {
    const OP: &str = "partitions";
    let (share, limit) = (count(share), count(limit));
    let rows = connections
        .read(OP, PARTITIONS, &[&all_slots(), &after, &share, &limit])
        .await?;
    rows.iter()
        .map(|row| {
            let row = Columns::new(row, OP);
            Ok((row.partition(0)?, row.get(1)?))
        })
        .collect()
}

/// Returns the partitions that begin one slot, and for each whether it was cut off behind it.
pub(super) async fn partitions_in(
    connections: &Connections,
    slot: u16,
    after: &str,
    share: usize,
) -> Result<Vec<(Partition, bool)>, StoreError> {
    const OP: &str = "partitions";
    let rows = connections
        .read(
            OP,
            PARTITIONS_IN,
            &[&slot_number(slot), &after, &count(share)],
        )
        .await?;
    let partition = |(n, row)| Ok((Columns::new(row, OP).partition(0)?, n == share));
    (1..).zip(&rows).map(partition).collect()
}

/// Returns a number of rows as the engine's integer.
fn count(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

/// Tells by how much a clock differs at least from the server's.
pub(super) async fn clock_skew(
    connections: &Connections,
    clock: &dyn Clock,
) -> Result<Duration, StoreError> {
    const OP: &str = "clock_skew";
    // A first call, which may have to connect and prepare, would hide more.
    connections.read(OP, CLOCK, &[]).await?;
    let before = clock.now();
    let rows = connections.read(OP, CLOCK, &[]).await?;
    let after = clock.now();
    let Some(row) = rows.first() else {
        return Ok(Duration::ZERO);
    };
    let server = Columns::new(row, OP).time(0)?;
    Ok(before.since(server).max(server.since(after)))
}

#[cfg(test)]
pub(super) const OF_ONE_SLOT: &[&str] = &[ROOT, READ, CHANGES, PARTITIONS_IN];

#[cfg(test)]
pub(super) const OF_MANY_SLOTS: &[&str] = &[PARTITIONS];
