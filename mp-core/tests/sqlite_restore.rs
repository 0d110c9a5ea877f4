//! What the embedded store promises about putting a copy back.
#![cfg(feature = "sqlite")]

use std::{
    collections::BTreeMap,
    error::Error,
    fs,
    path::{Path, PathBuf},
};

use killed_processes::{Process, Program, say, told};
use mp_core::{
    clock::Timestamp,
    store::{
        Batch, CommitId, Key, Listing, Partition, Query, Selection, SqliteOptions, SqliteStore,
        Store, StoreError, StoreErrorKind, Version, View, Write,
    },
};
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::runtime::Runtime;

const CHILD: &str = "MP_SQLITE_RESTORE_CHILD";
const COUNTERS: usize = 16;

/// As many commits as a child acknowledges before the copy is made, and again before it is killed.
const COMMITS: usize = 200;

fn partition(n: usize) -> Partition {
    Partition::parse(&format!("market/counter/{n}")).expect("a valid id")
}

/// Adds a record of the length of a page or so, so that all pages move about.
fn batch(expect: Version, number: usize) -> Batch {
    let put = |key: &str, value: String| Write::put(Key::new(key).expect("a key"), value.into());
    Batch {
        expect,
        commit_id: CommitId::random(),
        at: Timestamp::from_micros(1),
        writes: vec![
            put("", number.to_string()),
            put(&format!("n/{number}"), format!("{number:04000}")),
        ],
    }
}

fn open(path: &Path) -> Result<SqliteStore, StoreError> {
    SqliteStore::open(path, SqliteOptions::default().with_quick_check(true))
}

/// Returns everything that there is, of every partition.
async fn contents(store: &SqliteStore) -> Result<BTreeMap<Partition, View>, StoreError> {
    let everything = Query {
        select: vec![Selection::Prefix(Key::root())],
        limit: 10_000,
    };
    let mut contents = BTreeMap::new();
    for partition in store.partitions(None, 1_000).await? {
        let view = store.read(&partition, &everything).await?;
        contents.insert(partition, view);
    }
    Ok(contents)
}

/// In a child, commits to the file until it is killed.
fn run_if_this_is_one() {
    let Some(path) = told(CHILD) else { return };
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let store = open(Path::new(&path)).expect("opens");
        let mut heads = [Version::ABSENT; COUNTERS];
        for number in 0.. {
            let n = number % COUNTERS;
            let committed = store.commit(&partition(n), batch(heads[n], number)).await;
            heads[n] = committed.expect("commits");
            say("committed");
        }
    });
}

fn wait_for_commits(child: &mut Process) {
    for _ in 0..COMMITS {
        while child.line().expect("the child goes on") != "committed" {}
    }
}

/// A store whose process was killed, and a copy that was made some time before.
struct Killed {
    folder: TempDir,
    /// What came of putting the copy back while the process still ran.
    early: Result<(), StoreError>,
}

impl Killed {
    fn of(test: &str, runtime: &Runtime) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, copy) = (folder.path().join("mp.db"), folder.path().join("copy.db"));
        let mut child = Program::of_test(test).told(CHILD, &path).start();
        wait_for_commits(&mut child);
        let store = open(&path).expect("opens beside the child");
        let copied = runtime.block_on(store.back_up(&copy));
        copied.expect("copies");
        drop(store);
        let early = runtime.block_on(SqliteStore::restore(&copy, &path));
        wait_for_commits(&mut child);
        child.kill();
        let killed = Self { folder, early };
        assert!(fs::metadata(killed.log()).is_ok_and(|log| log.len() > 0));
        killed
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("mp.db")
    }

    fn copy(&self) -> PathBuf {
        self.folder.path().join("copy.db")
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("mp.db-wal")
    }

    /// Demands that the file is whole, and that everything in it is as in the copy.
    async fn compare(&self) -> Result<(), String> {
        let restored = open(&self.path()).map_err(|error| told_with_cause(&error))?;
        let restored = contents(&restored).await;
        let restored = restored.map_err(|error| told_with_cause(&error))?;
        let copy = contents(&open(&self.copy()).expect("opens")).await;
        let copy = copy.expect("reads");
        assert_eq!(copy.len(), COUNTERS);
        match restored == copy {
            true => Ok(()),
            false => Err("it is not what was copied".to_owned()),
        }
    }
}

fn told_with_cause(error: &StoreError) -> String {
    let cause = error.source().map(ToString::to_string);
    format!("{error}: {}", cause.unwrap_or_default())
}

#[test]
fn a_copy_put_back_after_a_kill_is_what_was_copied_and_nothing_else() {
    run_if_this_is_one();
    let runtime = Runtime::new().expect("a runtime");
    let test = "a_copy_put_back_after_a_kill_is_what_was_copied_and_nothing_else";
    let killed = Killed::of(test, &runtime);
    let restored = runtime.block_on(SqliteStore::restore(killed.copy(), killed.path()));
    restored.expect("restores");
    assert!(!killed.log().exists(), "the log has gone");
    if let Err(difference) = runtime.block_on(killed.compare()) {
        panic!("{difference}");
    }
    let early = killed.early.expect_err("somebody had it open");
    assert_eq!(early.kind(), StoreErrorKind::Unavailable, "{early:?}");
}

/// The negative control: what a restore has to see to.
#[test]
fn a_copy_put_by_hand_beside_the_log_of_who_was_killed_is_found_out() {
    run_if_this_is_one();
    let runtime = Runtime::new().expect("a runtime");
    let test = "a_copy_put_by_hand_beside_the_log_of_who_was_killed_is_found_out";
    let killed = Killed::of(test, &runtime);
    fs::copy(killed.copy(), killed.path()).expect("copies");
    let difference = runtime.block_on(killed.compare());
    println!("{}", difference.expect_err("the log was applied to it"));
}

