use std::{
    fs, io,
    os::unix::fs::{MetadataExt, chown},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use mp_core::store::{PostgresOptions, StoreErrorKind};
use throwaway_postgres::{Database, ServerOptions, server};

use crate::tally::Tally;

/// Of each value, in bytes.
const LENGTH: usize = 200_000;

/// More than fits on the disk.
const COMMITS: usize = 200;

#[tokio::test]
async fn a_full_disk_refuses_commits_until_there_is_room() {
    let test = "a_full_disk_refuses_commits_until_there_is_room";
    let Some(server) = server(test, &ServerOptions::default()) else {
        return;
    };
    let Ok(disk) = SmallDisk::mount(server.folder()) else {
        println!("skipped: {test}: only root can make a small disk");
        return;
    };
    let database = server.create_database().await;
    put_on(&database, &disk).await;
    let tally = Tally::connect(&database, PostgresOptions::default()).await;

    let mut committed = 0;
    let error = loop {
        assert!(committed < COMMITS, "the disk is not small");
        match tally.add(committed, LENGTH).await {
            Ok(_) => committed += 1,
            Err(error) => break error,
        }
    };
    assert!(committed > 0);
    assert_eq!(error.kind(), StoreErrorKind::Full, "{error:?}");
    // What was committed is there, what was refused is not.
    for number in 0..=committed {
        let count = u64::from(number < committed);
        assert_eq!(tally.count(number).await.expect("reads"), count, "{number}");
    }

    let somebody = database.client().await;
    for sql in ["DROP TABLE ballast", "CHECKPOINT"] {
        somebody.batch_execute(sql).await.expect("makes room");
    }
    tally.add(committed, LENGTH).await.expect("commits");
}

/// Puts what the database will hold on a disk, and something that can make room again.
async fn put_on(database: &Database, disk: &SmallDisk) {
    let (name, folder) = (database.name(), disk.0.display());
    let database = database.client().await;
    let ballast = "CREATE TABLE ballast TABLESPACE small AS
                   SELECT repeat(md5(n::text), 30) FROM generate_series(1, 4000) AS n";
    for sql in [
        &format!("CREATE TABLESPACE small LOCATION '{folder}'"),
        &format!("ALTER DATABASE {name} SET default_tablespace = small"),
        ballast,
    ] {
        database.batch_execute(sql).await.expect("sets up");
    }
}

/// A disk of a few megabytes in the server's folder.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(folder: &Path) -> io::Result<Self> {
        let disk = folder.join("small");
        fs::create_dir(&disk)?;
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", "size=16m", "tmpfs"])
            .arg(&disk);
        if !mount.stderr(Stdio::null()).status()?.success() {
            return Err(io::Error::other("not mounted"));
        }
        let owner = fs::metadata(folder)?;
        let disk = Self(disk);
        chown(&disk.0, Some(owner.uid()), Some(owner.gid()))?;
        Ok(disk)
    }
}

impl Drop for SmallDisk {
    /// Lets go of the disk at once, though the server has files open there.
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
