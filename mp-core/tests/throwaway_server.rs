//! What a private server promises.

use std::{
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use killed_processes::{Program, say_ready, told};
use throwaway_postgres::{Database, Server, ServerOptions, Stop, database, server};

async fn counted(database: &Database) -> i64 {
    let row = database
        .client()
        .await
        .query_one("SELECT count(*) FROM kept", &[])
        .await;
    row.expect("counts").get(0)
}

#[tokio::test]
async fn what_was_committed_survives_every_stop() {
    let options = ServerOptions::default().with_durability();
    let Some(server) = server("what_was_committed_survives_every_stop", &options) else {
        return;
    };
    let database = server.create_database().await;
    let sql = "CREATE TABLE kept (n int)";
    database
        .client()
        .await
        .batch_execute(sql)
        .await
        .expect("creates");
    for (kept, stop) in (1..).zip([Stop::Fast, Stop::Immediate, Stop::Kill]) {
        // A session that stays open must not keep the server from going or coming.
        let open = database.client().await;
        open.batch_execute("INSERT INTO kept VALUES (1)")
            .await
            .expect("inserts");
        server.restart(stop);
        assert_eq!(counted(&database).await, kept, "{stop:?}");
        assert!(open.batch_execute("SELECT 1").await.is_err(), "{stop:?}");
    }
}

#[tokio::test]
async fn a_standby_takes_over_with_what_was_committed() {
    let options = ServerOptions::default();
    let test = "a_standby_takes_over_with_what_was_committed";
    let Some(primary) = server(test, &options) else {
        return;
    };
    let database = primary.create_database().await;
    let session = database.client().await;
    let sql = "CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)";
    session.batch_execute(sql).await.expect("inserts");
    let standby = primary.start_standby(&options).expect("starts");
    let copy = standby.database(database.name());
    assert_eq!(counted(&copy).await, 1);
    let write = "INSERT INTO kept VALUES (2)";
    let session = copy.client().await;
    session
        .batch_execute(write)
        .await
        .expect_err("is a standby");

    primary.stop(Stop::Fast);
    let promote = "SELECT pg_promote()";
    session.batch_execute(promote).await.expect("takes over");
    session.batch_execute(write).await.expect("is no standby");
    assert_eq!(counted(&copy).await, 2);
}

#[tokio::test]
async fn a_setting_stands_over_the_ones_before_it() {
    let options = ServerOptions::default()
        .with_setting("max_connections", "50")
        .with_setting("max_connections", "7");
    let Some(server) = server("a_setting_stands_over_the_ones_before_it", &options) else {
        return;
    };
    let session = server.create_database().await.client().await;
    let shown = session.query_one("SHOW max_connections", &[]).await;
    assert_eq!(shown.expect("shows").get::<_, String>(0), "7");
}

#[test]
fn the_key_of_a_certificate_is_not_shown() {
    let options = ServerOptions::default().with_tls("chain", "secret key");
    assert!(!format!("{options:?}").contains("secret"));
}

#[tokio::test]
async fn sessions_can_be_broken_off() {
    let Some(database) = database("sessions_can_be_broken_off").await else {
        return;
    };
    let session = database.client().await;
    assert_eq!(database.terminate_backends().await, 1);
    assert!(session.batch_execute("SELECT 1").await.is_err());
}

#[tokio::test]
async fn tests_have_databases_of_their_own() {
    let test = "tests_have_databases_of_their_own";
    let Some(first) = database(test).await else {
        return;
    };
    let Some(second) = database(test).await else {
        return;
    };
    let sql = "CREATE TABLE kept (n int)";
    for database in [&first, &second] {
        database
            .client()
            .await
            .batch_execute(sql)
            .await
            .expect("is empty");
    }
}

/// Returns the folder of a server by the URL of one of its databases.
fn folder(url: &str) -> PathBuf {
    let (_, host) = url.split_once('@').expect("a role and a folder");
    let (folder, _) = host.split_once(':').expect("a port");
    PathBuf::from(folder.replace("%2F", "/"))
}

/// Returns the process id in the lock file of a server.
fn postmaster(folder: &Path) -> String {
    let lock = std::fs::read_to_string(folder.join("data/postmaster.pid")).expect("a lock file");
    lock.lines().next().expect("a process id").to_owned()
}

fn runs(pid: &str) -> bool {
    // A dead child that nobody waits for is not gone, but has no command line any more.
    std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty())
}

#[tokio::test]
async fn a_dropped_server_leaves_nothing_behind() {
    let options = ServerOptions::default();
    let Some(server) = server("a_dropped_server_leaves_nothing_behind", &options) else {
        return;
    };
    let database = server.create_database().await;
    let folder = folder(database.url());
    let pid = postmaster(&folder);
    drop(server);
    assert!(runs(&pid), "its database holds it");
    drop(database);
    assert!(!folder.exists() && !runs(&pid));
}

const CHILD: &str = "THROWAWAY_POSTGRES_CHILD";

/// Run as a child, starts a server, tells its URL and waits; run by itself, kills such a child.
#[tokio::test]
async fn a_killed_process_leaves_nothing_behind() {
    let test = "a_killed_process_leaves_nothing_behind";
    let Some(server) = server(test, &ServerOptions::default()) else {
        return;
    };
    if told(CHILD).is_some() {
        return wait_for_ever(&server).await;
    }
    let mut child = Program::of_test(test).told(CHILD, "").start();
    let folder = folder(&child.wait_until_ready());
    let pid = postmaster(&folder);
    assert!(runs(&pid));
    child.kill();
    let until = Instant::now() + Duration::from_secs(10);
    while folder.exists() || runs(&pid) {
        assert!(
            Instant::now() < until,
            "{} is still there",
            folder.display()
        );
        thread::sleep(Duration::from_millis(20));
    }
}

async fn wait_for_ever(server: &Server) {
    let database = server.create_database().await;
    say_ready(database.url());
    std::future::pending().await
}
