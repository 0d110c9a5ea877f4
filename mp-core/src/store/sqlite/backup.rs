use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use super::{error::store_error, options::SqliteOptions, schema};
use crate::store::{CommitId, StoreError, StoreErrorKind};

const OP: &str = "backup";

/// Copies the store as it is at one moment, while others read and write on.
///
/// Under its own name the copy appears only when all of it is on the disk.
pub(super) fn back_up(from: &Path, to: &Path, options: &SqliteOptions) -> Result<(), StoreError> {
    if to.exists() {
        return Err(StoreError::invalid(OP, "the file to write exists already"));
    }
    let part = Part(make_beside(to)?);
    let text = part
        .0
        .to_str()
        .ok_or_else(|| StoreError::invalid(OP, "the path of the file to write is not UTF-8"))?;
    let connection = schema::open_keeper(from, options)?;
    connection
        .execute("VACUUM INTO ?1", [text])
        .map_err(|error| store_error(OP, error))?;
    publish(&part.0, to).map_err(failed)
}

/// The copy while it is not whole; what is left of it goes with this.
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        // After a success it has another name.
        let _ = fs::remove_file(&self.0);
    }
}

/// Makes the file in which the copy stands while it is not whole: in the same folder, so that it can
/// get its name, and under one of its own, so that two who copy to one name do not write into one file.
fn make_beside(to: &Path) -> Result<PathBuf, StoreError> {
    let name = to
        .file_name()
        .ok_or_else(|| StoreError::invalid(OP, "the path of the file to write has no name"))?;
    let mut part = name.to_owned();
    part.push(format!(".{:032x}.part", CommitId::random().0));
    let part = to.with_file_name(part);
    // Empty, it is what the engine takes.
    File::create_new(&part).map_err(failed)?;
    Ok(part)
}

fn publish(part: &Path, to: &Path) -> io::Result<()> {
    File::open(part)?.sync_all()?;
    // Unlike a rename, a link never replaces what somebody else put there meanwhile.
    fs::hard_link(part, to)?;
    match to.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => sync_folder(folder),
        _ => sync_folder(Path::new(".")),
    }
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Elsewhere a folder cannot be opened, and its entries are made durable by the system.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

fn failed(error: io::Error) -> StoreError {
    let kind = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreErrorKind::Full,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            StoreErrorKind::ReadOnly
        }
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound => StoreErrorKind::Invalid,
        _ => StoreErrorKind::Unavailable,
    };
    StoreError::new(kind, OP, error)
}
