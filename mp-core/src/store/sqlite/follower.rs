use rusqlite::{Connection, OptionalExtension, Result, Row, Statement, params};

use super::column::{self, integer_at_most};
use crate::store::{Change, Changes, Partition, Version};

/// The prepared statements that tell what changed in a partition.
#[derive(Debug)]
pub(super) struct Follower<'c> {
    head: Statement<'c>,
    changed: Statement<'c>,
}

const HEAD: &str = "SELECT id, head, forgotten FROM mp_partition WHERE partition = ?1";

const CHANGED: &str = "
SELECT key, version, value FROM mp_record WHERE partition_id = ?1 AND version > ?2
UNION ALL
SELECT '', version, value FROM mp_partition WHERE id = ?1 AND version > ?2
ORDER BY version, key";

impl<'c> Follower<'c> {
    pub(super) fn prepare(connection: &'c Connection) -> Result<Self> {
        Ok(Self {
            head: connection.prepare(HEAD)?,
            changed: connection.prepare(CHANGED)?,
        })
    }

    /// Returns the changes after a version, inside the snapshot that is open.
    pub(super) fn changes(
        &mut self,
        partition: &Partition,
        since: Version,
        limit: u32,
    ) -> Result<Changes> {
        let floor = |row: &Row<'_>| {
            let (head, forgotten) = (column::version(row, 1)?, column::version(row, 2)?);
            Ok((row.get(0)?, head, forgotten))
        };
        let floor = self.head.query_row([partition.id()], floor).optional()?;
        let Some((id, head, forgotten)) = floor else {
            return Ok(Changes::default());
        };
        let items = if head > since {
            self.enough(id, since, limit)?
        } else {
            Vec::new()
        };
        Ok(Changes::cut(items, head, limit, since < forgotten))
    }

    /// Reads on until a boundary between versions is certain to be among the items.
    fn enough(&mut self, id: i64, since: Version, limit: u32) -> Result<Vec<Change>> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut rows = self.changed.query(params![id, integer_at_most(since)])?;
        let mut items: Vec<Change> = Vec::new();
        while let Some(row) = rows.next()? {
            items.push(change(row)?);
            if items.len() > limit && items.first().map(version) < items.last().map(version) {
                break;
            }
        }
        Ok(items)
    }
}

const fn version(change: &Change) -> Version {
    change.version
}

fn change(row: &Row<'_>) -> Result<Change> {
    Ok(Change {
        key: column::key(row, 0)?,
        version: column::version(row, 1)?,
        value: column::value_or_null(row, 2)?,
    })
}