/// A store with one commit, a copy of it, and one more commit.
async fn store_and_copy(folder: &Path) -> (SqliteStore, PathBuf, Version) {
    let store = open(&folder.join("mp.db")).expect("opens");
    let copied = store.commit(&partition(0), batch(Version::ABSENT, 0)).await;
    let copied = copied.expect("commits");
    let copy = folder.join("copy.db");
    store.back_up(&copy).await.expect("copies");
    let committed = store.commit(&partition(0), batch(copied, 1)).await;
    committed.expect("commits");
    (store, copy, copied)
}

async fn head(path: &Path) -> Version {
    let store = open(path).expect("opens");
    let view = store.read(&partition(0), &Query::default()).await;
    view.expect("reads").head
}

async fn refusal(copy: &Path, to: &Path) -> StoreErrorKind {
    let refused = SqliteStore::restore(copy, to).await;
    refused.expect_err("is refused").kind()
}

#[tokio::test]
async fn no_copy_is_put_in_the_place_of_a_store_that_somebody_has_open() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mp.db");
    let (store, copy, copied) = store_and_copy(folder.path()).await;
    assert_eq!(refusal(&copy, &path).await, StoreErrorKind::Unavailable);
    let view = store.read(&partition(0), &Query::default()).await;
    let head_now = view.expect("reads on").head;
    assert!(head_now > copied);
    let committed = store.commit(&partition(0), batch(head_now, 2)).await;
    committed.expect("commits on");
    drop(store);
    SqliteStore::restore(&copy, &path).await.expect("restores");
    assert_eq!(head(&path).await, copied);
    assert_eq!(head(&copy).await, copied, "the copy stays");
}

#[tokio::test]
async fn a_copy_is_put_back_whatever_is_left_of_the_store() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mp.db");
    let (store, copy, copied) = store_and_copy(folder.path()).await;
    drop(store);
    let half = fs::read(&path).expect("reads");
    let half = &half[..half.len() / 2];
    for left in [None, Some(&b""[..]), Some(&[7; 8_192]), Some(half)] {
        for log in [None, Some(&b""[..]), Some(&[7; 8_192])] {
            fs::remove_file(&path).expect("removes");
            if let Some(left) = left {
                fs::write(&path, left).expect("writes");
            }
            if let Some(log) = log {
                fs::write(path.with_extension("db-wal"), log).expect("writes");
            }
            SqliteStore::restore(&copy, &path).await.expect("restores");
            assert_eq!(head(&path).await, copied);
        }
    }
    let names = fs::read_dir(folder.path()).expect("lists").count();
    assert_eq!(names, 2, "nothing else is left");
}

#[tokio::test]
async fn only_a_sound_copy_of_ours_that_nobody_has_open_is_put_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mp.db");
    let (store, copy, copied) = store_and_copy(folder.path()).await;
    drop(store);
    let before = fs::read(&path).expect("reads");
    let file = |name: &str, content: &[u8]| {
        let file = folder.path().join(name);
        fs::write(&file, content).expect("writes");
        file
    };
    let mut damaged = fs::read(&copy).expect("reads");
    let middle = damaged.len() / 2;
    damaged[middle..].fill(7);
    let foreign = folder.path().join("foreign.db");
    let tables = "CREATE TABLE guests (name TEXT)";
    let made = Connection::open(&foreign).and_then(|foreign| foreign.execute_batch(tables));
    made.expect("makes another program's database");
    for (copy, kind) in [
        (file("damaged.db", &damaged), StoreErrorKind::Corrupt),
        (file("text.db", &[b'a'; 9_000]), StoreErrorKind::Corrupt),
        (file("empty.db", b""), StoreErrorKind::Invalid),
        (foreign, StoreErrorKind::Invalid),
        (folder.path().join("absent.db"), StoreErrorKind::Invalid),
    ] {
        assert_eq!(refusal(&copy, &path).await, kind, "{copy:?}");
    }
    let in_use = open(&copy).expect("opens");
    assert_eq!(refusal(&copy, &path).await, StoreErrorKind::Invalid);
    drop(in_use);
    assert_eq!(fs::read(&path).expect("reads"), before, "it is as it was");
    SqliteStore::restore(&copy, &path).await.expect("restores");
    assert_eq!(head(&path).await, copied);
}

/// Returns how often this process has the file open.
#[cfg(target_os = "linux")]
fn times_open(path: &Path) -> usize {
    let open = fs::read_dir("/proc/self/fd").expect("lists");
    let files = open.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
    files.filter(|file| file == path).count()
}

/// As it goes when what starts a process again does so in the middle of a restore.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn whoever_waits_to_open_a_store_that_is_replaced_does_not_get_the_old_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mp.db");
    let (store, copy, copied) = store_and_copy(folder.path()).await;
    drop(store);
    let restoring = Connection::open(&path).expect("opens");
    let lock = "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE";
    restoring.execute_batch(lock).expect("locks");
    let waiting = std::thread::spawn({
        let path = path.clone();
        move || open(&path).map(drop)
    });
    while times_open(&path) < 2 {
        std::thread::yield_now();
    }
    fs::rename(&copy, &path).expect("replaces");
    drop(restoring);
    let refused = waiting.join().expect("comes to an end");
    let refused = refused.expect_err("what it has open is not there any more");
    assert_eq!(refused.kind(), StoreErrorKind::Unavailable, "{refused:?}");
    assert_eq!(head(&path).await, copied);
}
