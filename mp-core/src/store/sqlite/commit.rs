use rusqlite::{Connection, OptionalExtension, Result, Statement, params};

use super::column::{self, Text, integer};
use crate::{
    clock::Timestamp,
    store::{Batch, CommitId, DELETION_MEMORY, Partition, Version, Write},
};

/// The prepared statements that apply one batch inside the writer's transaction.
#[derive(Debug)]
pub(super) struct Commits<'c> {
    create: Statement<'c>,
    replace: Statement<'c>,
    advance: Statement<'c>,
    put: Statement<'c>,
    delete: Statement<'c>,
    deliver: Statement<'c>,
    undeliver: Statement<'c>,
    lapsed: Statement<'c>,
    forget: Statement<'c>,
    forgotten: Statement<'c>,
    head: Statement<'c>,
}

// The three ways to move the head on. Each is the check as well: where it changes no row, the
// head was not the one expected, and nothing has been written yet.
const CREATE: &str = "
INSERT INTO mp_record (partition, slot, key, version, at, head, commit_id, forgotten, value)
VALUES (?1, ?2, '', ?3, ?4, ?3, ?5, 0, ?6)
ON CONFLICT (partition, key) DO NOTHING";
const REPLACE: &str = "
UPDATE mp_record SET version = ?3, at = max(at, ?4), head = ?3, commit_id = ?5, value = ?6
WHERE partition = ?1 AND key = '' AND head = ?2";
const ADVANCE: &str = "
UPDATE mp_record SET at = max(at, ?4), head = ?3, commit_id = ?5
WHERE partition = ?1 AND key = '' AND head = ?2";

const PUT: &str = "
INSERT INTO mp_record (partition, slot, key, version, at, value) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (partition, key) DO UPDATE
SET version = excluded.version, at = excluded.at, value = excluded.value";

// A deletion is dated by the head, which does not run back, and not by the batch: else a clock
// that jumped back would have it forgotten too early.
const DELETE: &str = "
UPDATE mp_record SET version = ?3, value = NULL,
    at = (SELECT at FROM mp_record WHERE partition = ?1 AND key = '')
WHERE partition = ?1 AND key = ?2 AND value IS NOT NULL";

const DELIVER: &str = "
INSERT INTO mp_delivery (partition, slot, key, kind, version, due_at, wakes_at, value)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7)
ON CONFLICT (partition, key) DO UPDATE
SET version = excluded.version, due_at = excluded.due_at, lease = NULL,
    wakes_at = excluded.wakes_at, attempts = 0, last_error = NULL, value = excluded.value";
const UNDELIVER: &str = "DELETE FROM mp_delivery WHERE partition = ?1 AND key = ?2";

const LAPSED: &str = "
SELECT max(version) FROM mp_record WHERE partition = ?1 AND value IS NULL
AND at < (SELECT at FROM mp_record WHERE partition = ?1 AND key = '') - ?2";
const FORGET: &str = "
DELETE FROM mp_record WHERE partition = ?1 AND value IS NULL
AND at < (SELECT at FROM mp_record WHERE partition = ?1 AND key = '') - ?2";
const FORGOTTEN: &str = "
UPDATE mp_record SET forgotten = max(forgotten, ?2) WHERE partition = ?1 AND key = ''";

const HEAD: &str = "SELECT head, commit_id FROM mp_record WHERE partition = ?1 AND key = ''";

impl<'c> Commits<'c> {
    pub(super) fn prepare(connection: &'c Connection) -> Result<Self> {
        Ok(Self {
            create: connection.prepare(CREATE)?,
            replace: connection.prepare(REPLACE)?,
            advance: connection.prepare(ADVANCE)?,
            put: connection.prepare(PUT)?,
            delete: connection.prepare(DELETE)?,
            deliver: connection.prepare(DELIVER)?,
            undeliver: connection.prepare(UNDELIVER)?,
            lapsed: connection.prepare(LAPSED)?,
            forget: connection.prepare(FORGET)?,
            forgotten: connection.prepare(FORGOTTEN)?,
            head: connection.prepare(HEAD)?,
        })
    }

    /// Applies a batch; `None` if the head was another, and then nothing is written.
    pub(super) fn apply(
        &mut self,
        partition: &Partition,
        batch: &Batch,
    ) -> Result<Option<Version>> {
        let version = batch.expect.next(batch.at);
        if !self.move_head(partition, batch, version)? {
            return Ok(None);
        }
        let mut others = false;
        for write in batch.writes.iter().filter(|write| !write.key().is_root()) {
            self.write(partition, version, batch.at, write)?;
            others |= !write.key().is_delivery();
        }
        // Commits of the root alone, the hottest kind, leave forgetting to the others.
        if others {
            self.forget_deletions(partition)?;
        }
        Ok(Some(version))
    }

    /// Returns the head of a partition and the id of the commit that made it.
    pub(super) fn head(&mut self, partition: &Partition) -> Result<Option<(Version, CommitId)>> {
        let both =
            |row: &rusqlite::Row<'_>| Ok((column::version(row, 0)?, column::commit_id(row, 1)?));
        self.head.query_row([partition.id()], both).optional()
    }

    fn move_head(
        &mut self,
        partition: &Partition,
        batch: &Batch,
        version: Version,
    ) -> Result<bool> {
        let id = partition.id();
        let (expect, next) = (integer(batch.expect)?, integer(version)?);
        let at = batch.at.as_micros();
        let commit_id = batch.commit_id.0.to_be_bytes();
        let root = batch.writes.iter().find_map(|write| match write {
            Write::Put { key, value } if key.is_root() => Some(Text(value)),
            _ => None,
        });
        let changed = match (batch.expect, root) {
            (Version::ABSENT, root) => {
                self.create
                    .execute(params![id, partition.slot(), next, at, commit_id, root])?
            }
            (_, Some(root)) => self
                .replace
                .execute(params![id, expect, next, at, commit_id, root])?,
            (_, None) => self
                .advance
                .execute(params![id, expect, next, at, commit_id])?,
        };
        Ok(changed == 1)
    }

    fn write(
        &mut self,
        partition: &Partition,
        version: Version,
        at: Timestamp,
        write: &Write,
    ) -> Result<()> {
        let (id, slot, version) = (partition.id(), partition.slot(), integer(version)?);
        let key = write.key().as_str();
        match write {
            Write::Put { value, .. } => {
                let at = at.as_micros();
                self.put
                    .execute(params![id, slot, key, version, at, Text(value)])
            }
            Write::Deliver { value, due_at, .. } => {
                let kind = write.key().delivery_kind();
                let due_at = due_at.as_micros();
                self.deliver
                    .execute(params![id, slot, key, kind, version, due_at, Text(value)])
            }
            Write::Delete { key } if key.is_delivery() => {
                self.undeliver.execute(params![id, key.as_str()])
            }
            Write::Delete { .. } => self.delete.execute(params![id, key, version]),
        }
        .map(drop)
    }

    fn forget_deletions(&mut self, partition: &Partition) -> Result<()> {
        let id = partition.id();
        let lapsed: Option<i64> = self
            .lapsed
            .query_row(params![id, DELETION_MEMORY_MICROS], |row| row.get(0))?;
        if let Some(version) = lapsed {
            self.forget.execute(params![id, DELETION_MEMORY_MICROS])?;
            self.forgotten.execute(params![id, version])?;
        }
        Ok(())
    }
}

const DELETION_MEMORY_MICROS: i64 = DELETION_MEMORY.as_secs().cast_signed() * 1_000_000;
