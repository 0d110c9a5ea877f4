use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use mp_core::store::{PostgresOptions, PostgresStore, StoreErrorKind};
use throwaway_postgres::{Database, Server, ServerOptions, Stop, server};
use tokio::task::spawn_blocking;

use crate::{
    crowd::{self, Crowd},
    joins,
    tally::{Tally, hasty, kind},
};

/// How long the servers may take to find each other.
const MEETING_MAX: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_killed_primary_takes_no_commit_with_it_that_a_synchronous_standby_confirmed() {
    let test = "a_killed_primary_takes_no_commit_with_it_that_a_synchronous_standby_confirmed";
    let Some(pair) = Pair::start(test).await else {
        return;
    };
    pair.wait_for_the_standby_at_each_commit().await;
    let store = pair.store().await;
    let crowd = Crowd::start(store.clone());
    crowd.goes_on().await;
    let died = Instant::now();
    pair.fail_over().await;
    println!("promoted after {:?}", died.elapsed());
    crowd.goes_on().await;
    println!("500 more joins after {:?}", died.elapsed());
    let told = crowd.end().await;
    println!("{} joins", crowd::count(&told));
    joins::audit(&*store, &told).await.expect("as it was told");
}

/// The negative control: the same, but nobody waits for a standby, which misses the last commits.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_killed_primary_takes_what_only_an_asynchronous_standby_should_have() {
    let test = "a_killed_primary_takes_what_only_an_asynchronous_standby_should_have";
    let Some(pair) = Pair::start(test).await else {
        return;
    };
    let store = pair.store().await;
    let crowd = Crowd::start(store.clone());
    crowd.goes_on().await;
    pair.part().await;
    crowd.goes_on().await;
    pair.fail_over().await;
    crowd.goes_on().await;
    let told = crowd.end().await;
    let audited = joins::audit(&*store, &told).await;
    audited.expect_err("what was acknowledged after they parted is lost");
}

/// Nobody can tell how long it waits for a standby to come back: it is given up, and may come about.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_commit_that_waits_for_a_lost_standby_is_unknown_and_comes_about_with_it() {
    let test = "a_commit_that_waits_for_a_lost_standby_is_unknown_and_comes_about_with_it";
    let Some(pair) = Pair::start(test).await else {
        return;
    };
    pair.wait_for_the_standby_at_each_commit().await;
    let tally = Tally::connect(&pair.database, hasty()).await;
    tally.add(1, 0).await.expect("commits");

    pair.standby.stop(Stop::Kill);
    assert_eq!(kind(tally.add(1, 0).await), StoreErrorKind::Unknown);
    // Nobody sees what a standby does not have.
    assert_eq!(tally.count(1).await.expect("reads"), 1);

    pair.standby.start_again();
    let started = Instant::now();
    while tally.count(1).await.expect("reads") < 2 {
        assert!(started.elapsed() < MEETING_MAX, "it never comes about");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tally.add(1, 0).await.expect("commits");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_several_hosts_the_one_that_takes_writes_is_asked_though_the_url_names_a_standby_first()
{
    let test =
        "of_several_hosts_the_one_that_takes_writes_is_asked_though_the_url_names_a_standby_first";
    let Some(pair) = Pair::start(test).await else {
        return;
    };
    let tally = Tally::connect(&pair.database, hasty()).await;
    let copy = pair.standby.database(pair.database.name());
    until(&copy, "SELECT to_regclass('mp_meta') IS NOT NULL").await;
    pair.part().await;
    tally.add(1, 0).await.expect("commits");
    for (count, wanted) in [(1, ""), (2, "target_session_attrs=any")] {
        let url = pair.url([&pair.standby, &pair.primary], wanted);
        let store = PostgresStore::connect(&url, PostgresOptions::default()).await;
        let tally = Tally::of(store.expect("connects"));
        assert_eq!(tally.count(1).await.expect("reads"), count, "{wanted}");
        tally.add(1, 0).await.expect("commits");
    }
}

/// A primary, and a standby that follows it.
struct Pair {
    primary: Server,
    standby: Server,
    database: Database,
}

impl Pair {
    async fn start(test: &str) -> Option<Self> {
        // What is acknowledged is on the disk, else there is nothing to be confirmed.
        let options = ServerOptions::default().with_durability();
        let primary = server(test, &options)?;
        let database = primary.create_database().await;
        let standby = primary.start_standby(&options);
        Some(Self {
            primary,
            standby: standby.expect("a standby starts"),
            database,
        })
    }

    /// Opens a store on whichever of the two takes writes.
    async fn store(&self) -> Arc<PostgresStore> {
        let both = [&self.primary, &self.standby];
        let url = self.url(both, "target_session_attrs=read-write");
        let store = PostgresStore::connect(&url, PostgresOptions::default()).await;
        Arc::new(store.expect("connects"))
    }

    /// Returns a URL that names both, in this order, and says so much more.
    fn url(&self, hosts: [&Server; 2], more: &str) -> String {
        let [first, second] = hosts.map(|host| host.folder().display());
        let name = self.database.name();
        format!("host={first},{second} user=mp dbname={name} {more}")
    }

    async fn wait_for_the_standby_at_each_commit(&self) {
        let client = self.database.client().await;
        for sql in [
            "ALTER SYSTEM SET synchronous_standby_names = '*'",
            "SELECT pg_reload_conf()",
        ] {
            client.batch_execute(sql).await.expect("sets");
        }
        let follows = "SELECT EXISTS (SELECT FROM pg_stat_replication WHERE sync_state = 'sync')";
        until(&self.database, follows).await;
    }

    /// Has the standby follow nobody.
    async fn part(&self) {
        let copy = self.standby.database(self.database.name());
        let client = copy.client().await;
        for sql in [
            "ALTER SYSTEM SET primary_conninfo = ''",
            "SELECT pg_reload_conf()",
        ] {
            client.batch_execute(sql).await.expect("sets");
        }
        until(
            &copy,
            "SELECT NOT EXISTS (SELECT FROM pg_stat_wal_receiver)",
        )
        .await;
    }

    async fn fail_over(&self) {
        let primary = self.primary.clone();
        let killed = spawn_blocking(move || primary.stop(Stop::Kill)).await;
        killed.expect("it is killed");
        let copy = self.standby.database(self.database.name());
        until(&copy, "SELECT pg_promote()").await;
    }
}

/// Asks until the answer is yes.
async fn until(database: &Database, question: &str) {
    let client = database.client().await;
    let started = Instant::now();
    while !client
        .query_one(question, &[])
        .await
        .expect("answers")
        .get::<_, bool>(0)
    {
        assert!(started.elapsed() < MEETING_MAX, "{question}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
