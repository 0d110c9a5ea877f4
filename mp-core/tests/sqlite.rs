//! What the embedded store promises about its file.
#![cfg(feature = "sqlite")]

use std::{path::Path, process::Command};

use bytes::Bytes;
use mp_core::{
    clock::Timestamp,
    store::{
        Batch, CommitId, DueQuery, Key, Partition, Query, Selection, SlotSet, SqliteOptions,
        SqliteStore, Store, StoreErrorKind, Version, Write,
    },
};

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, SqliteOptions::default()).expect("the file opens")
}

fn refusal(path: &Path) -> StoreErrorKind {
    let options = SqliteOptions::default().with_quick_check(true);
    SqliteStore::open(path, options)
        .expect_err("the file is refused")
        .kind()
}

fn now() -> Timestamp {
    "2026-11-21T18:00:00Z".parse().expect("a moment")
}

fn group() -> Partition {
    Partition::parse("market/group/gb_01").expect("a valid id")
}

fn put(key: &str, value: &'static [u8]) -> Write {
    let key = Key::new(key).expect("a valid key");
    let value = Bytes::from_static(value);
    Write::Put { key, value }
}

fn batch(expect: Version, writes: Vec<Write>) -> Batch {
    Batch {
        expect,
        commit_id: CommitId(7),
        at: now(),
        writes,
    }
}

/// Commits a root, a record, a deletion and a delivery.
async fn fill(store: &SqliteStore) -> Version {
    let created = batch(
        Version::ABSENT,
        vec![put("", b"{\"size\":3}"), put("gone", b"{}")],
    );
    let head = store.commit(&group(), created).await.expect("creates");
    let writes = vec![
        put("m/ann", "{\"name\":\"Änn\"}".as_bytes()),
        Write::Delete {
            key: Key::new("gone").expect("a valid key"),
        },
        Write::Deliver {
            key: Key::new("~o/mail/1").expect("a valid key"),
            value: Bytes::from_static(b"{\"to\":\"ann\"}"),
            due_at: now(),
        },
    ];
    store
        .commit(&group(), batch(head, writes))
        .await
        .expect("commits")
}

#[tokio::test]
async fn what_was_committed_survives_closing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mp.db");
    let everything = Query {
        select: vec![Selection::Prefix(Key::root())],
        limit: 10,
    };
    let store = open(&path);
    let head = fill(&store).await;
    let before = store.read(&group(), &everything).await.expect("reads");
    drop(store);
    let left: Vec<_> = std::fs::read_dir(folder.path())
        .expect("a folder")
        .collect();
    assert_eq!(
        left.len(),
        1,
        "closing writes the log back and removes it: {left:?}"
    );

    let store = open(&path);
    let after = store.read(&group(), &everything).await.expect("reads");
    assert_eq!((after.head, after.records.len()), (head, 2));
    assert_eq!(after, before);
    let mail = DueQuery {
        slots: SlotSet::ALL,
        kind: "mail".to_owned(),
        now: now(),
        lease: std::time::Duration::from_secs(60),
        limit: 10,
    };
    assert_eq!(store.due(&mail).await.expect("leases").len(), 1);
}

#[tokio::test]
async fn values_that_are_not_text_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(&folder.path().join("mp.db"));
    let answer = store
        .commit(&group(), batch(Version::ABSENT, vec![put("", b"\xff")]))
        .await;
    assert_eq!(answer.expect_err("refused").kind(), StoreErrorKind::Invalid);
    let view = store
        .read(&group(), &Query::default())
        .await
        .expect("reads");
    assert_eq!(view.head, Version::ABSENT);
}

#[tokio::test]
async fn a_newer_layout_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mp.db");
    fill(&open(&path)).await;
    let file = rusqlite::Connection::open(&path).expect("opens");
    file.execute("UPDATE mp_meta SET value = 1000 WHERE name = 'layout'", [])
        .expect("updates");
    drop(file);
    let before = std::fs::read(&path).expect("reads");
    assert_eq!(refusal(&path), StoreErrorKind::Newer);
    assert_eq!(std::fs::read(&path).expect("reads"), before);
}

#[test]
fn another_programs_database_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("other.db");
    let other = rusqlite::Connection::open(&path).expect("opens");
    other
        .execute_batch("CREATE TABLE recipe (name TEXT)")
        .expect("creates");
    drop(other);
    let before = std::fs::read(&path).expect("reads");
    assert_eq!(refusal(&path), StoreErrorKind::Invalid);
    assert_eq!(std::fs::read(&path).expect("reads"), before);
}

