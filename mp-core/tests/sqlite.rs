//! What the embedded store promises about its file.
#![cfg(feature = "sqlite")]

mod group;

use std::{path::Path, process::Command, time::Duration};

use mp_core::store::{
    DueQuery, Key, Partition, Query, Selection, SlotSet, SqliteOptions, SqliteStore, Store,
    StoreErrorKind, Version, Write,
};

use self::group::{batch, fill, group, now, put};

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, SqliteOptions::default()).expect("the file opens")
}

fn refusal(path: &Path) -> StoreErrorKind {
    let options = SqliteOptions::default().with_quick_check(true);
    SqliteStore::open(path, options)
        .expect_err("the file is refused")
        .kind()
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
        lease: Duration::from_secs(60),
        limit: 10,
    };
    assert_eq!(store.due(&mail).await.expect("leases").len(), 1);
}

#[tokio::test]
async fn a_store_may_wait_for_others_for_ever() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = SqliteOptions::default().with_busy_timeout(Duration::MAX);
    let store = SqliteStore::open(folder.path().join("mp.db"), options).expect("opens");
    fill(&store).await;
    let copy = store.back_up(folder.path().join("copy.db")).await;
    copy.expect("copies");
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

#[test]
fn what_is_no_database_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("letter.txt");
    std::fs::write(&path, "Dear Ann, ".repeat(1_000)).expect("writes");
    assert_eq!(refusal(&path), StoreErrorKind::Corrupt);
}

fn orders(count: usize) -> Vec<Partition> {
    let order = |number| Partition::parse(&format!("market/order/{number}"));
    let orders = (0..count).map(|number| order(number).expect("a valid id"));
    orders.collect()
}

/// Makes a store of many partitions, and returns them.
async fn fill_many(path: &Path) -> Vec<Partition> {
    let made = orders(500);
    let store = open(path);
    let filling: &'static str = Box::leak(format!("\"{}\"", "a".repeat(500)).into_boxed_str());
    let create = |partition: &Partition| {
        let writes = vec![put("", filling.as_bytes()), put("l/1", filling.as_bytes())];
        (partition.clone(), batch(Version::ABSENT, writes))
    };
    for answer in store.commit_many(made.iter().map(create).collect()).await {
        answer.expect("creates");
    }
    made
}

/// Overwrites the page in the middle of a table, as a bad disk would.
fn damage(path: &Path, table: &str) {
    const PAGE: usize = 4096;
    let page = leaves(path, table);
    let page = page[page.len() / 2] as usize - 1;
    let mut bytes = std::fs::read(path).expect("reads");
    bytes[page * PAGE..][..PAGE].fill(0x55);
    std::fs::write(path, &bytes).expect("writes");
}

/// Returns the numbers of the pages that hold the rows of a table.
fn leaves(path: &Path, table: &str) -> Vec<u32> {
    let file = rusqlite::Connection::open(path).expect("opens");
    let sql = "SELECT pageno FROM dbstat WHERE name = ?1 AND pagetype = 'leaf'";
    let mut leaves = file
        .prepare(sql)
        .expect("the engine tells where its pages went");
    let leaves = leaves.query_map([table], |row| row.get(0)).expect("asks");
    leaves.collect::<Result<_, _>>().expect("lists")
}

#[tokio::test]
async fn a_file_damaged_in_its_middle_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mp.db");
    fill_many(&path).await;
    damage(&path, "mp_record");
    let options = SqliteOptions::default().with_quick_check(true);
    let error = SqliteStore::open(&path, options).expect_err("the file is refused");
    assert_eq!(error.kind(), StoreErrorKind::Corrupt);
    let cause = std::error::Error::source(&error).expect("a cause");
    let advice = format!("sqlite3 {} .recover", path.display());
    assert!(cause.to_string().contains(&advice), "{cause}");
}

#[tokio::test]
async fn a_damage_that_was_not_looked_for_is_corrupt_where_it_is_met() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mp.db");
    let made = fill_many(&path).await;
    damage(&path, "mp_record");
    let store = open(&path);
    let everything = Query {
        select: vec![Selection::Prefix(Key::root())],
        limit: 10,
    };
    let mut damaged = 0;
    for partition in &made {
        match store.read(partition, &everything).await {
            Ok(view) => assert_eq!(view.records.len(), 2, "nothing goes missing in silence"),
            Err(error) => {
                assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{error:?}");
                damaged += 1;
            }
        }
    }
    assert!((1..50).contains(&damaged), "{damaged} of {}", made.len());
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
    let made = orders(200);
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
    let before = leaves(&path, "mp_partition").len();
    for (partition, head) in made.iter().zip(&mut heads) {
        let shrinks = batch(*head, shrunken("l/1"));
        *head = store.commit(partition, shrinks).await.expect("commits");
    }
    assert_eq!(
        leaves(&path, "mp_partition").len(),
        before,
        "a deletion is remembered"
    );
    for (partition, head) in made.iter().zip(&mut heads) {
        let mut clears = batch(*head, shrunken("none"));
        clears.at = now().plus(Duration::from_secs(24 * 60 * 60));
        *head = store.commit(partition, clears).await.expect("commits");
    }
    let after = leaves(&path, "mp_partition").len();
    assert!(after * 4 < before, "{after} pages are left of {before}");
    for (partition, head) in made.iter().zip(heads) {
        let view = store.read(partition, &Query::default()).await;
        assert_eq!(view.expect("reads").head, head);
    }
}
