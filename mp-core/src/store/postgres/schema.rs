//! The tables: made once, by whoever comes first, and checked by everybody.

use deadpool_postgres::Object;
use tokio_postgres::{Client, Error, types::FromSqlOwned};

use super::{
    connections::{Connections, Params, quoted},
    distribution::Distribution,
    error::Failure,
};
use crate::store::{SLOTS, StoreError, StoreErrorKind};

const OP: &str = "connect";

/// The steps from nothing to today's layout; the layout number counts those applied. None that may
/// have been applied somewhere is edited: nobody would ever run it again there.
const MIGRATIONS: &[&str] = &[
    include_str!("../../../migrations/postgres/0001_init.sql"),
    include_str!("../../../migrations/postgres/0002_new_and_turns.sql"),
];

/// The encodings that keep every text, the one because it has all characters, the other because it
/// knows none.
const ENCODINGS: [&str; 2] = ["UTF8", "SQL_ASCII"];

/// What all that migrate one database wait for: `mp_store` in ASCII.
const MIGRATION_LOCK: i64 = i64::from_be_bytes(*b"mp_store");

/// Makes or upgrades the tables if need be, refuses those of a newer release, and tells how they are
/// distributed.
pub(super) async fn prepare(
    connections: &Connections,
    schema: Option<&str>,
) -> Result<Distribution, StoreError> {
    let mut client = connect(connections).await?;
    connections.in_time(OP, check_encoding(&client)).await?;
    // Needs no right to make anything where nothing is to be made.
    if connections.in_time(OP, layout(&client)).await? < newest() {
        // For as long as it takes: another process may be at it.
        let migrated = migrate(&client, schema).await;
        // If it failed, the lock ends with the session.
        drop(Object::take(client));
        migrated?;
        client = connect(connections).await?;
    }
    connections.in_time(OP, check(&client)).await
}

async fn check(client: &Client) -> Result<Distribution, StoreError> {
    check_layout(layout(client).await?)?;
    check_slots(client).await?;
    Distribution::of(client).await
}

/// Refuses a database that cannot keep a text with other characters than its own: an error's text, for
/// one, which would never be settled.
async fn check_encoding(client: &Client) -> Result<(), StoreError> {
    let sql = "SELECT current_setting('server_encoding')";
    let encoding: String = value(client, sql, &[]).await?.unwrap_or_default();
    if ENCODINGS.contains(&encoding.as_str()) {
        return Ok(());
    }
    let problem = format!(
        "the database's encoding is {encoding}, which cannot keep every text: make another with \
         CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0, and move there what stands in this one \
         with pg_dump"
    );
    Err(StoreError::new(StoreErrorKind::Invalid, OP, problem))
}

async fn connect(connections: &Connections) -> Result<Object, StoreError> {
    let client = connections.get().await;
    client.map_err(|failure| failure.store_error(OP, StoreErrorKind::Unavailable))
}

fn newest() -> i64 {
    numbered_migrations().last().map_or(0, |(number, _)| number)
}

fn numbered_migrations() -> impl Iterator<Item = (i64, &'static str)> {
    (1..).zip(MIGRATIONS.iter().copied())
}

/// Takes the steps that are missing in one transaction, while everybody else waits.
///
/// It begins only once the lock is there: one that has begun is not told what others have made
/// while it waited.
async fn migrate(client: &Client, schema: Option<&str>) -> Result<(), StoreError> {
    const PATIENT: &str = "
        BEGIN ISOLATION LEVEL READ COMMITTED;
        SET LOCAL statement_timeout = 0;
        SET LOCAL lock_timeout = 0";
    let lock = format!("{PATIENT}; SELECT pg_advisory_lock({MIGRATION_LOCK}); COMMIT");
    run(client, &lock).await?;
    run(client, PATIENT).await?;
    if let Some(schema) = schema {
        create(client, schema).await?;
    }
    migrate_from(client, layout(client).await?).await?;
    run(client, "COMMIT").await
}

/// Creates a schema unless it is there: to ask the server for that needs a right on the database even
/// then.
async fn create(client: &Client, schema: &str) -> Result<(), StoreError> {
    let sql = "SELECT to_regnamespace($1) IS NOT NULL";
    if value(client, sql, &[&quoted(schema)]).await? == Some(true) {
        return Ok(());
    }
    run(client, &format!("CREATE SCHEMA {}", quoted(schema))).await
}

async fn migrate_from(client: &Client, layout: i64) -> Result<(), StoreError> {
    for (number, migration) in numbered_migrations().filter(|(number, _)| *number > layout) {
        run(client, migration).await?;
        let note = format!(
            "INSERT INTO mp_meta (name, value) VALUES ('layout', {number})
             ON CONFLICT (name) DO UPDATE SET value = excluded.value"
        );
        run(client, &note).await?;
    }
    Ok(())
}

async fn run(client: &Client, sql: &str) -> Result<(), StoreError> {
    let done = client.batch_execute(sql).await;
    done.map_err(failed)
}

/// Returns how many migrations the tables have seen.
async fn layout(client: &Client) -> Result<i64, StoreError> {
    let sql = "SELECT to_regclass('mp_meta') IS NOT NULL";
    if value(client, sql, &[]).await? != Some(true) {
        return Ok(0);
    }
    Ok(meta(client, "layout").await?.unwrap_or_default())
}

async fn meta(client: &Client, name: &str) -> Result<Option<i64>, StoreError> {
    value(
        client,
        "SELECT value FROM mp_meta WHERE name = $1",
        &[&name],
    )
    .await
}

async fn value<T: FromSqlOwned>(
    client: &Client,
    sql: &str,
    params: Params<'_>,
) -> Result<Option<T>, StoreError> {
    let row = client.query_opt(sql, params).await.map_err(failed)?;
    let value = row.map(|row| row.try_get(0)).transpose();
    value.map_err(|error| StoreError::new(StoreErrorKind::Corrupt, OP, error))
}

fn check_layout(layout: i64) -> Result<(), StoreError> {
    let known = newest();
    if layout > known {
        let problem = format!("the layout is {layout}, the newest known is {known}");
        return Err(StoreError::new(StoreErrorKind::Newer, OP, problem));
    }
    Ok(())
}

async fn check_slots(client: &Client) -> Result<(), StoreError> {
    let slots = meta(client, "slots").await?;
    if slots == Some(i64::from(SLOTS)) {
        return Ok(());
    }
    let problem = format!("the store was made with {slots:?} slots, not {SLOTS}");
    Err(StoreError::new(StoreErrorKind::Corrupt, OP, problem))
}

fn failed(error: Error) -> StoreError {
    Failure::from(error).store_error(OP, StoreErrorKind::Unavailable)
}