#[tokio::test]
async fn a_damaged_file_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mp.db");
    fill(&open(&path)).await;
    let mut bytes = std::fs::read(&path).expect("reads");
    let damaged = bytes.len() / 2..bytes.len();
    bytes[damaged].fill(0x55);
    std::fs::write(&path, &bytes).expect("writes");
    assert_eq!(refusal(&path), StoreErrorKind::Corrupt);

    let path = folder.path().join("letter.txt");
    std::fs::write(&path, "Dear Ann, ".repeat(1_000)).expect("writes");
    assert_eq!(refusal(&path), StoreErrorKind::Corrupt);
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_cannot_be_written_is_refused() {
    use std::{fs, os::unix::fs::PermissionsExt};
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mp.db");
    fill(&open(&path)).await;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).expect("sets");
    if fs::OpenOptions::new().write(true).open(&path).is_ok() {
        eprintln!("SKIPPED: this user may write to what is read-only");
        return;
    }
    assert_eq!(refusal(&path), StoreErrorKind::ReadOnly);
}

#[test]
fn no_path_means_anything_but_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file:a?mode=memory");
    drop(open(&path));
    assert!(path.is_file());
}

#[tokio::test]
async fn values_can_be_read_with_the_sqlite3_shell() {
    if Command::new("sqlite3").arg("-version").output().is_err() {
        eprintln!("SKIPPED: the sqlite3 shell is not installed");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mp.db");
    let store = open(&path);
    fill(&store).await;
    // While the store is open, as an operator would.
    let shell = |sql: &str| {
        let output = Command::new("sqlite3")
            .arg(&path)
            .arg(sql)
            .output()
            .expect("the shell runs");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).expect("text")
    };
    assert_eq!(
        shell("SELECT key, value, at FROM mp_json ORDER BY key"),
        "|{\"size\":3}|2026-11-21T18:00:00.000000Z\n\
         m/ann|{\"name\":\"Änn\"}|2026-11-21T18:00:00.000000Z\n"
    );
    assert_eq!(
        shell("SELECT partition, commit_id, at FROM mp_head"),
        "market/group/gb_01|00000000000000000000000000000007|2026-11-21T18:00:00.000000Z\n"
    );
    assert_eq!(
        shell("SELECT state, kind, key, at, value FROM mp_work"),
        "waiting|mail|~o/mail/1|2026-11-21T18:00:00.000000Z|{\"to\":\"ann\"}\n"
    );
}

/// As retention leaves behind what it has archived.
#[tokio::test]
async fn a_partition_that_shrinks_to_its_root_gives_its_room_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mp.db");
    let store = open(&path);
    let large: &'static str = Box::leak("a".repeat(1_500).into_boxed_str());
    let made: Vec<_> = (0..200)
        .map(|number| Partition::parse(&format!("market/order/{number}")).expect("a valid id"))
        .collect();
    let shrunken = |key: &str| {
        let key = Key::new(key).expect("a valid key");
        vec![put("", b"{}"), Write::Delete { key }]
    };
    let mut heads = Vec::new();
    for partition in &made {
        let writes = vec![put("", large.as_bytes()), put("l/1", b"{}")];
        let created = store
            .commit(partition, batch(Version::ABSENT, writes))
            .await;
        heads.push(created.expect("creates"));
    }
    let before = pages_of_heads(&path);
    for (partition, head) in made.iter().zip(&mut heads) {
        let shrinks = batch(*head, shrunken("l/1"));
        *head = store.commit(partition, shrinks).await.expect("commits");
    }
    assert_eq!(pages_of_heads(&path), before, "a deletion is remembered");
    for (partition, head) in made.iter().zip(&mut heads) {
        let mut clears = batch(*head, shrunken("none"));
        clears.at = now().plus(std::time::Duration::from_secs(24 * 60 * 60));
        *head = store.commit(partition, clears).await.expect("commits");
    }
    let after = pages_of_heads(&path);
    assert!(after * 4 < before, "{after} pages are left of {before}");
    for (partition, head) in made.iter().zip(heads) {
        let view = store.read(partition, &Query::default()).await;
        assert_eq!(view.expect("reads").head, head);
    }
}

fn pages_of_heads(path: &Path) -> u32 {
    let file = rusqlite::Connection::open(path).expect("opens");
    let sql = "SELECT count(*) FROM dbstat WHERE name = 'mp_partition'";
    let pages = file.query_row(sql, [], |row| row.get(0));
    pages.expect("the engine tells where its pages went")
}
