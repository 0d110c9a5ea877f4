use std::{
    collections::{HashSet, VecDeque},
    time::{Duration, Instant},
};

use tokio_postgres::{Row, types::ToSql};

use super::{
    column::{Columns, integer, slot, slot_number},
    connections::{Connections, Params},
    error::Failure,
};
use crate::clock::Timestamp;
use crate::store::{
    Delivery, DueQuery, Key, Outcome, Partition, SLOTS, Settle, SlotSet, StoreError,
    StoreErrorKind, delivery::cut,
};

const SETTLING: &str = "settle";

/// How long what is settled together is parted further, because somebody holds some of it.
const PARTS_MAX: Duration = Duration::from_secs(5);

/// The columns that `delivery` reads.
macro_rules! columns {
    () => {
        "r.partition, r.key, r.version, r.value, r.due_at, r.lease, r.attempts, r.last_error"
    };
}

/// Takes what is due off the index in its order, passing over what others hold at this moment; a
/// delivery that others leased since the statement began is seen by its new `wakes_at`.
///
/// The index has the slots, but whether one is among many is asked of the row: what is overdue in slots that
/// are not asked for is read, one after another, each time.
macro_rules! due {
    ($asked:literal, $found:literal) => {
        concat!(
            "WITH due AS MATERIALIZED (
                SELECT d.slot, d.partition, d.key FROM mp_delivery d
                WHERE d.kind = $1 AND d.wakes_at <= $2 AND ",
            $asked,
            " ORDER BY d.wakes_at LIMIT $4 FOR UPDATE SKIP LOCKED
            )
            UPDATE mp_delivery r
            SET due_at = r.wakes_at, lease = $5, wakes_at = $5, attempts = r.attempts + 1
            FROM due
            WHERE ",
            $found,
            " AND r.partition = due.partition AND r.key = due.key
            RETURNING ",
            columns!()
        )
    };
}

const DUE: &str = due!("get_bit($3::bytea, d.slot) = 1", "r.slot = due.slot");
const DUE_IN: &str = due!("d.slot = $3", "r.slot = $3");

/// When the first deliveries of a kind in one slot come up.
const FIRST_IN: &str = "
SELECT wakes_at FROM mp_delivery
WHERE slot = $1 AND kind = $2 AND wakes_at IS NOT NULL ORDER BY wakes_at LIMIT $3";

/// The fence: the version and the lease that were given, or no lease on what lies dead.
macro_rules! held {
    () => {
        "r.slot = s.slot AND r.partition = s.partition AND r.key = s.key
        AND r.version = s.version AND r.lease IS NOT DISTINCT FROM s.lease
        AND (r.wakes_at IS NULL) = (s.lease IS NULL)"
    };
}

/// Settles each delivery whose fence holds, and answers their numbers.
macro_rules! settle {
    ($within:literal) => {
        concat!(
            "WITH s AS MATERIALIZED (
                SELECT * FROM unnest(
                    $1::smallint[], $2::text[], $3::text[], $4::bigint[], $5::bigint[],
                    $6::smallint[], $7::bigint[], $8::text[]
                ) WITH ORDINALITY
                    AS s (slot, partition, key, version, lease, outcome, at, error, n)
            ),
            done AS (
                DELETE FROM mp_delivery r USING s WHERE s.outcome = 0 AND ",
            held!(),
            $within,
            " RETURNING s.n
            ),
            kept AS (
                UPDATE mp_delivery r SET
                    due_at = coalesce(s.at, r.due_at),
                    wakes_at = s.at,
                    lease = NULL,
                    attempts = CASE s.outcome WHEN 3 THEN 0 ELSE r.attempts END,
                    last_error = CASE s.outcome WHEN 3 THEN r.last_error ELSE s.error END
                FROM s WHERE s.outcome > 0 AND ",
            held!(),
            $within,
            " RETURNING s.n
            )
            SELECT n FROM done UNION ALL SELECT n FROM kept"
        )
    };
}

const SETTLE: &str = settle!("");
const SETTLE_IN: &str = settle!(" AND r.slot = $9");

/// Slot by slot, so that only the first of each are read; the index holds dead ones only.
const DEAD: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM unnest($1::smallint[]) AS s (slot)
    CROSS JOIN LATERAL (
        SELECT * FROM mp_delivery d
        WHERE d.slot = s.slot AND d.wakes_at IS NULL AND (d.partition, d.key) > ($2, $3)
        ORDER BY d.partition, d.key LIMIT $4
    ) AS r
    ORDER BY r.partition, r.key LIMIT $4"
);

const DEAD_IN: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM mp_delivery r
    WHERE r.slot = $1 AND r.wakes_at IS NULL AND (r.partition, r.key) > ($2, $3)
    ORDER BY r.partition, r.key LIMIT $4"
);

/// Returns whether there is nothing that could be due: the engine's text has no NUL, and so no kind
/// has it.
pub(super) fn is_idle(query: &DueQuery) -> bool {
    query.slots == SlotSet::NONE || query.limit == 0 || query.kind.contains('\0')
}

