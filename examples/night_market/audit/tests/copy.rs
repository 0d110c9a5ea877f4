//! An evening held once, and copies of its file to tamper with.

use std::{
    fs,
    path::PathBuf,
    sync::{Arc, LazyLock},
};

use clap::Parser;
use mp_core::store::{Durability, SqliteOptions, SqliteStore};
use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    audit::{Source, audit, evening::Evening, verdict::Verdict},
    options::Options,
};

/// As many visitors as it takes for everything to come about that there is to tamper with.
pub(super) const VISITORS: u64 = 150;

static EVENING: LazyLock<Vec<u8>> = LazyLock::new(hold);

/// Holds the evening, and returns its file.
fn hold() -> Vec<u8> {
    let folder = TempDir::new().expect("a temporary folder");
    let (path, copy) = (folder.path().join("evening"), folder.path().join("copy"));
    let visitors = VISITORS.to_string();
    let arguments = [
        "night_market",
        "--seed",
        "3",
        "--json",
        "--visitors",
        &visitors,
    ];
    let options = Options::parse_from(arguments);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let report = runtime.block_on(async {
        let mut sqlite = SqliteOptions::default();
        sqlite.durability = Durability::Normal;
        let store = SqliteStore::open(&path, sqlite).expect("opens");
        crate::run(&options, Arc::new(store), None).await
    });
    let report = report.expect("the evening comes to its end");
    assert!(report.invariants.hold());
    // What stands in the write-ahead log goes into the copy as well.
    let connection = Connection::open(&path).expect("opens");
    let into = copy.to_str().expect("a path of text");
    connection
        .execute("VACUUM INTO ?1", [into])
        .expect("copies");
    fs::read(&copy).expect("reads")
}

/// A copy of the evening's file.
#[derive(Debug)]
pub(super) struct Copy {
    _folder: TempDir,
    path: PathBuf,
}

impl Copy {
    /// Copies the file and changes it past every service; each statement has to change something.
    pub(super) fn tampered(statements: &[&str]) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let path = folder.path().join("evening");
        fs::write(&path, &*EVENING).expect("writes");
        let connection = Connection::open(&path).expect("opens");
        connection.execute_batch(ENTRIES).expect("a view");
        for statement in statements {
            let before = connection.total_changes();
            connection.execute(statement, []).expect(statement);
            let changed = connection.total_changes() - before;
            assert!(changed > 0, "nothing to tamper with: {statement}");
        }
        Self {
            _folder: folder,
            path,
        }
    }

    /// Returns what an audit comes to.
    pub(super) fn verdict(&self) -> Verdict {
        let records = self.source().open().expect("opens");
        let evening = Evening::of(&*records).expect("holds an evening");
        Verdict::on(&*records, &evening).expect("can be audited")
    }

    /// Returns whether an audit passes, and the one JSON object that it prints.
    pub(super) fn audit(&self) -> (bool, Value) {
        let mut out = Vec::new();
        let passed = audit(&self.source(), true, &mut out).expect("can be audited");
        (
            passed,
            serde_json::from_slice(&out).expect("one JSON object"),
        )
    }

    fn source(&self) -> Source {
        Source::File(self.path.clone())
    }

    /// Returns why an audit is refused.
    pub(super) fn refusal(&self) -> String {
        let refused = audit(&self.source(), true, &mut Vec::new()).expect_err("is refused");
        refused.to_string()
    }
}

/// Roots and other records in one view of this connection, which can be written to.
const ENTRIES: &str = "
CREATE TEMP VIEW entry AS
    SELECT partition, '' AS key, value FROM mp_partition
    UNION ALL
    SELECT partition, key, record.value
    FROM mp_record AS record JOIN mp_partition ON mp_partition.id = partition_id;
