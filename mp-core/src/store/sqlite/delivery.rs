use rusqlite::{Connection, Result, Row, Statement, params};

use super::column::{self, integer_at_most};
use crate::{
    clock::Timestamp,
    store::{Delivery, DueQuery, Outcome, Settle, delivery::cut},
};

/// The columns that `delivery` reads.
macro_rules! columns {
    () => {
        "(SELECT partition FROM mp_partition WHERE mp_partition.id = partition_id), \
         key, version, value, due_at, lease, attempts, last_error"
    };
}

/// The fence: the version and the lease that were given, or no lease on what lies dead.
macro_rules! held {
    () => {
        " WHERE partition_id = (SELECT id FROM mp_partition WHERE partition = ?1)
        AND key = ?2 AND version = ?3 AND lease IS ?4
        AND (wakes_at IS NULL) = (?4 IS NULL)"
    };
}

/// The prepared statements that lease and settle deliveries inside the writer's transaction.
#[derive(Debug)]
pub(super) struct Deliveries<'c> {
    due: Statement<'c>,
    lease: Statement<'c>,
    done: Statement<'c>,
    again: Statement<'c>,
    dead: Statement<'c>,
    redrive: Statement<'c>,
}

/// Lists dead deliveries; `delivery` reads its rows.
///
/// The dead are few, so their index leads: a planner who is free to choose would go through all
/// partitions, whose names are in order already.
pub(super) const LIST_DEAD: &str = "
SELECT partition, key, dead.version, dead.value, due_at, lease, attempts, last_error
FROM mp_delivery AS dead CROSS JOIN mp_partition ON mp_partition.id = partition_id
WHERE wakes_at IS NULL AND (partition, key) > (?1, ?2)
ORDER BY partition, key LIMIT ?3";

/// Lists those of one partition; `delivery` reads its rows.
pub(super) const LIST_DEAD_IN: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM mp_delivery
    WHERE partition_id = (SELECT id FROM mp_partition WHERE partition = ?1)
        AND wakes_at IS NULL AND key > ?2
    ORDER BY key LIMIT ?3"
);

// Read off the index alone; slots are picked out while stepping, over whatever is overdue in those that
// nobody asks for.
const DUE: &str = "
SELECT id, slot FROM mp_delivery WHERE kind = ?1 AND wakes_at <= ?2 ORDER BY wakes_at";

const LEASE: &str = concat!(
    "UPDATE mp_delivery
    SET due_at = wakes_at, lease = ?2, wakes_at = ?2, attempts = attempts + 1
    WHERE id = ?1 RETURNING ",
    columns!()
);

const DONE: &str = concat!("DELETE FROM mp_delivery", held!());
const AGAIN: &str = concat!(
    "UPDATE mp_delivery SET due_at = ?5, wakes_at = ?5, lease = NULL, last_error = ?6",
    held!()
);
const DEAD: &str = concat!(
    "UPDATE mp_delivery SET wakes_at = NULL, lease = NULL, last_error = ?5",
    held!()
);
const REDRIVE: &str = concat!(
    "UPDATE mp_delivery SET due_at = ?5, wakes_at = ?5, lease = NULL, attempts = 0",
    held!()
);

impl<'c> Deliveries<'c> {
    pub(super) fn prepare(connection: &'c Connection) -> Result<Self> {
        Ok(Self {
            due: connection.prepare(DUE)?,
            lease: connection.prepare(LEASE)?,
            done: connection.prepare(DONE)?,
            again: connection.prepare(AGAIN)?,
            dead: connection.prepare(DEAD)?,
            redrive: connection.prepare(REDRIVE)?,
        })
    }

    /// Leases what is due, the longest due first.
    pub(super) fn lease(&mut self, query: &DueQuery) -> Result<Vec<Delivery>> {
        let until = query.now.plus(query.lease);
        let ids = self.due(query)?;
        ids.into_iter()
            .map(|id| self.lease_one(id, until))
            .collect()
    }

    fn due(&mut self, query: &DueQuery) -> Result<Vec<i64>> {
        let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
        let mut rows = self.due.query(params![query.kind, query.now.as_micros()])?;
        let mut ids = Vec::new();
        while ids.len() < limit
            && let Some(row) = rows.next()?
        {
            if query.slots.contains(row.get(1)?) {
                ids.push(row.get(0)?);
            }
        }
        Ok(ids)
    }

    fn lease_one(&mut self, id: i64, until: Timestamp) -> Result<Delivery> {
        self.lease
            .query_row(params![id, until.as_micros()], delivery)
    }

    /// Settles one delivery and returns whether its fence held.
    pub(super) fn settle(&mut self, settle: &Settle) -> Result<bool> {
        let (id, key) = (settle.partition.id(), settle.key.as_str());
        let version = integer_at_most(settle.version);
        let lease = settle.lease.map(Timestamp::as_micros);
        let changed = match &settle.outcome {
            Outcome::Done => self.done.execute(params![id, key, version, lease])?,
            Outcome::Again { at, error } => {
                let (at, error) = (at.as_micros(), error.as_deref().map(cut));
                self.again
                    .execute(params![id, key, version, lease, at, error])?
            }
            Outcome::Dead { error } => {
                self.dead
                    .execute(params![id, key, version, lease, cut(error)])?
            }
            Outcome::Redrive { at } => {
                self.redrive
                    .execute(params![id, key, version, lease, at.as_micros()])?
            }
        };
        Ok(changed == 1)
    }
}

/// Reads a row of the listed columns.
pub(super) fn delivery(row: &Row<'_>) -> Result<Delivery> {
    Ok(Delivery {
        partition: column::partition(row, 0)?,
        key: column::key(row, 1)?,
        version: column::version(row, 2)?,
        value: column::value(row, 3)?,
        due_at: column::time(row, 4)?,
        lease: column::time_or_null(row, 5)?,
        attempts: column::count(row, 6)?,
        last_error: row.get(7)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const INIT: &str = include_str!("../../../migrations/sqlite/0001_init.sql");

    fn steps_of(statement: &str) -> Vec<String> {
        let connection = Connection::open_in_memory().expect("opens");
        connection.execute_batch(INIT).expect("makes the tables");
        let explained = connection.prepare(&format!("EXPLAIN QUERY PLAN {statement}"));
        let mut explained = explained.expect("is SQL");
        let steps = explained.query_map(params!["", "", 10], |row| row.get(3));
        let steps: Result<Vec<String>> = steps.expect("explains").collect();
        steps.expect("explains")
    }

    #[test]
    fn listing_the_dead_of_a_partition_sorts_nothing() {
        let steps = steps_of(LIST_DEAD_IN);
        let found = "SEARCH mp_delivery USING INDEX mp_delivery_dead (partition_id=? AND key>?)";
        assert_eq!(steps[0], found, "{steps:?}");
        assert!(
            !steps
                .iter()
                .any(|step| step.contains("SORT") || step.contains("B-TREE")),
            "{steps:?}"
        );
    }

    #[test]
    fn listing_the_dead_goes_through_the_dead_alone() {
        let steps = steps_of(LIST_DEAD);
        assert!(steps[0].contains("mp_delivery_dead"), "{steps:?}");
        assert!(steps[1].contains("SEARCH mp_partition"), "{steps:?}");
    }
}
