use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf, absolute},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, config::DbConfig};

use super::{
    error::store_error,
    part::{Part, disk_error, sync_folder},
    patience::is_busy,
    schema,
};
use crate::store::{StoreError, StoreErrorKind};

const OP: &str = "restore";

/// What the engine keeps beside a file, and would apply to any other in its place.
const LOGS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Puts a copy in the place of a store that nobody has open.
pub(super) fn restore(copy: &Path, to: &Path) -> Result<(), StoreError> {
    let to = resolve(to).map_err(failed)?;
    let copy = &fs::canonicalize(copy).map_err(failed)?;
    refuse_in_use(copy)?;
    let part = Part::beside(OP, &to)?;
    // As a new one, it is shared with those who have the copy.
    part.share_like(if to.exists() { &to } else { copy })?;
    fill(&part, copy).map_err(failed)?;
    // What is checked is what will stand there, not what it was read from.
    schema::check_copy(part.path(), copy)
        .map_err(|error| StoreError::new(error.kind(), OP, error))?;
    let was_there = to.exists();
    let held = was_there.then(|| hold(&to)).transpose()?;
    // Elsewhere than on Unix, what somebody has open cannot be replaced.
    let _held = held.filter(|_| cfg!(unix));
    // First the logs and then the copy: whoever is killed in between leaves no copy beside the log
    // of another store.
    remove_logs(&to).map_err(failed)?;
    match was_there {
        true => part.replace(&to),
        // Nobody was locked out of what was not there: somebody may be making it.
        false => part.publish(&to),
    }
}

/// Returns where the file is: the engine has the logs beside it, not beside a link to it.
fn resolve(to: &Path) -> io::Result<PathBuf> {
    match fs::canonicalize(to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => absolute(to),
        resolved => resolved,
    }
}

/// Refuses a copy that somebody works on: a part of it would be in the log. Nor may it be opened here
/// then, for whoever closes a file loses all of this process's locks on it.
fn refuse_in_use(copy: &Path) -> Result<(), StoreError> {
    if !beside(copy, LOGS[0]).exists() {
        return Ok(());
    }
    let problem = "the copy has a log of its own: close the store that has it open; if none has, open it \
                   as a store and close that, which writes the log back";
    Err(StoreError::invalid(OP, problem))
}

fn fill(part: &Part, copy: &Path) -> io::Result<()> {
    let mut from = File::open(copy)?;
    let mut file = File::options().write(true).open(part.path())?;
    io::copy(&mut from, &mut file).map(drop)
}

/// Locks everybody else out of the store that is to go.
///
/// Its log is brought back into it if that can be, so that the store is whole until the copy is in its
/// place.
fn hold(to: &Path) -> Result<Connection, StoreError> {
    let held = open_alone(to).map_err(|error| store_error(OP, error))?;
    let locked = held.execute_batch("BEGIN EXCLUSIVE; ROLLBACK");
    match locked.map_err(|error| (is_busy(&error), store_error(OP, error))) {
        Err((true, _)) => return Err(in_use()),
        // It is damaged, which may be why it is to go. The lock came before the look.
        Err((false, error)) if error.kind() == StoreErrorKind::Corrupt => {}
        Err((false, error)) => return Err(error),
        Ok(()) => write_back(&held)?,
    }
    Ok(held)
}

/// Brings the log back: it is all that there is of the last commits, and goes before the store does.
fn write_back(held: &Connection) -> Result<(), StoreError> {
    let busy = held.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0));
    match busy.map_err(|error| store_error(OP, error)) {
        Ok(true) => Err(in_use()),
        Err(error) if error.kind() != StoreErrorKind::Corrupt => Err(error),
        // Damaged, it cannot be brought back, which may be why the store is to go.
        Ok(false) | Err(_) => Ok(()),
    }
}

/// Opens a store for nobody else to use meanwhile.
fn open_alone(to: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let held = Connection::open_with_flags(to, flags)?;
    held.busy_timeout(Duration::ZERO)?;
    // Closing it would delete the log by its name, which by then may be that of the copy.
    held.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    held.pragma_update_and_check(None, "locking_mode", "EXCLUSIVE", |_| Ok(()))?;
    Ok(held)
}

fn in_use() -> StoreError {
    let problem = "somebody has the store open: close it first, in every process";
    StoreError::new(StoreErrorKind::Unavailable, OP, problem)
}

fn remove_logs(to: &Path) -> io::Result<()> {
    for log in LOGS {
        match fs::remove_file(beside(to, log)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            removed => removed?,
        }
    }
    sync_folder(to)
}

fn beside(file: &Path, log: &str) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push(log);
    path.into()
}

fn failed(error: io::Error) -> StoreError {
    disk_error(OP, error)
}
