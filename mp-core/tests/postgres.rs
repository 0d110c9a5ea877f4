//! What the PostgreSQL store promises about its database.
#![cfg(feature = "postgres")]

mod group;

use std::time::{Duration, Instant};

use bytes::Bytes;
use mp_core::{
    clock::{Clock, ManualClock, SKEW_MAX, SystemClock},
    store::{
        Key, PostgresOptions, PostgresStore, Query, Store, StoreError, StoreErrorKind, Version,
        Write,
    },
};
use throwaway_postgres::{Database, database};
use tokio::task::JoinSet;
use tokio_postgres::{Client, SimpleQueryMessage};

use self::group::{batch, fill, group, put};

const FIRST: &str = include_str!("../migrations/postgres/0001_init.sql");
const SECOND: &str = include_str!("../migrations/postgres/0002_new_and_turns.sql");

async fn try_connect(url: &str) -> Result<PostgresStore, StoreError> {
    let options = PostgresOptions::default().with_connect_timeout(Duration::from_secs(1));
    PostgresStore::connect(url, options).await
}

async fn connect(database: &Database) -> PostgresStore {
    try_connect(database.url()).await.expect("connects")
}

async fn refusal(url: &str) -> StoreErrorKind {
    try_connect(url).await.expect_err("is refused").kind()
}

/// Returns the rows of a query as `psql --no-align --tuples-only` shows them.
async fn shown(client: &Client, sql: &str) -> Vec<String> {
    let messages = client.simple_query(sql).await.expect("answers");
    let rows = messages.into_iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    rows.map(|row| {
        let columns = (0..row.len()).map(|column| row.get(column).unwrap_or_default());
        columns.collect::<Vec<_>>().join("|")
    })
    .collect()
}

#[tokio::test]
async fn values_can_be_read_with_sql() {
    let Some(database) = database("values_can_be_read_with_sql").await else {
        return;
    };
    let store = connect(&database).await;
    fill(&store).await;
    let client = database.client().await;
    let sql = "SELECT key, value, at FROM mp_json ORDER BY key";
    assert_eq!(
        shown(&client, sql).await,
        [
            "|{\"size\": 3}|2026-11-21T18:00:00.000000Z",
            "m/ann|{\"name\": \"Änn\"}|2026-11-21T18:00:00.000000Z",
        ]
    );
    assert_eq!(
        shown(&client, "SELECT partition, commit_id, at FROM mp_head").await,
        ["market/group/gb_01|00000000-0000-0000-0000-000000000007|2026-11-21T18:00:00.000000Z"]
    );
    let sql = "SELECT state, kind, key, at, value FROM mp_work";
    assert_eq!(
        shown(&client, sql).await,
        ["waiting|mail|~o/mail/1|2026-11-21T18:00:00.000000Z|{\"to\": \"ann\"}"]
    );
}

#[tokio::test]
async fn large_values_are_compressed_with_lz4_where_the_server_can() {
    let test = "large_values_are_compressed_with_lz4_where_the_server_can";
    const LARGE: &[u8] = &[b'7'; 4_000];
    let Some(database) = database(test).await else {
        return;
    };
    let store = connect(&database).await;
    let sent = Write::deliver(
        Key::new("~o/mail/large").expect("a valid key"),
        Bytes::from_static(LARGE),
        SystemClock.now(),
    );
    let writes = vec![put("", LARGE), put("m/large", LARGE), sent];
    let done = store.commit(&group(), batch(Version::ABSENT, writes)).await;
    done.expect("commits");

    let client = database.client().await;
    let can = "SELECT 'lz4' = ANY (enumvals) FROM pg_settings
        WHERE name = 'default_toast_compression'";
    let method = match shown(&client, can).await.as_slice() {
        [can] if can == "t" => "lz4",
        _ => "pglz",
    };
    for table in ["mp_partition", "mp_record", "mp_delivery"] {
        let sql = format!("SELECT pg_column_compression(value) FROM {table}");
        assert_eq!(shown(&client, &sql).await, [method], "{table}");
    }
}

#[tokio::test]
async fn values_that_are_not_text_are_refused() {
    let Some(database) = database("values_that_are_not_text_are_refused").await else {
        return;
    };
    let store = connect(&database).await;
    let answer = store
        .commit(&group(), batch(Version::ABSENT, vec![put("", b"\xff")]))
        .await;
    assert_eq!(answer.expect_err("refused").kind(), StoreErrorKind::Invalid);
    let view = store.read(&group(), &Query::default()).await;
    assert_eq!(view.expect("reads").head, Version::ABSENT);
}

