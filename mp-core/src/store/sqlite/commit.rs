use rusqlite::{Connection, OptionalExtension, Result, Statement, params};

use super::column::{self, Text, integer};
use crate::store::{Batch, CommitId, DELETION_MEMORY, Partition, Version, Write};

/// The prepared statements that apply one batch inside the writer's transaction.
#[derive(Debug)]
pub(super) struct Commits<'c> {
    create: Statement<'c>,
    replace: Statement<'c>,
    advance: Statement<'c>,
    moved: Statement<'c>,
    put: Statement<'c>,
    delete: Statement<'c>,
    deliver: Statement<'c>,
    undeliver: Statement<'c>,
    lapsed: Statement<'c>,
    forget: Statement<'c>,
    forgotten: Statement<'c>,
    pack: Statement<'c>,
    head: Statement<'c>,
}

// The three ways to move the head on. Each is the check as well: where it changes no row, the
// head was not the one expected, and nothing has been written yet.
const CREATE: &str = "
INSERT INTO mp_partition (partition, slot, head, at, commit_id, forgotten, version, value)
VALUES (?1, ?2, ?3, ?4, ?5, 0, ?3, ?6)
ON CONFLICT (partition) DO NOTHING";
const REPLACE: &str = "
UPDATE mp_partition SET head = ?3, at = max(at, ?4), commit_id = ?5, version = ?3, value = ?6
WHERE partition = ?1 AND head = ?2";
const ADVANCE: &str = "
UPDATE mp_partition SET head = ?3, at = max(at, ?4), commit_id = ?5
WHERE partition = ?1 AND head = ?2";

const MOVED: &str = "SELECT id, slot, at FROM mp_partition WHERE partition = ?1";

const PUT: &str = "
INSERT INTO mp_record (partition_id, key, version, at, value) VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (partition_id, key) DO UPDATE
SET version = excluded.version, at = excluded.at, value = excluded.value";
const DELETE: &str = "
UPDATE mp_record SET version = ?3, at = ?4, value = NULL
WHERE partition_id = ?1 AND key = ?2 AND value IS NOT NULL";

const DELIVER: &str = "
INSERT INTO mp_delivery (partition_id, slot, key, kind, version, due_at, wakes_at, value)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7)
ON CONFLICT (partition_id, key) DO UPDATE
SET version = excluded.version, due_at = excluded.due_at, lease = NULL,
    wakes_at = excluded.wakes_at, attempts = 0, last_error = NULL, value = excluded.value";
const UNDELIVER: &str = "DELETE FROM mp_delivery WHERE partition_id = ?1 AND key = ?2";

const LAPSED: &str = "
SELECT max(version) FROM mp_record WHERE partition_id = ?1 AND value IS NULL AND at < ?2";
const FORGET: &str = "
DELETE FROM mp_record WHERE partition_id = ?1 AND value IS NULL AND at < ?2";
const FORGOTTEN: &str = "
UPDATE mp_partition SET forgotten = max(forgotten, ?2) WHERE id = ?1";

// A row that shrinks leaves its page half empty for ever: SQLite joins pages when rows go, not when
// they become smaller. So a partition that has only its root left, as one that was retired, moves to
// the end of the table, beside others of its kind. No other table has its id then.
const PACK: &str = "
UPDATE mp_partition SET id = (SELECT max(id) + 1 FROM mp_partition)
WHERE id = ?1
    AND NOT EXISTS (SELECT 1 FROM mp_record WHERE partition_id = ?1)
    AND NOT EXISTS (SELECT 1 FROM mp_delivery WHERE partition_id = ?1)";

const HEAD: &str = "SELECT head, commit_id FROM mp_partition WHERE partition = ?1";

/// A partition whose head has just been moved on.
#[derive(Clone, Copy, Debug)]
struct Moved {
    id: i64,
    slot: i64,
    version: i64,
    /// The head's time, which does not run back; the batch's own may.
    at: i64,
}

impl<'c> Commits<'c> {
    pub(super) fn prepare(connection: &'c Connection) -> Result<Self> {
        Ok(Self {
            create: connection.prepare(CREATE)?,
            replace: connection.prepare(REPLACE)?,
            advance: connection.prepare(ADVANCE)?,
            moved: connection.prepare(MOVED)?,
            put: connection.prepare(PUT)?,
            delete: connection.prepare(DELETE)?,
            deliver: connection.prepare(DELIVER)?,
            undeliver: connection.prepare(UNDELIVER)?,
            lapsed: connection.prepare(LAPSED)?,
            forget: connection.prepare(FORGET)?,
            forgotten: connection.prepare(FORGOTTEN)?,
            pack: connection.prepare(PACK)?,
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
        // Commits of the root alone, the hottest kind, end here.
        if batch.writes.iter().any(|write| !write.key().is_root()) {
            self.write_others(partition, batch, version)?;
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
            Write::Put { key, value, .. } if key.is_root() => Some(Text(value)),
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

    fn write_others(
        &mut self,
        partition: &Partition,
        batch: &Batch,
        version: Version,
    ) -> Result<()> {
        let moved = self.moved(partition, version)?;
        let (mut records, mut clears) = (false, true);
        for write in batch.writes.iter().filter(|write| !write.key().is_root()) {
            self.write(&moved, write)?;
            records |= !write.key().is_delivery();
            clears &= matches!(write, Write::Delete { .. });
        }
        if records {
            self.forget_deletions(&moved)?;
        }
        if records && clears {
            self.pack.execute([moved.id])?;
        }
        Ok(())
    }

    fn moved(&mut self, partition: &Partition, version: Version) -> Result<Moved> {
        let version = integer(version)?;
        self.moved.query_row([partition.id()], |row| {
            Ok(Moved {
                id: row.get(0)?,
                slot: row.get(1)?,
                version,
                at: row.get(2)?,
            })
        })
    }

    fn write(&mut self, moved: &Moved, write: &Write) -> Result<()> {
        let (id, version, at) = (moved.id, moved.version, moved.at);
        let key = write.key().as_str();
        match write {
            Write::Put { value, .. } => {
                self.put.execute(params![id, key, version, at, Text(value)])
            }
            Write::Deliver { value, due_at, .. } => {
                let kind = write.key().delivery_kind();
                let (slot, due_at) = (moved.slot, due_at.as_micros());
                self.deliver
                    .execute(params![id, slot, key, kind, version, due_at, Text(value)])
            }
            Write::Delete { key } if key.is_delivery() => {
                self.undeliver.execute(params![id, key.as_str()])
            }
            Write::Delete { .. } => self.delete.execute(params![id, key, version, at]),
        }
        .map(drop)
    }

    fn forget_deletions(&mut self, moved: &Moved) -> Result<()> {
        let before = moved.at.saturating_sub(DELETION_MEMORY_MICROS);
        let lapsed: Option<i64> = self
            .lapsed
            .query_row(params![moved.id, before], |row| row.get(0))?;
        if let Some(version) = lapsed {
            self.forget.execute(params![moved.id, before])?;
            self.forgotten.execute(params![moved.id, version])?;
        }
        Ok(())
    }
}

const DELETION_MEMORY_MICROS: i64 = DELETION_MEMORY.as_secs().cast_signed() * 1_000_000;
