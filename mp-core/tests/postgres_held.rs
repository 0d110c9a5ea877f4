//! Rows that somebody holds for a while, a host in a transaction of its own: what waits for them keeps
//! nobody from the others.
#![cfg(feature = "postgres")]

mod crowd;

use std::{
    num::NonZeroUsize,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::{join_all, select};
use mp_core::store::{
    Batch, DueQuery, Key, Outcome, PostgresOptions, PostgresStore, Settle, SlotSet, Store,
    StoreError, StoreErrorKind, Version, Write,
};
use throwaway_postgres::{Database, database};
use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_postgres::Client;

use self::crowd::{MANY, head, partition, root};

/// How long a statement waits for what somebody holds.
const WAIT: Duration = Duration::from_secs(2);

/// Two of many that a host holds in one transaction.
const HELD: [usize; 2] = [7, 42];

/// A store with partitions, and sessions beside it that can hold them.
struct Rig {
    store: Arc<PostgresStore>,
    database: Database,
}

impl Rig {
    async fn new(test: &str, options: PostgresOptions, partitions: usize) -> Option<Self> {
        let database = database(test).await?;
        let store = PostgresStore::connect(database.url(), options).await;
        let store = Arc::new(store.expect("connects"));
        let created = (0..partitions).map(|n| (partition(n), root(Version::ABSENT)));
        for answer in store.commit_many(created.collect()).await {
            answer.expect("creates");
        }
        Some(Self { store, database })
    }

    /// Holds a partition's head until the session ends or rolls back.
    async fn hold(&self, n: usize) -> Client {
        let client = self.database.client().await;
        let hold = format!(
            "BEGIN; SELECT FROM mp_partition WHERE partition = '{}' FOR UPDATE",
            partition(n)
        );
        client.batch_execute(&hold).await.expect("holds");
        client
    }

    /// Begins a commit on the present head of a partition.
    async fn commit(&self, n: usize) -> JoinHandle<Result<Version, StoreError>> {
        let (store, batch) = (self.store.clone(), root(head(&*self.store, n).await));
        tokio::spawn(async move { store.commit(&partition(n), batch).await })
    }

    /// Waits until so many sessions wait for locks.
    async fn stand_still(&self, count: i64) {
        let client = self.database.client().await;
        let sql = "SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let waiting = async || -> i64 {
            let row = client.query_one(sql, &[]).await;
            row.expect("counts").get(0)
        };
        let all = async {
            while waiting().await < count {
                sleep(Duration::from_millis(1)).await;
            }
        };
        let all = timeout(Duration::from_secs(10), all).await;
        all.expect("they wait");
    }
}

/// An answer, and how long it took.
type Timed = (Result<Version, StoreErrorKind>, Duration);

/// Asks for commits to all of these at the same time, before a lane takes any: there is one thread.
async fn begin(rig: &Rig, partitions: impl Iterator<Item = usize>) -> Vec<JoinHandle<Timed>> {
    let mut commits = Vec::new();
    for n in partitions {
        commits.push((n, root(head(&*rig.store, n).await)));
    }
    let commit = |(n, batch)| {
        let store = rig.store.clone();
        tokio::spawn(async move {
            let began = Instant::now();
            let answer = store.commit(&partition(n), batch).await;
            (answer.map_err(|error| error.kind()), began.elapsed())
        })
    };
    commits.into_iter().map(commit).collect()
}

/// Demands that all are done, each in such a time.
async fn expect_all_within(limit: Duration, commits: Vec<JoinHandle<Timed>>) {
    for done in join_all(commits).await {
        let (answer, took) = done.expect("no panic");
        answer.expect("is done");
        assert!(took < limit, "{took:?}");
    }
}

/// Takes those that are held out of some commits that were begun.
fn split_held<T>(mut all: Vec<T>) -> ([T; 2], Vec<T>) {
    let [first, second] = HELD;
    let second = all.remove(second);
    ([all.remove(first), second], all)
}

#[tokio::test]
async fn others_of_a_group_wait_once_for_what_a_host_holds() {
    let test = "others_of_a_group_wait_once_for_what_a_host_holds";
    let options = PostgresOptions::default()
        .with_lanes(NonZeroUsize::MIN)
        .with_lock_timeout(WAIT);
    let Some(rig) = Rig::new(test, options, MANY).await else {
        return;
    };
    let mut host = rig.database.client().await;
    let mut open = host.transaction().await.expect("begins");
    for n in HELD {
        let batch = root(head(&*rig.store, n).await);
        let applied = rig.store.commit_in(&mut open, &partition(n), &batch).await;
        applied.expect("applies");
    }
    // Whoever waits twice does not keep to it.
    let limit = 2 * WAIT;
    let (held, others) = split_held(begin(&rig, 0..MANY).await);
    expect_all_within(limit, others).await;
    // What is known to be held is tried, and keeps who comes next no longer than that either.
    let others = (0..MANY).filter(|n| !HELD.contains(n));
    let others = begin(&rig, others).await;
    let [one, other] = held;
    let (first, last) = select(one, other).await.factor_first();
    // At once: the other one is put off, and will not be for long.
    open.rollback().await.expect("lets go");
    let (answer, _) = first.expect("no panic");
    assert_eq!(answer, Err(StoreErrorKind::Unavailable));
    let (answer, _) = last.await.expect("no panic");
    answer.expect("is done after");
    expect_all_within(limit, others).await;
    expect_all_within(limit, begin(&rig, 0..MANY).await).await;
}

