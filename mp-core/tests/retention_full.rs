//! What an archive of files promises about a disk that has no room.
#![cfg(unix)]

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use bytes::Bytes;
use killed_processes::told;
use mp_core::{
    Error, Timestamp,
    retention::{Archive, Archived, FileArchive},
    store::{Key, Partition, Record, Version},
};

/// No file may be longer than so many blocks, which some shells count as 512 bytes and some as 1,024;
/// a write stops there, as it does where a disk ends.
const LIMITED: &str = "trap '' XFSZ; ulimit -f 8; exec \"$0\" \"$@\"";

const SMALL: usize = 100;
const TOO_LARGE: usize = 100_000;

#[test]
fn what_finds_no_room_in_an_archive_takes_up_none() {
    let test = "what_finds_no_room_in_an_archive_takes_up_none";
    if let Some(folder) = told("ARCHIVES_IN") {
        runs_out_of_room(Path::new(&folder));
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let limited = Command::new("sh")
        .args(["-c", LIMITED])
        .arg(env::current_exe().expect("a test has a file"))
        .args(["--exact", test, "--nocapture"])
        .env("ARCHIVES_IN", folder.path())
        .output();
    let limited = limited.expect("there is a shell");
    let said = String::from_utf8_lossy(&limited.stderr);
    assert!(limited.status.success(), "{said}");
    assert_eq!(files(folder.path()).len(), 2, "it has come to its end");
}

fn runs_out_of_room(folder: &Path) {
    let archive = FileArchive::in_folder(folder);
    let failed = keep(&archive, TOO_LARGE).expect_err("there is no room");
    assert_eq!(failed.code(), "archive_failed");
    assert_eq!(files(folder), [""; 0].map(PathBuf::from));

    let first = folder.join(keep(&archive, SMALL).expect("there is room"));
    let kept = fs::read(&first).expect("reads");
    keep(&archive, TOO_LARGE).expect_err("there is no room");
    assert_eq!(files(folder), std::slice::from_ref(&first));
    assert_eq!(fs::read(&first).expect("reads"), kept);

    let second = keep(&archive, SMALL).expect("there is room again");
    for file in [first, folder.join(second)] {
        let read: Result<Vec<Archived>, Error> = FileArchive::read(file).expect("opens").collect();
        assert_eq!(read.expect("reads").len(), 1);
    }
}

/// Keeps an aggregate of so many bytes, and returns the file's name.
fn keep(archive: &FileArchive, length: usize) -> Result<String, Error> {
    let archived = Archived {
        partition: Partition::parse("market/order/1").expect("a valid id"),
        head: Version(9),
        at: Timestamp::from_micros(1),
        records: vec![Record {
            key: Key::root(),
            version: Version(9),
            value: Bytes::from(format!("\"{}\"", "a".repeat(length))),
        }],
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(archive.keep(vec![archived], Timestamp::from_micros(1)))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("lists");
    entries
        .map(|entry| entry.expect("an entry").path())
        .collect()
}
