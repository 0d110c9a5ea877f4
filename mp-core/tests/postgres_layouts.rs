//! Databases whose tables an older release made. The files in `postgres_layouts` are as they were when
//! it was released, and are never edited.
#![cfg(feature = "postgres")]

mod crowd;

use mp_core::store::{Batch, Key, PostgresOptions, PostgresStore, Query, Store, Version, Write};
use throwaway_postgres::database;
use tokio_postgres::Client;

use self::crowd::{MANY, head, partition, root};

/// A partition that was there before.
const OLD: usize = MANY;

const FIRST: &str = include_str!("postgres_layouts/0001_init.sql");

/// How some databases of the first layout came to have turns.
const TURNS: &str = "CREATE TABLE mp_turn (slot smallint PRIMARY KEY);
INSERT INTO mp_turn SELECT generate_series(0, 255);";

#[test]
fn a_layout_that_was_applied_is_never_edited() {
    let present = include_str!("../migrations/postgres/0001_init.sql");
    assert_eq!(present, FIRST, "add a file instead");
}

#[tokio::test]
async fn a_database_of_the_first_layout_takes_commits() {
    goes_on("a_database_of_the_first_layout_takes_commits", "").await;
}

#[tokio::test]
async fn a_database_of_the_first_layout_with_turns_takes_commits() {
    let test = "a_database_of_the_first_layout_with_turns_takes_commits";
    goes_on(test, TURNS).await;
}

/// Makes the tables as the first layout had them, and demands all that today's can.
async fn goes_on(test: &str, beside: &str) {
    let Some(database) = database(test).await else {
        return;
    };
    let client = database.client().await;
    let made = format!(
        "BEGIN; {FIRST} {beside} INSERT INTO mp_meta (name, value) VALUES ('layout', 1); COMMIT"
    );
    client.batch_execute(&made).await.expect("makes tables");
    assert!(commit_as_before(&client).await, "is the first");

    let store = PostgresStore::connect(database.url(), PostgresOptions::default()).await;
    let store = store.expect("connects");
    let layout = "SELECT value FROM mp_meta WHERE name = 'layout'";
    let layout: i64 = client.query_one(layout, &[]).await.expect("tells").get(0);
    assert_eq!(layout, 2);
    let batch = root_and_record(head(&store, OLD).await);
    store.commit(&partition(OLD), batch).await.expect("commits");
    let many = (0..3).map(|n| (partition(n), root_and_record(Version::ABSENT)));
    for answer in store.commit_many(many.collect()).await {
        answer.expect("commits");
    }
    let turn = store.take_turn(&partition(OLD), &Query::default()).await;
    assert!(turn.expect("asks").is_some(), "no turn");
    let before = head(&store, OLD).await;
    assert!(commit_as_before(&client).await, "who came before goes on");
    assert!(head(&store, OLD).await > before);
}

fn root_and_record(expect: Version) -> Batch {
    let mut batch = root(expect);
    let key = Key::new("m/ben").expect("a valid key");
    batch.writes.push(Write::put(key, "{}".into()));
    batch
}

/// Commits on the present head as the release did that had the first layout, and returns whether that
/// was taken.
async fn commit_as_before(client: &Client) -> bool {
    let id = partition(OLD);
    let slot = id.slot();
    let head = format!("SELECT max(head) FROM mp_partition WHERE partition = '{id}'");
    let sql = format!(
        "SELECT mp_commit_v1({slot}::smallint, '{id}', h.head, h.head + 1, 1795000000000000,
            gen_random_uuid(), '{{}}', ARRAY['m/ann'], ARRAY['{{}}'::bytea],
            NULL, NULL, NULL, NULL, NULL)
         FROM (SELECT coalesce(({head}), 0) AS head) AS h"
    );
    client.query_one(&sql, &[]).await.expect("answers").get(0)
}