#[tokio::test]
async fn a_batch_that_no_statement_can_hold_is_refused() {
    let Some(database) = database("a_batch_that_no_statement_can_hold_is_refused").await else {
        return;
    };
    let store = connect(&database).await;
    let value = Bytes::from(format!("\"{}\"", "x".repeat(store.limits().value_max - 2)));
    let large = |count| {
        let put = |n| {
            Write::put(
                Key::new(&format!("m/{n}")).expect("a valid key"),
                value.clone(),
            )
        };
        let writes = (0..count).map(put).chain([put_root()]);
        batch(Version::ABSENT, writes.collect())
    };
    let refused = store.commit(&group(), large(1_024)).await;
    assert_eq!(
        refused.expect_err("refused").kind(),
        StoreErrorKind::Invalid
    );
    store.commit(&group(), large(128)).await.expect("is taken");
}

fn put_root() -> Write {
    put("", b"{}")
}

#[tokio::test]
async fn a_newer_layout_is_refused_and_left_alone() {
    let Some(database) = database("a_newer_layout_is_refused_and_left_alone").await else {
        return;
    };
    fill(&connect(&database).await).await;
    let client = database.client().await;
    let update = "UPDATE mp_meta SET value = 1000 WHERE name = 'layout'";
    client.batch_execute(update).await.expect("updates");
    let everything = "SELECT * FROM mp_meta ORDER BY name; SELECT * FROM mp_partition";
    let before = shown(&client, everything).await;
    assert_eq!(refusal(database.url()).await, StoreErrorKind::Newer);
    assert_eq!(shown(&client, everything).await, before);
}

#[tokio::test]
async fn another_number_of_slots_is_refused() {
    let Some(database) = database("another_number_of_slots_is_refused").await else {
        return;
    };
    drop(connect(&database).await);
    let client = database.client().await;
    let update = "UPDATE mp_meta SET value = 64 WHERE name = 'slots'";
    client.batch_execute(update).await.expect("updates");
    assert_eq!(refusal(database.url()).await, StoreErrorKind::Corrupt);
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_made_once_by_all_who_come_together() {
    let test = "tables_are_made_once_by_all_who_come_together";
    let Some(database) = database(test).await else {
        return;
    };
    // A table that only one of them can have made.
    let client = database.client().await;
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        let url = database.url().to_owned();
        tasks.spawn(async move { PostgresStore::connect(&url, PostgresOptions::default()).await });
    }
    for store in tasks.join_all().await {
        store.expect("connects");
    }
    let made = "SELECT name, value FROM mp_meta ORDER BY name";
    assert_eq!(shown(&client, made).await, ["layout|2", "slots|256"]);
}

#[tokio::test]
async fn a_role_that_may_not_make_tables_takes_those_made_by_hand() {
    let test = "a_role_that_may_not_make_tables_takes_those_made_by_hand";
    let Some(database) = database(test).await else {
        return;
    };
    let client = database.client().await;
    let role = format!("{}_app", database.name());
    let made = format!("CREATE ROLE {role}; REVOKE CREATE ON SCHEMA public FROM PUBLIC");
    client.batch_execute(&made).await.expect("makes a role");
    let url = format!("{}?options=-c%20role%3D{role}", database.url());
    assert_eq!(refusal(&url).await, StoreErrorKind::ReadOnly);

    // As the files say.
    let by_hand = format!(
        "BEGIN; {FIRST} INSERT INTO mp_meta (name, value) VALUES ('layout', 1); COMMIT;
         BEGIN; {SECOND} UPDATE mp_meta SET value = 2 WHERE name = 'layout'; COMMIT;
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}"
    );
    client.batch_execute(&by_hand).await.expect("makes tables");
    let store = try_connect(&url).await.expect("connects");
    let head = fill(&store).await;
    let view = store.read(&group(), &Query::default()).await;
    assert_eq!(view.expect("reads").head, head);
    drop(store);
    let gone = format!("DROP OWNED BY {role} CASCADE; DROP ROLE {role}");
    client.batch_execute(&gone).await.expect("removes the role");
}

