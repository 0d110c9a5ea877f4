use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use crate::store::{CommitId, StoreError, StoreErrorKind};

/// A file while it is not whole; what is left of it goes with this.
#[derive(Debug)]
pub(super) struct Part {
    path: PathBuf,
    op: &'static str,
}

impl Part {
    /// Makes the file, empty: in the same folder as `to`, so that it can get its name, and under one of
    /// its own, so that two who write to one name do not write into one file.
    pub(super) fn beside(op: &'static str, to: &Path) -> Result<Self, StoreError> {
        let name = to
            .file_name()
            .ok_or_else(|| StoreError::invalid(op, "the path of the file to write has no name"))?;
        let mut part = name.to_owned();
        part.push(format!(".{:032x}.part", CommitId::random().0));
        let path = to.with_file_name(part);
        File::create_new(&path).map_err(|error| disk_error(op, error))?;
        Ok(Self { path, op })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the file its name, which nothing may have.
    pub(super) fn publish(self, to: &Path) -> Result<(), StoreError> {
        publish(&self.path, to).map_err(|error| disk_error(self.op, error))
    }

    /// Gives the file its name, in the place of what has it.
    pub(super) fn replace(self, to: &Path) -> Result<(), StoreError> {
        let replaced = File::open(&self.path)
            .and_then(|part| part.sync_all())
            .and_then(|()| fs::rename(&self.path, to))
            .and_then(|()| sync_folder(to));
        replaced.map_err(|error| disk_error(self.op, error))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // After a success it has another name.
        let _ = fs::remove_file(&self.path);
    }
}

fn publish(part: &Path, to: &Path) -> io::Result<()> {
    File::open(part)?.sync_all()?;
    // Unlike a rename, a link never replaces what somebody else put there meanwhile.
    fs::hard_link(part, to)?;
    sync_folder(to)
}

/// Makes durable which files there are in the folder of `path`.
#[cfg(unix)]
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Elsewhere a folder cannot be opened, and its entries are made durable by the system.
#[cfg(not(unix))]
pub(super) fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Says what a caller can do about an error of the file system's.
pub(super) fn disk_error(op: &'static str, error: io::Error) -> StoreError {
    let kind = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreErrorKind::Full,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            StoreErrorKind::ReadOnly
        }
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound => StoreErrorKind::Invalid,
        _ => StoreErrorKind::Unavailable,
    };
    StoreError::new(kind, op, error)
}
