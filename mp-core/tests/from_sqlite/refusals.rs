use mp_core::store::{Batch, CommitId, Key, Partition, Query, Store, Version, Write};

use crate::route::{Route, group};

/// What stands in the way of a move that has begun, and what is said then.
const SPOILT: [(&str, &str); 5] = [
    // Found out by sqlite3, after the rows of the other tables.
    ("DROP TABLE mp_delivery", "mp_delivery"),
    // Found out by PostgreSQL, after all rows: no text in UTF-8.
    (
        "UPDATE mp_delivery SET last_error = CAST(x'61FF' AS TEXT)",
        "UTF8",
    ),
    ("UPDATE mp_partition SET slot = 32768", "smallint"),
    (
        "UPDATE mp_meta SET value = 2 WHERE name = 'layout'",
        "layouts are 2 and 2",
    ),
    (
        "UPDATE mp_meta SET value = 128 WHERE name = 'slots'",
        "128 and 256 slots",
    ),
];

#[tokio::test]
async fn all_is_moved_or_nothing() {
    let Some(route) = Route::plan("all_is_moved_or_nothing").await else {
        return;
    };
    drop(route.end().await);
    for (spoil, told) in SPOILT {
        route.clear().await;
        commit(&route.start(), &group()).await;
        route.tamper(spoil);
        let error = route.travel().expect_err(spoil);
        assert!(error.contains(told), "{spoil}: {error}");
        assert_eq!(route.rows().await, 0, "{spoil}");
    }
    route.clear().await;
    commit(&route.start(), &group()).await;
    route
        .travel()
        .expect("moves when nothing stands in the way");
    assert_eq!(route.rows().await, 3);
}

#[tokio::test]
async fn a_target_that_holds_anything_is_refused() {
    let Some(route) = Route::plan("a_target_that_holds_anything_is_refused").await else {
        return;
    };
    commit(&route.start(), &group()).await;
    let end = route.end().await;
    let other = Partition::parse("market/group/gb_02").expect("a valid id");
    commit(&end, &other).await;

    let error = route.travel().expect_err("is refused");
    assert!(error.contains("the target is not empty"), "{error}");
    let view = end.read(&group(), &Query::default()).await.expect("reads");
    assert_eq!(view.head, Version::ABSENT);

    // A single row of any table is enough.
    for rest in ["mp_record", "mp_delivery", "mp_partition"] {
        route.execute(&format!("DELETE FROM {rest}")).await;
        if rest != "mp_partition" {
            route.travel().expect_err("is refused");
        }
    }
    route.travel().expect("moves into tables that are empty");
    // What was moved is in the way of a second move as well.
    route.travel().expect_err("is refused");
    assert_eq!(route.rows().await, 3);
}

#[tokio::test]
async fn a_database_without_the_tables_is_refused() {
    let Some(route) = Route::plan("a_database_without_the_tables_is_refused").await else {
        return;
    };
    commit(&route.start(), &group()).await;
    let error = route.travel().expect_err("is refused");
    assert!(error.contains("mp_partition"), "{error}");
}

/// Makes a partition with a root, a record and a delivery.
async fn commit(store: &dyn Store, partition: &Partition) {
    let at = mp_core::Timestamp::from_micros(1_795_284_000_000_000);
    let key = |text| Key::new(text).expect("a valid key");
    let value = || "{}".into();
    let put = |key| Write::put(key, value());
    let mail = Write::deliver(key("~o/mail/1"), value(), at);
    let batch = Batch {
        expect: Version::ABSENT,
        commit_id: CommitId::random(),
        at,
        writes: vec![put(Key::root()), put(key("m/1")), mail],
    };
    store.commit(partition, batch).await.expect("commits");
}
