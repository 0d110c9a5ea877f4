use std::time::{Duration, Instant};

use mp_core::store::{PostgresStore, StoreErrorKind};
use throwaway_postgres::{Database, ServerOptions, Stop, database, server};
use tokio_postgres::Client;

use crate::tally::{Tally, hasty, kind};

/// A patience that is never put to the test.
const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_commit_gives_up_a_row_that_somebody_holds_and_writes_nothing() {
    let test = "a_commit_gives_up_a_row_that_somebody_holds_and_writes_nothing";
    let Some(database) = database(test).await else {
        return;
    };
    // Patient with the server, so that it is the lock that takes too long.
    let options = hasty().with_statement_timeout(LONG);
    let tally = Tally::connect(&database, options).await;
    for number in [1, 2] {
        tally.add(number, 0).await.expect("commits");
    }
    let somebody = database.client().await;
    let hold = "BEGIN; SELECT FROM mp_partition WHERE partition = 'market/tally/1' FOR UPDATE";
    somebody.batch_execute(hold).await.expect("holds");

    let started = Instant::now();
    let (held, free) = tokio::join!(tally.add(1, 0), tally.add(2, 0));
    assert_eq!(kind(held), StoreErrorKind::Unavailable);
    free.expect("the others of its group commit");
    assert!(started.elapsed() < LONG, "{:?}", started.elapsed());
    assert_eq!(tally.count(1).await.expect("reads"), 1);

    somebody.batch_execute("ROLLBACK").await.expect("lets go");
    tally.add(1, 0).await.expect("commits");
    assert_eq!(tally.count(1).await.expect("reads"), 2);
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_unavailable_and_writes_nothing() {
    let test = "a_statement_that_takes_too_long_is_unavailable_and_writes_nothing";
    let Some(database) = database(test).await else {
        return;
    };
    // Patient with locks, so that it is the statement that runs out of time.
    let options = hasty().with_lock_timeout(LONG);
    let tally = Tally::connect(&database, options).await;
    tally.add(1, 0).await.expect("commits");
    let somebody = database.client().await;
    let hold = "BEGIN; LOCK TABLE mp_partition IN ACCESS EXCLUSIVE MODE";
    somebody.batch_execute(hold).await.expect("holds");

    let started = Instant::now();
    assert_eq!(kind(tally.count(1).await), StoreErrorKind::Unavailable);
    assert_eq!(kind(tally.begin(2).await), StoreErrorKind::Unavailable);
    assert!(started.elapsed() < LONG, "{:?}", started.elapsed());

    somebody.batch_execute("ROLLBACK").await.expect("lets go");
    assert_eq!(tally.count(2).await.expect("reads"), 0);
    tally.begin(2).await.expect("commits");
}

#[tokio::test]
async fn a_server_without_a_free_connection_is_unavailable_until_it_has_one() {
    let test = "a_server_without_a_free_connection_is_unavailable_until_it_has_one";
    let options = ServerOptions::default()
        .with_setting("max_connections", "12")
        .with_setting("superuser_reserved_connections", "0")
        .with_setting("max_wal_senders", "0");
    let Some(server) = server(test, &options) else {
        return;
    };
    let database = server.create_database().await;
    // Two connections are made and stay.
    let tally = Tally::connect(&database, hasty()).await;
    tally.add(1, 0).await.expect("commits");
    let others = take_every_connection(&database, 12).await;
    let refused = PostgresStore::connect(database.url(), hasty()).await;
    assert_eq!(kind(refused), StoreErrorKind::Unavailable);
    tally
        .add(1, 0)
        .await
        .expect("goes on with the connections that it has");

    drop(others);
    let patient = hasty().with_connect_timeout(LONG);
    let tally = Tally::connect(&database, patient).await;
    assert_eq!(tally.count(1).await.expect("reads"), 2);
}

/// Connects until all that the server has are taken, and none is only about to be given back.
async fn take_every_connection(database: &Database, max_connections: i64) -> Vec<Client> {
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'";
    let mut taken = Vec::new();
    loop {
        match database.try_client().await {
            Ok(client) => taken.push(client),
            Err(_) => {
                let any: &Client = taken.last().expect("some are free");
                let row = any.query_one(sql, &[]).await.expect("counts");
                if row.get::<_, i64>(0) == max_connections {
                    return taken;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_server_that_takes_no_writes_is_read_only() {
    let Some(database) = database("a_server_that_takes_no_writes_is_read_only").await else {
        return;
    };
    let tally = Tally::connect(&database, hasty()).await;
    tally.add(1, 0).await.expect("commits");
    let set = |value| {
        let name = database.name();
        format!("ALTER DATABASE {name} SET default_transaction_read_only = {value}")
    };
    let somebody = database.client().await;
    somebody.batch_execute(&set("on")).await.expect("sets");
    let tally = Tally::connect(&database, hasty()).await;
    assert_eq!(kind(tally.add(1, 0).await), StoreErrorKind::ReadOnly);
    assert_eq!(tally.count(1).await.expect("can still be read"), 1);

    let somebody = database.client().await;
    let writing = "SET default_transaction_read_only = off";
    somebody.batch_execute(writing).await.expect("sets");
    somebody.batch_execute(&set("off")).await.expect("sets");
    // Sessions keep what they were told when they began, so it takes new ones.
    tally.add(1, 0).await.expect("commits");
    assert_eq!(tally.count(1).await.expect("reads"), 2);
}

#[tokio::test]
async fn a_stopped_server_is_unavailable_until_it_is_started() {
    let test = "a_stopped_server_is_unavailable_until_it_is_started";
    let Some(server) = server(test, &ServerOptions::default()) else {
        return;
    };
    let database = server.create_database().await;
    let tally = Tally::connect(&database, hasty()).await;
    tally.add(1, 0).await.expect("commits");

    server.stop(Stop::Fast);
    assert_eq!(kind(tally.count(1).await), StoreErrorKind::Unavailable);
    // It may have gone out before the connection is known to have ended.
    let first = kind(tally.begin(2).await);
    assert!(
        matches!(first, StoreErrorKind::Unavailable | StoreErrorKind::Unknown),
        "{first:?}"
    );
    assert_eq!(kind(tally.begin(2).await), StoreErrorKind::Unavailable);
    let refused = PostgresStore::connect(database.url(), hasty()).await;
    assert_eq!(kind(refused), StoreErrorKind::Unavailable);

    server.start_again();
    assert_eq!(tally.count(1).await.expect("reads"), 1);
    assert_eq!(tally.count(2).await.expect("reads"), 0);
    tally.begin(2).await.expect("commits");
}

#[tokio::test]
async fn a_role_makes_its_tables_in_a_schema_that_somebody_else_has_made() {
    let test = "a_role_makes_its_tables_in_a_schema_that_somebody_else_has_made";
    let Some(server) = server(test, &ServerOptions::default()) else {
        return;
    };
    let database = server.create_database().await;
    let made = "CREATE ROLE stall LOGIN; CREATE SCHEMA market AUTHORIZATION stall";
    let somebody = database.client().await;
    somebody.batch_execute(made).await.expect("makes them");
    let url = database.url().replacen("mp@", "stall@", 1);
    let connect = |schema| PostgresStore::connect(&url, hasty().with_schema(schema));
    connect("market")
        .await
        .expect("needs no right to make schemas");
    assert_eq!(kind(connect("other").await), StoreErrorKind::ReadOnly);
}
