use std::{
    fs::{self, File, Permissions},
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
    /// Makes the file, empty and its owner's alone: in the same folder as `to`, so that it can get its
    /// name, and under one of its own, so that two who write to one name do not write into one file.
    pub(super) fn beside(op: &'static str, to: &Path) -> Result<Self, StoreError> {
        let name = to
            .file_name()
            .ok_or_else(|| StoreError::invalid(op, "the path of the file to write has no name"))?;
        let mut part = name.to_owned();
        part.push(format!(".{:032x}.part", CommitId::random().0));
        let path = to.with_file_name(part);
        create(&path).map_err(|error| disk_error(op, error))?;
        Ok(Self { path, op })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Lets those read and write the file who may do so with another one, and its owner anyhow.
    ///
    /// To be called before there is anything to be read in it.
    pub(super) fn share_like(&self, other: &Path) -> Result<(), StoreError> {
        let shared = fs::metadata(other)
            .and_then(|other| fs::set_permissions(&self.path, for_owner(other.permissions())));
        shared.map_err(|error| disk_error(self.op, error))
    }

    /// Gives the file its name, which nothing may have; after a failure nothing new has it.
    pub(super) fn publish(self, to: &Path) -> Result<(), StoreError> {
        let link = |part: &Path, to: &Path| fs::hard_link(part, to);
        let published = publish(&self.path, to, link, sync_folder);
        published.map_err(|error| disk_error(self.op, error))
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

#[cfg(unix)]
fn create(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = File::options();
    options.write(true).create_new(true).mode(OWNER);
    options.open(path)
}

#[cfg(not(unix))]
fn create(path: &Path) -> io::Result<File> {
    File::create_new(path)
}

/// What the owner of a file may do with it, who has to write it: read and write.
#[cfg(unix)]
const OWNER: u32 = 0o600;

#[cfg(unix)]
fn for_owner(permissions: Permissions) -> Permissions {
    use std::os::unix::fs::PermissionsExt;
    Permissions::from_mode(permissions.mode() | OWNER)
}

#[cfg(not(unix))]
#[expect(
    clippy::permissions_set_readonly_false,
    reason = "it lets others write where there is Unix only"
)]
fn for_owner(mut permissions: Permissions) -> Permissions {
    permissions.set_readonly(false);
    permissions
}

fn publish(
    part: &Path,
    to: &Path,
    link: impl FnOnce(&Path, &Path) -> io::Result<()>,
    sync_folder: impl FnOnce(&Path) -> io::Result<()>,
) -> io::Result<()> {
    File::open(part)?.sync_all()?;
    // Unlike a rename, a link never replaces what somebody else put there meanwhile.
    match link(part, to) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
        // Some file systems have no links, and each says so in its own way.
        Err(_) => claim(part, to)?,
    }
    sync_folder(to).inspect_err(|_| withdraw(to))
}

/// Takes the name with an empty file, which of several only one can, and puts the part in its place.
fn claim(part: &Path, to: &Path) -> io::Result<()> {
    File::create_new(to)?;
    fs::rename(part, to).inspect_err(|_| withdraw(to))
}

fn withdraw(to: &Path) {
    // What failed before is told; this is no worse.
    let _ = fs::remove_file(to);
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

#[cfg(test)]
mod tests {
    use super::*;

    /// As some file systems do.
    fn no_links(_: &Path, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::PermissionDenied.into())
    }

    fn with_links(part: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(part, to)
    }

    fn folder_with_part() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let (part, to) = (folder.path().join("part"), folder.path().join("copy.db"));
        fs::write(&part, "whole").expect("writes");
        (folder, part, to)
    }

    #[test]
    fn a_file_gets_its_name_where_there_are_no_links_and_replaces_nothing() {
        let (_folder, part, to) = folder_with_part();
        publish(&part, &to, no_links, sync_folder).expect("publishes");
        assert_eq!(fs::read(&to).expect("reads"), b"whole");
        fs::write(&part, "another").expect("writes");
        let refused = publish(&part, &to, no_links, sync_folder).expect_err("is taken");
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&to).expect("reads"), b"whole");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_is_not_whole_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let part = Part::beside("backup", &folder.path().join("copy.db")).expect("makes it");
        let mode = fs::metadata(part.path())
            .expect("is there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, OWNER);
    }

    #[test]
    fn a_name_that_may_not_be_durable_is_given_up() {
        let failing = |_: &Path| Err(io::ErrorKind::StorageFull.into());
        for link in [no_links, with_links] {
            let (_folder, part, to) = folder_with_part();
            let failed = publish(&part, &to, link, failing).expect_err("fails");
            assert_eq!(failed.kind(), io::ErrorKind::StorageFull);
            assert!(!to.exists(), "nothing stands there");
        }
    }
}
