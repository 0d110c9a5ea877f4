use std::collections::HashSet;

use tokio_postgres::Row;

use super::{
    column::{Columns, integer, slot},
    connections::Connections,
};
use crate::store::{
    Delivery, DueQuery, Key, Outcome, Partition, SLOTS, Settle, SlotSet, StoreError,
    StoreErrorKind, delivery::cut,
};

/// The columns that `delivery` reads.
macro_rules! columns {
    () => {
        "r.partition, r.key, r.version, r.value, r.due_at, r.lease, r.attempts, r.last_error"
    };
}

/// Takes what is due off the index in its order, passing over what others hold at this moment; a
/// delivery that others leased since the statement began is seen by its new `wakes_at`.
const DUE: &str = concat!(
    "WITH due AS MATERIALIZED (
        SELECT d.slot, d.partition, d.key FROM mp_delivery d
        WHERE d.kind = $1 AND d.wakes_at <= $2 AND get_bit($3::bytea, d.slot) = 1
        ORDER BY d.wakes_at LIMIT $4 FOR UPDATE SKIP LOCKED
    )
    UPDATE mp_delivery r
    SET due_at = r.wakes_at, lease = $5, wakes_at = $5, attempts = r.attempts + 1
    FROM due
    WHERE r.slot = due.slot AND r.partition = due.partition AND r.key = due.key
    RETURNING ",
    columns!()
);

/// The fence: the version and the lease that were given, or no lease on what lies dead.
macro_rules! held {
    () => {
        "r.slot = s.slot AND r.partition = s.partition AND r.key = s.key
        AND r.version = s.version AND r.lease IS NOT DISTINCT FROM s.lease
        AND (r.wakes_at IS NULL) = (s.lease IS NULL)"
    };
}

/// Settles each delivery whose fence holds, and answers their numbers.
const SETTLE: &str = concat!(
    "WITH s AS MATERIALIZED (
        SELECT * FROM unnest(
            $1::smallint[], $2::text[], $3::text[], $4::bigint[], $5::bigint[],
            $6::smallint[], $7::bigint[], $8::text[]
        ) WITH ORDINALITY AS s (slot, partition, key, version, lease, outcome, at, error, n)
    ),
    done AS (
        DELETE FROM mp_delivery r USING s WHERE s.outcome = 0 AND ",
    held!(),
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
    " RETURNING s.n
    )
    SELECT n FROM done UNION ALL SELECT n FROM kept"
);

/// Slot by slot, so that it is pushed down whole where each slot is; the index holds dead ones only.
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

/// Leases what is due, the longest due first.
pub(super) async fn lease(
    connections: &Connections,
    query: &DueQuery,
) -> Result<Vec<Delivery>, StoreError> {
    const OP: &str = "due";
    let slots = bits(&query.slots);
    // The engine's text has no such character, and so no kind has it.
    if query.slots == SlotSet::NONE || query.limit == 0 || query.kind.contains('\0') {
        return Ok(Vec::new());
    }
    let until = query.now.plus(query.lease).as_micros();
    let (now, limit) = (query.now.as_micros(), i64::from(query.limit));
    let rows = connections
        .query(DUE, &[&query.kind, &now, &slots, &limit, &until])
        .await
        // Leases whose answer was lost run out.
        .map_err(|failure| failure.store_error(OP, StoreErrorKind::Unavailable))?;
    let mut leased = deliveries(OP, &rows)?;
    leased.sort_by(|a, b| (a.due_at, &a.partition, &a.key).cmp(&(b.due_at, &b.partition, &b.key)));
    Ok(leased)
}

/// Returns a set of slots as the engine numbers the bits of a `bytea`.
fn bits(slots: &SlotSet) -> Vec<u8> {
    let mut bits = vec![0; usize::from(SLOTS / 8)];
    for slot in slots.iter() {
        bits[usize::from(slot / 8)] |= 1 << (slot % 8);
    }
    bits
}

/// Settles deliveries and says for each whether its fence held.
pub(super) async fn settle(
    connections: &Connections,
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
        for place in settle_once(connections, settles, &round).await? {
            held[round[place]] = true;
        }
        left = later;
    }
    Ok(held)
}

/// Settles those that are named, each delivery once, and returns which fences held.
async fn settle_once(
    connections: &Connections,
    settles: &[Settle],
    round: &[usize],
) -> Result<Vec<usize>, StoreError> {
    const OP: &str = "settle";
    let rows = Rows::of(round.iter().map(|n| &settles[*n]));
    let held = connections
        .query(
            SETTLE,
            &[
                &rows.slot,
                &rows.partition,
                &rows.key,
                &rows.version,
                &rows.lease,
                &rows.outcome,
                &rows.at,
                &rows.error,
            ],
        )
        .await
        .map_err(|failure| failure.store_error(OP, StoreErrorKind::Unknown))?;
    held.iter()
        .map(|row| {
            let number: i64 = Columns::new(row, OP).get(0)?;
            let place = usize::try_from(number - 1)
                .ok()
                .filter(|n| *n < round.len());
            place.ok_or_else(|| {
                let problem = "the server answers for what was not asked";
                StoreError::new(StoreErrorKind::Corrupt, OP, problem)
            })
        })
        .collect()
}

/// Lists what lies dead.
pub(super) async fn dead(
    connections: &Connections,
    after: Option<(&Partition, &Key)>,
    limit: u32,
) -> Result<Vec<Delivery>, StoreError> {
    const OP: &str = "dead";
    let (partition, key) =
        after.map_or(("", ""), |(partition, key)| (partition.id(), key.as_str()));
    let limit = i64::from(limit);
    let rows = connections
        .read(OP, DEAD, &[&all_slots(), &partition, &key, &limit])
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
            rows.lease
                .push(settle.lease.map(crate::clock::Timestamp::as_micros));
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
pub(super) const STATEMENTS: &[&str] = &[DUE, SETTLE, DEAD];
