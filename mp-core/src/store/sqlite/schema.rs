use std::{fmt, path::Path, time::Duration};
#[cfg(unix)]
use std::{fs, os::unix::fs::MetadataExt};

use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior};

use super::{
    error::store_error,
    options::{Durability, SqliteOptions},
    patience::patiently,
};
use crate::store::{SLOTS, StoreError, StoreErrorKind};

const OP: &str = "open";

/// The longest that the engine can be told to wait, 24 days: it counts milliseconds in 32 bits.
const BUSY_TIMEOUT_MAX: Duration = Duration::from_millis(i32::MAX.unsigned_abs() as u64);

/// The steps from an empty file to today's layout; the layout number counts those applied.
const MIGRATIONS: &[&str] = &[include_str!("../../../migrations/sqlite/0001_init.sql")];

/// Opens the one connection that writes, creating or upgrading the file if need be.
pub(super) fn open_writer(path: &Path, options: &SqliteOptions) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let file = identity(path);
    let mut connection = connect(path, flags, options)?;
    let read_only = connection
        .is_readonly("main")
        .map_err(|error| store_error(OP, error))?;
    if read_only {
        let problem = "the file or its directory cannot be written";
        return Err(StoreError::new(StoreErrorKind::ReadOnly, OP, problem));
    }
    check_layout(&connection)?;
    // From this read on nobody replaces it, if it has a log; whoever waited for a restore to end has the
    // old file, which has no name any more.
    demand_same(path, file)?;
    // While another process is just creating the file, taking up WAL mode is refused at once, the
    // busy timeout notwithstanding.
    patiently(options.busy_timeout, || configure(&connection, options))
        .and_then(|()| patiently(options.busy_timeout, || migrate(&mut connection)))
        .map_err(|error| store_error(OP, error))?;
    // A copy that was put back has none yet, and nothing held it until now.
    demand_same(path, file)?;
    check_layout(&connection)?;
    check_slots(&connection)?;
    if options.quick_check {
        check_pages(&connection, path)?;
    }
    Ok(connection)
}

/// Opens a connection that writes the log back or copies the file, but changes no record.
pub(super) fn open_keeper(path: &Path, options: &SqliteOptions) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = connect(path, flags, options)?;
    configure(&connection, options).map_err(|error| store_error(OP, error))?;
    Ok(connection)
}

/// Checks that `file`, which has the content of `copy`, is a store of this or an earlier layout, and that
/// none of it is damaged.
pub(super) fn check_copy(file: &Path, copy: &Path) -> Result<(), StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = connect(file, flags, &SqliteOptions::default())?;
    check_layout(&connection)?;
    if layout(&connection).map_err(|error| store_error(OP, error))? == 0 {
        return Err(StoreError::invalid(OP, "the copy is empty"));
    }
    check_slots(&connection)?;
    check_pages(&connection, copy)
}

/// Opens a connection that only reads.
pub(super) fn open_reader(path: &Path, options: &SqliteOptions) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    connect(path, flags, options)
}

fn connect(
    path: &Path,
    flags: OpenFlags,
    options: &SqliteOptions,
) -> Result<Connection, StoreError> {
    let connection =
        Connection::open_with_flags(path, flags).map_err(|error| store_error(OP, error))?;
    connection
        .busy_timeout(options.busy_timeout.min(BUSY_TIMEOUT_MAX))
        .map_err(|error| store_error(OP, error))?;
    Ok(connection)
}

/// Refuses to go on with a file that another has taken the place of.
fn demand_same(path: &Path, file: Option<(u64, u64)>) -> Result<(), StoreError> {
    if file.is_none() || identity(path) == file {
        return Ok(());
    }
    let problem = "the file was replaced while it was opened: open it again";
    Err(StoreError::new(StoreErrorKind::Unavailable, OP, problem))
}

/// Tells whether two looks at a path see one file; nothing if none is there.
#[cfg(unix)]
fn identity(path: &Path) -> Option<(u64, u64)> {
    let file = fs::metadata(path).ok()?;
    Some((file.dev(), file.ino()))
}