CREATE TEMP TRIGGER entry_is_set INSTEAD OF UPDATE ON entry BEGIN
    UPDATE mp_partition SET value = new.value WHERE partition = old.partition AND old.key = '';
    UPDATE mp_record SET value = new.value WHERE key = old.key
        AND partition_id = (SELECT id FROM mp_partition WHERE partition = old.partition);
END;
CREATE TEMP TRIGGER entry_is_deleted INSTEAD OF DELETE ON entry BEGIN
    DELETE FROM mp_record WHERE key = old.key
        AND partition_id = (SELECT id FROM mp_partition WHERE partition = old.partition);
    DELETE FROM mp_partition WHERE partition = old.partition AND old.key = '';
END;
CREATE TEMP TRIGGER entry_is_added INSTEAD OF INSERT ON entry BEGIN
    INSERT INTO mp_partition (partition, slot, head, at, commit_id, forgotten, version, value)
    SELECT new.partition, 0, 1, 0, x'', 0, 1, new.value WHERE new.key = '';
    INSERT INTO mp_record (partition_id, key, version, at, value)
    SELECT id, new.key, 1, 0, new.value FROM mp_partition
    WHERE partition = new.partition AND new.key <> '';
END;";

/// Writes the statement that sets a member of one record's value.
pub(super) fn set(kind: &str, key: &str, condition: &str, member: &str, to: &str) -> String {
    let which = which(kind, key, condition);
    format!("UPDATE entry SET value = json_set(value, '{member}', {to}) WHERE {which}")
}

/// Writes the statement that sets a member of the first record's value that has it, by an expression
/// for its path.
pub(super) fn set_at(kind: &str, key: &str, path: &str, to: &str) -> String {
    let which = which(kind, key, &format!("{path} IS NOT NULL"));
    format!("UPDATE entry SET value = json_set(value, {path}, {to}) WHERE {which}")
}

/// Writes the statement that takes a member out of the first record's value that has it.
pub(super) fn remove(kind: &str, key: &str, path: &str) -> String {
    let which = which(kind, key, &format!("{path} IS NOT NULL"));
    format!("UPDATE entry SET value = json_remove(value, {path}) WHERE {which}")
}

/// Writes an expression for the path of the first item in a record's list whose member says this.
pub(super) fn entry_with(list: &str, member: &str, says: &str) -> String {
    format!(
        "(SELECT fullkey FROM json_each(entry.value, '{list}') AS written
         WHERE json_extract(written.value, '{member}') = '{says}' LIMIT 1)"
    )
}

/// Writes the statement that deletes one record.
pub(super) fn delete(kind: &str, key: &str, condition: &str) -> String {
    format!("DELETE FROM entry WHERE {}", which(kind, key, condition))
}

/// Writes the statement that puts a record beside another one, made from it.
pub(super) fn insert(
    kind: &str,
    key: &str,
    condition: &str,
    to_partition: &str,
    to_key: &str,
    value: &str,
) -> String {
    let which = which(kind, key, condition);
    format!(
        "INSERT INTO entry (partition, key, value)
         SELECT {to_partition}, {to_key}, {value} FROM entry WHERE {which}"
    )
}

/// Writes the statement that leaves work at some payment, to come up then; `NULL` is dead work.
pub(super) fn work(key: &str, wakes_at: &str) -> String {
    format!(
        "INSERT INTO mp_delivery (partition_id, slot, key, kind, version, due_at, wakes_at, value)
         SELECT id, slot, '{key}', 'some.kind', version, 0, {wakes_at}, '{{}}'
         FROM mp_partition WHERE partition GLOB '*/pay/*' ORDER BY partition LIMIT 1"
    )
}

/// Names the first record of a kind of partition, with keys of a pattern, that meets a condition.
fn which(kind: &str, key: &str, condition: &str) -> String {
    format!(
        "(partition, key) = (SELECT partition, key FROM entry
         WHERE partition GLOB '*/{kind}/*' AND key GLOB '{key}'
         AND value IS NOT NULL AND {condition} ORDER BY partition, key LIMIT 1)"
    )
}
