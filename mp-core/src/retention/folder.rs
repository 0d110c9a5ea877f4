//! A folder that is still there after a power failure.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

/// Makes a folder, and those in which it stands, unless they are there, and makes each of them durable.
///
/// # Errors
///
/// The system's; a folder that may not be durable is not there then.
pub(super) fn make(folder: &Path) -> io::Result<()> {
    make_with(folder, sync)
}

/// Makes durable what stands in a folder.
#[cfg(unix)]
pub(super) fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Elsewhere a folder cannot be opened, and its entries are made durable by the system.
#[cfg(not(unix))]
pub(super) fn sync(_: &Path) -> io::Result<()> {
    Ok(())
}

fn make_with(folder: &Path, sync: impl Fn(&Path) -> io::Result<()>) -> io::Result<()> {
    let is_absent = |it: &&Path| !it.as_os_str().is_empty() && !it.exists();
    let absent: Vec<&Path> = folder.ancestors().take_while(is_absent).collect();
    // Each is durable before anything is made in it: whoever is killed leaves none that nobody would
    // make durable any more, but perhaps the last.
    for new in absent.into_iter().rev() {
        make_in(around(new), new, &sync)?;
    }
    Ok(())
}

fn make_in(around: &Path, new: &Path, sync: impl Fn(&Path) -> io::Result<()>) -> io::Result<()> {
    match fs::create_dir(new) {
        // Somebody else makes it too, and may not have come so far.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => made?,
    }
    sync(around).inspect_err(|_| {
        // What failed before is told; this is no worse.
        let _ = fs::remove_dir(new);
    })
}

/// Returns in which folder a path stands.
fn around(path: &Path) -> &Path {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, path::PathBuf};

    use super::*;

    #[test]
    fn each_folder_that_is_made_is_durable_before_anything_is_made_in_it() {
        let there = tempfile::tempdir().expect("a folder");
        let path = |below: &str| there.path().join(below);
        let synced: RefCell<Vec<PathBuf>> = RefCell::default();
        let note = |folder: &Path| {
            let made = fs::read_dir(folder)?.count();
            assert_eq!(made, 1, "{folder:?}");
            synced.borrow_mut().push(folder.to_owned());
            Ok(())
        };
        make_with(&path("archive/market/2027"), note).expect("makes them");
        let around = [path(""), path("archive"), path("archive/market")];
        assert_eq!(synced.take(), around);
        assert!(path("archive/market/2027").is_dir());
        make_with(&path("archive/market/2027"), note).expect("is there");
        assert_eq!(synced.take(), [""; 0].map(PathBuf::from));
    }

    #[test]
    fn a_folder_that_may_not_be_durable_is_made_again() {
        let there = tempfile::tempdir().expect("a folder");
        let folder = there.path().join("archive");
        let failing = |_: &Path| Err(io::ErrorKind::StorageFull.into());
        make_with(&folder, failing).expect_err("fails");
        assert!(!folder.exists());
        make(&folder).expect("makes it");
        assert!(folder.is_dir());
    }

    #[test]
    fn a_folder_without_another_around_it_stands_in_the_present_one() {
        assert_eq!(around(Path::new("archive")), Path::new("."));
    }
}