#[tokio::test]
async fn commits_to_what_is_known_to_be_held_cost_others_nothing() {
    let test = "commits_to_what_is_known_to_be_held_cost_others_nothing";
    let options = PostgresOptions::default().with_lock_timeout(WAIT);
    let Some(rig) = Rig::new(test, options, MANY).await else {
        return;
    };
    let holders = [rig.hold(HELD[0]).await, rig.hold(HELD[1]).await];
    for n in HELD {
        let (answer, _) = begin(&rig, [n].into_iter())
            .await
            .remove(0)
            .await
            .expect("no panic");
        assert_eq!(answer, Err(StoreErrorKind::Unavailable));
    }
    for _ in 0..2 {
        let (held, others) = split_held(begin(&rig, 0..MANY).await);
        expect_all_within(WAIT, others).await;
        for held in held {
            let (answer, _) = held.await.expect("no panic");
            assert_eq!(answer, Err(StoreErrorKind::Unavailable));
        }
    }
    for holder in holders {
        holder.batch_execute("ROLLBACK").await.expect("lets go");
    }
    expect_all_within(WAIT, begin(&rig, 0..MANY).await).await;
    // They are in one transaction with the others again.
    let before = rig.store.transactions();
    expect_all_within(WAIT, begin(&rig, 0..MANY).await).await;
    let transactions = rig.store.transactions() - before;
    assert!(transactions <= 2, "{transactions} transactions");
}

/// Were each waited for in turn, the last would be told after more than a dozen seconds.
#[tokio::test]
async fn many_that_are_held_are_told_soon() {
    const SECOND: Duration = Duration::from_secs(1);
    const COUNT: usize = 12;
    let options = PostgresOptions::default()
        .with_lanes(NonZeroUsize::MIN)
        .with_lock_timeout(SECOND);
    let Some(rig) = Rig::new("many_that_are_held_are_told_soon", options, COUNT).await else {
        return;
    };
    let mut holders = Vec::new();
    for n in 0..COUNT {
        holders.push(rig.hold(n).await);
    }
    for done in join_all(begin(&rig, 0..COUNT).await).await {
        let (answer, took) = done.expect("no panic");
        assert_eq!(answer, Err(StoreErrorKind::Unavailable));
        assert!(took < 9 * SECOND, "{took:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_heads_that_are_held_keep_nobody_from_a_third() {
    let test = "two_heads_that_are_held_keep_nobody_from_a_third";
    let options = PostgresOptions::default().with_lock_timeout(4 * WAIT);
    let Some(rig) = Rig::new(test, options, 3).await else {
        return;
    };
    let mut held = Vec::new();
    for n in 0..2 {
        let holder = rig.hold(n).await;
        let commit = rig.commit(n).await;
        held.push((holder, commit));
        rig.stand_still(i64::try_from(held.len()).expect("fits"))
            .await;
    }
    let third = rig.commit(2).await;
    let answer = timeout(3 * WAIT, third).await;
    let answer = answer.expect("is done meanwhile");
    answer.expect("no panic").expect("commits");
    for (holder, commit) in held {
        holder.batch_execute("ROLLBACK").await.expect("lets go");
        commit.await.expect("no panic").expect("commits after");
    }
}

#[tokio::test]
async fn a_delivery_that_is_held_keeps_no_other_from_being_settled() {
    const COUNT: usize = 9;
    let test = "a_delivery_that_is_held_keeps_no_other_from_being_settled";
    let options = PostgresOptions::default().with_lock_timeout(Duration::from_millis(200));
    let Some(rig) = Rig::new(test, options, 0).await else {
        return;
    };
    for n in 0..COUNT {
        let partition = partition(n);
        let sent = rig.store.commit(&partition, mail(Version::ABSENT));
        sent.await.expect("sends");
    }
    let due = rig.store.due(&due_mail()).await.expect("leases");
    let settles: Vec<Settle> = due.iter().map(|due| due.settle(Outcome::Done)).collect();
    assert_eq!(settles.len(), COUNT);

    let holder = rig.database.client().await;
    let hold = format!(
        "BEGIN; SELECT FROM mp_delivery WHERE partition = '{}' FOR UPDATE",
        settles[4].partition
    );
    holder.batch_execute(&hold).await.expect("holds");
    let refused = rig.store.settle(settles.clone()).await;
    let kind = refused.expect_err("one is held").kind();
    assert_eq!(kind, StoreErrorKind::Unavailable);
    let left = holder.query("SELECT partition FROM mp_delivery", &[]).await;
    let left = left.expect("lists");
    assert_eq!(left.len(), 1, "the others are gone");

    holder.batch_execute("ROLLBACK").await.expect("lets go");
    let settled = rig.store.settle(settles).await.expect("settles");
    let again: Vec<bool> = (0..COUNT).map(|n| n == 4).collect();
    assert_eq!(settled, again, "what was settled stays so");
}

fn mail(expect: Version) -> Batch {
    let mut batch = root(expect);
    let key = Key::new("~o/mail/1").expect("a valid key");
    let sent = Write::deliver(key, "{}".into(), batch.at);
    batch.writes.push(sent);
    batch
}

fn due_mail() -> DueQuery {
    DueQuery {
        slots: SlotSet::ALL,
        kind: "mail".to_owned(),
        now: root(Version::ABSENT).at,
        lease: Duration::from_secs(60),
        limit: 100,
    }
}
