//! What the embedded store promises about copies of its file.
#![cfg(feature = "sqlite")]

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use mp_core::{
    clock::Timestamp,
    store::{
        Batch, CommitId, Durability, Key, Partition, Query, Selection, SqliteOptions, SqliteStore,
        Store, StoreErrorKind, Version, View, Write,
    },
};
use tokio::task::JoinSet;

fn open(path: &Path) -> SqliteStore {
    let options = SqliteOptions::default()
        .with_durability(Durability::Normal)
        .with_quick_check(true);
    SqliteStore::open(path, options).expect("opens")
}

fn group() -> Partition {
    Partition::parse("market/group/gb_01").expect("a valid id")
}

/// Writes the same number into the root and into a record.
fn batch(expect: Version, number: u64) -> Batch {
    let put = |key: &str| {
        Write::put(
            Key::new(key).expect("a valid key"),
            Bytes::from(format!("{{\"number\":{number}}}")),
        )
    };
    Batch {
        expect,
        commit_id: CommitId(u128::from(number)),
        at: Timestamp::from_micros(1),
        writes: vec![put(""), put("same")],
    }
}

async fn view(store: &SqliteStore) -> View {
    let query = Query {
        select: vec![Selection::Prefix(Key::root())],
        limit: 10,
    };
    store.read(&group(), &query).await.expect("reads")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_of_one_moment_while_others_write_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Arc::new(open(&folder.path().join("mp.db")));
    let first = store.commit(&group(), batch(Version::ABSENT, 0)).await;
    let mut head = first.expect("creates");
    let over = Arc::new(AtomicBool::new(false));
    let writing = tokio::spawn({
        let (store, over) = (store.clone(), over.clone());
        async move {
            let mut number = 0;
            while !over.load(Ordering::Relaxed) {
                number += 1;
                let committed = store.commit(&group(), batch(head, number)).await;
                head = committed.expect("commits");
            }
            head
        }
    });
    let mut heads = Vec::new();
    for number in 0..5 {
        let before = view(&store).await.head;
        let copy = folder.path().join(format!("copy-{number}.db"));
        store.back_up(&copy).await.expect("copies");
        let copied = view(&open(&copy)).await;
        assert!(
            copied.head >= before,
            "what was there before is in the copy"
        );
        assert_eq!(copied.records[0].value, copied.records[1].value);
        heads.push(copied.head);
    }
    over.store(true, Ordering::Relaxed);
    let last = writing.await.expect("writes to the end");
    assert!(heads.is_sorted() && heads[0] < last, "nobody had to wait");
}

#[tokio::test]
async fn a_copy_is_a_store_that_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, copy) = (folder.path().join("mp.db"), folder.path().join("copy.db"));
    let store = open(&path);
    let head = store.commit(&group(), batch(Version::ABSENT, 0)).await;
    store.back_up(&copy).await.expect("copies");
    let other = open(&copy);
    let committed = other
        .commit(&group(), batch(head.expect("creates"), 1))
        .await;
    assert!(committed.expect("commits") > view(&store).await.head);
}

#[tokio::test]
async fn a_copy_replaces_nothing_and_leaves_nothing_half_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(&folder.path().join("mp.db"));
    let taken = folder.path().join("taken");
    fs::write(&taken, "somebody else's").expect("writes");
    for to in [taken.clone(), folder.path().join("no/such/folder")] {
        let refused = store.back_up(&to).await.expect_err("is refused");
        assert_eq!(refused.kind(), StoreErrorKind::Invalid, "{refused:?}");
    }
    assert_eq!(fs::read(&taken).expect("reads"), b"somebody else's");
    // What an attempt that was killed has left behind is in nobody's way.
    let copy = folder.path().join("copy.db");
    fs::write(folder.path().join("copy.db.0123.part"), "half").expect("writes");
    store.back_up(&copy).await.expect("copies");
    open(&copy);
    assert_eq!(parts(folder.path()), ["copy.db.0123.part"]);
}

#[cfg(unix)]
#[tokio::test]
async fn those_may_read_a_copy_who_may_read_the_store() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mp.db");
    let store = open(&path);
    let mode = |path: &Path| {
        let permissions = fs::metadata(path).expect("is there").permissions();
        permissions.mode() & 0o777
    };
    for allowed in [0o600, 0o640, 0o666] {
        fs::set_permissions(&path, fs::Permissions::from_mode(allowed)).expect("sets");
        let copy = folder.path().join(format!("copy-{allowed:o}.db"));
        store.back_up(&copy).await.expect("copies");
        assert_eq!(mode(&copy), allowed);
        let restored = folder.path().join(format!("restored-{allowed:o}.db"));
        let done = SqliteStore::restore(&copy, &restored).await;
        done.expect("restores");
        assert_eq!(mode(&restored), allowed);
    }
}

/// The engine would take it for a URI, and leave the file empty that gets the name.
#[tokio::test]
async fn a_copy_stands_where_it_is_said_whatever_its_name_begins_with() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(&folder.path().join("mp.db"));
    let head = store.commit(&group(), batch(Version::ABSENT, 0)).await;
    let head = head.expect("creates");
    // All other paths of this program are absolute.
    std::env::set_current_dir(folder.path()).expect("goes there");
    store.back_up("file:copy.db").await.expect("copies");
    let copy = folder.path().join("file:copy.db");
    assert_eq!(view(&open(&copy)).await.head, head);
    assert_eq!(parts(folder.path()), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_several_who_copy_to_one_name_one_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Arc::new(open(&folder.path().join("mp.db")));
    let mut head = Version::ABSENT;
    for number in 0..100 {
        let committed = store.commit(&group(), batch(head, number)).await;
        head = committed.expect("commits");
    }
    for round in 0..10 {
        let copy = folder.path().join(format!("copy-{round}.db"));
        let mut copying = JoinSet::new();
        for _ in 0..8 {
            let (store, copy) = (store.clone(), copy.clone());
            copying.spawn(async move { store.back_up(copy).await });
        }
        let copied = copying.join_all().await;
        let (done, refused): (Vec<_>, Vec<_>) = copied.into_iter().partition(Result::is_ok);
        assert_eq!(done.len(), 1);
        let mut refused = refused.into_iter().filter_map(Result::err);
        assert!(refused.all(|error| error.kind() == StoreErrorKind::Invalid));
        assert_eq!(view(&open(&copy)).await.head, head);
    }
    assert_eq!(parts(folder.path()), [""; 0]);
}

/// Returns the files that are not whole.
fn parts(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("lists");
    let names = entries.map(|entry| entry.expect("an entry").file_name().into_string());
    names
        .flatten()
        .filter(|name| name.ends_with(".part"))
        .collect()
}