/// Elsewhere a file that somebody has open is not replaced.
#[cfg(not(unix))]
fn identity(_: &Path) -> Option<(u64, u64)> {
    None
}

fn configure(connection: &Connection, options: &SqliteOptions) -> rusqlite::Result<()> {
    let synchronous = match options.durability {
        Durability::Full => "FULL",
        Durability::Normal => "NORMAL",
    };
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIBIBYTES)
}

/// How much the writing connection keeps in memory.
const CACHE_KIBIBYTES: i64 = 64 * 1024;

fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    // Nobody who writes is waited for where nothing is to be written.
    if layout(connection)? >= newest() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let layout = layout(&transaction)?;
    for (number, migration) in numbered_migrations().filter(|(number, _)| *number > layout) {
        transaction.execute_batch(migration)?;
        transaction.execute(
            "INSERT INTO mp_meta (name, value) VALUES ('layout', ?1)
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            [number],
        )?;
    }
    transaction.commit()
}

fn numbered_migrations() -> impl Iterator<Item = (u32, &'static str)> {
    (1..).zip(MIGRATIONS.iter().copied())
}

/// Returns how many migrations there are.
fn newest() -> u32 {
    numbered_migrations().last().map_or(0, |(number, _)| number)
}

/// Returns how many migrations the file has seen.
fn layout(connection: &Connection) -> rusqlite::Result<u32> {
    if !has_table(connection, "mp_meta")? {
        return Ok(0);
    }
    Ok(meta(connection, "layout")?.unwrap_or_default())
}

fn has_table(connection: &Connection, like: &str) -> rusqlite::Result<bool> {
    let sql = "SELECT count(*) > 0 FROM sqlite_schema WHERE name LIKE ?1";
    connection.query_row(sql, [like], |row| row.get(0))
}

fn meta(connection: &Connection, name: &str) -> rusqlite::Result<Option<u32>> {
    let sql = "SELECT value FROM mp_meta WHERE name = ?1";
    connection
        .query_row(sql, [name], |row| row.get(0))
        .optional()
}

/// Refuses, before anything is written, a file that is not ours or not yet ours.
fn check_layout(connection: &Connection) -> Result<(), StoreError> {
    let failed = |error| store_error(OP, error);
    let foreign = has_table(connection, "%").map_err(failed)?
        && !has_table(connection, "mp_meta").map_err(failed)?;
    if foreign {
        return Err(StoreError::invalid(
            OP,
            "the file is another program's database",
        ));
    }
    let layout = layout(connection).map_err(failed)?;
    let known = newest();
    if layout > known {
        let problem = format!("the layout is {layout}, the newest known is {known}");
        return Err(StoreError::new(StoreErrorKind::Newer, OP, problem));
    }
    Ok(())
}

fn check_slots(connection: &Connection) -> Result<(), StoreError> {
    let slots = meta(connection, "slots").map_err(|error| store_error(OP, error))?;
    if slots == Some(u32::from(SLOTS)) {
        return Ok(());
    }
    let problem = format!("the store was made with {slots:?} slots, not {SLOTS}");
    Err(StoreError::new(StoreErrorKind::Corrupt, OP, problem))
}

fn check_pages(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let answer: rusqlite::Result<String> =
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0));
    match answer {
        Ok(answer) if answer == "ok" => Ok(()),
        Ok(answer) => Err(damaged(path, &answer)),
        Err(error) => match store_error(OP, error) {
            error if error.kind() == StoreErrorKind::Corrupt => Err(damaged(path, &error)),
            error => Err(error),
        },
    }
}

fn damaged(path: &Path, seen: &dyn fmt::Display) -> StoreError {
    let path = path.display();
    let problem = format!(
        "the file is damaged ({seen}): restore a copy with `SqliteStore::restore`, or save what can still \
         be read with `sqlite3 {path} .recover | sqlite3 saved.db`"
    );
    StoreError::new(StoreErrorKind::Corrupt, OP, problem)
}