#[tokio::test]
async fn stores_in_two_schemas_know_nothing_of_each_other() {
    let test = "stores_in_two_schemas_know_nothing_of_each_other";
    let Some(database) = database(test).await else {
        return;
    };
    let open = async |schema: &str| {
        let options = PostgresOptions::default().with_schema(schema);
        let store = PostgresStore::connect(database.url(), options).await;
        store.expect("connects")
    };
    let (one, other) = (open("one").await, open("it's \"other\"").await);
    let head = fill(&one).await;
    for (store, promised) in [(one, head), (other, Version::ABSENT)] {
        let view = store.read(&group(), &Query::default()).await;
        assert_eq!(view.expect("reads").head, promised);
    }
}

#[tokio::test]
async fn a_url_that_says_nothing_is_invalid() {
    for url in [
        "",
        "market",
        "postgres://mp@host/db?sslmode=verify-ca",
        "postgres://mp@host/db?unheard=of",
    ] {
        assert_eq!(refusal(url).await, StoreErrorKind::Invalid, "{url}");
    }
}

#[tokio::test]
async fn a_database_that_is_not_there_is_told_with_what_to_do() {
    let Some(database) = database("a_database_that_is_not_there_is_told_with_what_to_do").await
    else {
        return;
    };
    let url = database.url().replace(database.name(), "not_there");
    let error = try_connect(&url).await.expect_err("there is none");
    let why = std::error::Error::source(&error).expect("says why");
    assert!(why.to_string().contains("correct the URL"), "{why}");
}

#[tokio::test]
async fn a_database_whose_encoding_cannot_keep_every_text_is_refused_and_left_as_it_is() {
    let test = "a_database_whose_encoding_cannot_keep_every_text_is_refused_and_left_as_it_is";
    let Some(database) = database(test).await else {
        return;
    };
    let client = database.client().await;
    for (encoding, is_refused) in [("LATIN1", true), ("SQL_ASCII", false)] {
        let name = format!("{}_{}", database.name(), encoding.to_lowercase());
        let make = format!(
            "CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
        );
        client.batch_execute(&make).await.expect("makes one");
        let url = database.url().replace(database.name(), &name);
        let refused = try_connect(&url).await.err();
        let kind = refused.as_ref().map(StoreError::kind);
        assert_eq!(kind, is_refused.then_some(StoreErrorKind::Invalid));
        if let Some(refused) = refused {
            let why = std::error::Error::source(&refused).expect("says why");
            assert!(why.to_string().contains("ENCODING 'UTF8'"), "{why}");
        }
        let (there, session) = tokio_postgres::connect(&url, tokio_postgres::NoTls)
            .await
            .expect("connects");
        tokio::spawn(session);
        let tables = "SELECT to_regclass('mp_meta') IS NULL";
        let is_empty = there.query_one(tables, &[]).await.expect("tells");
        assert_eq!(is_empty.get::<_, bool>(0), is_refused, "{encoding}");
        let drop = format!("DROP DATABASE {name} WITH (FORCE)");
        client.batch_execute(&drop).await.expect("drops it");
    }
}

#[tokio::test]
async fn nobody_there_is_unavailable_when_the_patience_ends() {
    let started = Instant::now();
    let url = "postgres://mp@%2Fnowhere%2Fat%2Fall/market";
    assert_eq!(refusal(url).await, StoreErrorKind::Unavailable);
    let waited = started.elapsed();
    assert!(waited > Duration::from_millis(500), "{waited:?}");
    assert!(waited < Duration::from_secs(30), "{waited:?}");
}

#[tokio::test]
async fn the_skew_to_the_servers_clock_is_measured() {
    const HOUR: Duration = Duration::from_secs(3_600);
    let Some(database) = database("the_skew_to_the_servers_clock_is_measured").await else {
        return;
    };
    let store = connect(&database).await;
    let present = SystemClock.now();
    for wrong in [present.plus(HOUR), present.minus(HOUR)] {
        let skew = store.clock_skew(&ManualClock::at(wrong)).await;
        let skew = skew.expect("measures");
        assert!(skew > HOUR - SKEW_MAX && skew < HOUR + HOUR, "{skew:?}");
    }
    let skew = store.clock_skew(&SystemClock).await;
    // On one machine there is one clock, but the server may be another's.
    if std::env::var(throwaway_postgres::MP_POSTGRES_URL).is_err() {
        assert_eq!(skew.expect("measures"), Duration::ZERO);
    }
}