/// Leases what is due, the longest due first.
pub(super) async fn lease(
    connections: &Connections,
    query: &DueQuery,
) -> Result<Vec<Delivery>, StoreError> {
    lease_by(connections, DUE, &bits(&query.slots), query, query.limit).await
}

/// Leases what is due in one slot, the longest due first and no more than the limit.
pub(super) async fn lease_in(
    connections: &Connections,
    slot: u16,
    query: &DueQuery,
    limit: u32,
) -> Result<Vec<Delivery>, StoreError> {
    lease_by(connections, DUE_IN, &slot_number(slot), query, limit).await
}

async fn lease_by(
    connections: &Connections,
    sql: &str,
    slots: &(dyn ToSql + Sync),
    query: &DueQuery,
    limit: u32,
) -> Result<Vec<Delivery>, StoreError> {
    const OP: &str = "due";
    let until = query.now.plus(query.lease).as_micros();
    let (now, limit) = (query.now.as_micros(), i64::from(limit));
    let rows = connections
        .query(sql, &[&query.kind, &now, slots, &limit, &until])
        .await
        // Leases whose answer was lost run out.
        .map_err(|failure| failure.store_error(OP, StoreErrorKind::Unavailable))?;
    let mut leased = deliveries(OP, &rows)?;
    sort(&mut leased);
    Ok(leased)
}

/// Puts the longest due first.
pub(super) fn sort(leased: &mut [Delivery]) {
    leased.sort_by(|a, b| (a.due_at, &a.partition, &a.key).cmp(&(b.due_at, &b.partition, &b.key)));
}

/// Returns when the first deliveries of a kind in one slot come up.
pub(super) async fn first_in(
    connections: &Connections,
    slot: u16,
    kind: &str,
    limit: usize,
) -> Result<Vec<Timestamp>, StoreError> {
    const OP: &str = "due";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = connections
        .read(OP, FIRST_IN, &[&slot_number(slot), &kind, &limit])
        .await?;
    rows.iter()
        .map(|row| Columns::new(row, OP).time(0))
        .collect()
}

/// Returns a set of slots as the engine numbers the bits of a `bytea`.
fn bits(slots: &SlotSet) -> Vec<u8> {
    let mut bits = vec![0; usize::from(SLOTS / 8)];
    for slot in slots.iter() {
        bits[usize::from(slot / 8)] |= 1 << (slot % 8);
    }
    bits
}

/// Settles deliveries, which are all in one slot if one is named, and says for each whether its
/// fence held.
pub(super) async fn settle(
    connections: &Connections,
    slot: Option<u16>,
    settles: &[Settle],
) -> Result<Vec<bool>, StoreError> {
    let mut held = vec![false; settles.len()];
    let mut left: Vec<usize> = (0..settles.len()).collect();
    while !left.is_empty() {
        // What is settled twice is settled in the order given, so not in one statement.
        let mut seen = HashSet::new();
        let (mut round, later): (Vec<_>, Vec<_>) = left
            .into_iter()
            .partition(|n| seen.insert((&settles[*n].partition, &settles[*n].key)));
        // All in one order, so that two that settle the same do not wait for each other in a ring.
        round.sort_unstable_by_key(|n| {
            let settle = &settles[*n];
            (settle.partition.slot(), settle.partition.id(), &settle.key)
        });
        settle_round(connections, slot, settles, round, &mut held).await?;
        left = later;
    }
    Ok(held)
}

/// Settles those that are named, each delivery once, and notes which fences held.
///
/// If somebody holds one of them they are settled in halves, and those in halves again: so that all are
/// but those which stay held, for whose sake it fails.
async fn settle_round(
    connections: &Connections,
    slot: Option<u16>,
    settles: &[Settle],
    round: Vec<usize>,
    held: &mut [bool],
) -> Result<(), StoreError> {
    let (mut parts, mut in_parts_since, mut unsettled) = (VecDeque::from([round]), None, None);
    while let Some(mut part) = parts.pop_front() {
        let connections = match in_parts_since {
            Some(_) => &connections.hasty(),
            None => connections,
        };
        match settle_once(connections, slot, settles, &part).await {
            Ok(rows) => {
                for place in places(&rows, part.len())? {
                    held[part[place]] = true;
                }
            }
            Err(failure) if failure.is_of_held_row() => {
                let since = in_parts_since.get_or_insert_with(Instant::now);
                if part.len() > 1 && since.elapsed() < PARTS_MAX {
                    let second = part.split_off(part.len() / 2);
                    parts.extend([part, second]);
                } else {
                    unsettled = Some(failure);
                }
            }
            Err(failure) => return Err(failed(failure)),
        }
    }
    unsettled.map_or(Ok(()), |failure| Err(failed(failure)))
}

/// Settles those that are named in one statement, and returns the row of each fence that held.
async fn settle_once(
    connections: &Connections,
    slot: Option<u16>,
    settles: &[Settle],
    part: &[usize],
) -> Result<Vec<Row>, Failure> {
    let rows = Rows::of(part.iter().map(|n| &settles[*n]));
    let params: Params<'_> = &[
        &rows.slot,
        &rows.partition,
        &rows.key,
        &rows.version,
        &rows.lease,
        &rows.outcome,
        &rows.at,
        &rows.error,
    ];
    match slot {
        None => connections.write(SETTLE, params).await,
        Some(slot) => {
            let slot = slot_number(slot);
            let params = [params, &[&slot]].concat();
            connections.write(SETTLE_IN, &params).await
        }
    }
}

/// Returns which of so many that were asked for the rows stand for.
fn places(rows: &[Row], count: usize) -> Result<Vec<usize>, StoreError> {
    rows.iter()
        .map(|row| {
            let number: i64 = Columns::new(row, SETTLING).get(0)?;
            let place = usize::try_from(number - 1).ok().filter(|n| *n < count);
            place.ok_or_else(|| {
                let problem = "the server answers for what was not asked";
                StoreError::new(StoreErrorKind::Corrupt, SETTLING, problem)
            })
        })
        .collect()
}

fn failed(failure: Failure) -> StoreError {
    failure.store_error(SETTLING, StoreErrorKind::Unknown)
}

/// Lists what lies dead.
pub(super) async fn dead(
    connections: &Connections,
    after: Option<(&Partition, &Key)>,
    limit: u32,
) -> Result<Vec<Delivery>, StoreError> {
    dead_by(connections, DEAD, &all_slots(), after, limit).await
}

/// Lists what lies dead in one slot.
pub(super) async fn dead_in(
    connections: &Connections,
    slot: u16,
    after: Option<(&Partition, &Key)>,
    limit: u32,
) -> Result<Vec<Delivery>, StoreError> {
    dead_by(connections, DEAD_IN, &slot_number(slot), after, limit).await
}

async fn dead_by(
    connections: &Connections,
    sql: &str,
    slots: &(dyn ToSql + Sync),
    after: Option<(&Partition, &Key)>,
    limit: u32,
) -> Result<Vec<Delivery>, StoreError> {
    const OP: &str = "dead";
    let (partition, key) =
        after.map_or(("", ""), |(partition, key)| (partition.id(), key.as_str()));
    let limit = i64::from(limit);
    let rows = connections
        .read(OP, sql, &[slots, &partition, &key, &limit])
        .await?;
    deliveries(OP, &rows)
}

/// Returns every slot there is.
pub(super) fn all_slots() -> Vec<i16> {
    (0..).take(SLOTS.into()).collect()
}

fn deliveries(op: &'static str, rows: &[Row]) -> Result<Vec<Delivery>, StoreError> {
    rows.iter()
        .map(|row| delivery(&Columns::new(row, op)))
        .collect()
}

fn delivery(row: &Columns<'_>) -> Result<Delivery, StoreError> {
    Ok(Delivery {
        partition: row.partition(0)?,
        key: row.key(1)?,
        version: row.version(2)?,
        value: row.value(3)?,
        due_at: row.time(4)?,
        lease: row.time_or_null(5)?,
        attempts: row.count(6)?,
        last_error: row.get(7)?,
    })
}

/// What is settled, column by column.
#[derive(Debug, Default)]
struct Rows<'s> {
    slot: Vec<i16>,
    partition: Vec<&'s str>,
    key: Vec<&'s str>,
    version: Vec<i64>,
    lease: Vec<Option<i64>>,
    outcome: Vec<i16>,
    at: Vec<Option<i64>>,
    error: Vec<Option<String>>,
}

impl<'s> Rows<'s> {
    fn of(settles: impl Iterator<Item = &'s Settle>) -> Self {
        let mut rows = Self::default();
        for settle in settles {
            rows.slot.push(slot(&settle.partition));
            rows.partition.push(settle.partition.id());
            rows.key.push(settle.key.as_str());
            rows.version.push(integer(settle.version));
            rows.lease.push(settle.lease.map(Timestamp::as_micros));
            let (outcome, at, error) = match &settle.outcome {
                Outcome::Done => (0, None, None),
                Outcome::Again { at, error } => (1, Some(at), error.as_deref()),
                Outcome::Dead { error } => (2, None, Some(error.as_str())),
                Outcome::Redrive { at } => (3, Some(at), None),
            };
            rows.outcome.push(outcome);
            rows.at.push(at.map(|at| at.as_micros()));
            rows.error.push(error.map(kept));
        }
        rows
    }
}

/// Returns what is kept of an error's text, in which the engine takes every character but one.
fn kept(error: &str) -> String {
    cut(error).replace('\0', " ")
}

#[cfg(test)]
pub(super) const OF_ONE_SLOT: &[&str] = &[DUE_IN, FIRST_IN, SETTLE_IN, DEAD_IN];

#[cfg(test)]
pub(super) const OF_MANY_SLOTS: &[&str] = &[DUE, SETTLE, DEAD];
