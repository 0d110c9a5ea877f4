//! What the engine promises about commands that it decides while a commit is on its way.
#![cfg(feature = "conformance")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use mp_core::{
    Command, Committed, Decision, Document, Edits, Engine, Error, ErrorKind, Family, Timestamp,
    clock::ManualClock,
    conformance::{Call, HookedStore, Phase},
    entropy::SeededEntropy,
    store::{MemoryStore, Partition, Store, StoreErrorKind},
};
use serde::{Deserialize, Serialize, Serializer};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::timeout,
};

const START: i64 = 1_800_000_000_000_000;
const SEATS: u32 = 2;

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
struct Group {
    taken: u32,
}

impl Document for Group {
    const KIND: &'static str = "group";
    const FORMAT: u32 = 1;
}

/// A record that cannot be written.
#[derive(Clone, Debug, Deserialize)]
struct Unwritable;

impl Serialize for Unwritable {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("it cannot be written"))
    }
}

impl Document for Unwritable {
    const KIND: &'static str = "unwritable";
    const FORMAT: u32 = 1;
}

/// What becomes of the commit that the test holds.
type Verdict = Result<(), StoreErrorKind>;

type Putting = JoinHandle<Result<(), Error>>;

/// An engine on a store whose commits wait until the test lets them go.
struct Rig {
    engine: Engine,
    clock: Arc<ManualClock>,
    held: mpsc::UnboundedReceiver<oneshot::Sender<Verdict>>,
    decisions: Arc<AtomicU32>,
    /// Whether the store panics at the next commit.
    panics: Arc<AtomicBool>,
}

impl Rig {
    /// Fills the partition freely, then holds its commits.
    async fn new(records: &'static [&'static str]) -> Self {
        let memory: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let clock = Arc::new(ManualClock::at(Timestamp::from_micros(START)));
        let setup = engine(memory.clone(), &clock);
        let fill = move |_: &Family, _: Timestamp| {
            let mut edits = Edits::new();
            edits.put_root(Group::default());
            for key in records {
                edits.put(key, Group::default());
            }
            Ok::<_, Error>(edits.answer(()))
        };
        let keys = records
            .iter()
            .fold(command(), |command, key| command.key(key));
        setup.run(keys, fill).await.expect("fills");
        let (sender, held) = mpsc::unbounded_channel();
        let panics = Arc::new(AtomicBool::new(false));
        let breaks = panics.clone();
        let hold = move |call, phase, _: Option<&Partition>| {
            let (sender, breaks) = (sender.clone(), breaks.clone());
            async move {
                if (call, phase) != (Call::Commit, Phase::Before) {
                    return Ok(());
                }
                assert!(!breaks.load(Ordering::Relaxed), "the store breaks");
                let (release, verdict) = oneshot::channel();
                // Once the test is over nobody holds anything.
                if sender.send(release).is_err() {
                    return Ok(());
                }
                verdict.await.unwrap_or(Ok(()))
            }
        };
        Self {
            engine: engine(Arc::new(HookedStore::new(memory, hold)), &clock),
            clock,
            held,
            decisions: Arc::new(AtomicU32::new(0)),
            panics,
        }
    }

    /// Takes a seat, if one is free.
    fn take(&self) -> JoinHandle<Result<u32, Error>> {
        let (engine, decisions) = (self.engine.clone(), self.decisions.clone());
        let take = move |family: &Family, _: Timestamp| {
            decisions.fetch_add(1, Ordering::Relaxed);
            let taken = family.root::<Group>()?.map_or(0, |group| group.taken);
            if taken == SEATS {
                return Err(Error::new(
                    ErrorKind::Refused,
                    "full",
                    "all seats are taken",
                ));
            }
            let mut edits = Edits::new();
            edits.put_root(Group { taken: taken + 1 });
            Ok(edits.answer(taken + 1))
        };
        tokio::spawn(async move {
            let committed = engine.run(command(), take).await?;
            Ok(committed.answer)
        })
    }

    /// Notes the time that the decision is given.
    fn stamp(&self) -> JoinHandle<Result<Committed<Timestamp>, Error>> {
        let (engine, decisions) = (self.engine.clone(), self.decisions.clone());
        let stamp = move |_: &Family, now: Timestamp| {
            decisions.fetch_add(1, Ordering::Relaxed);
            let mut edits = Edits::new();
            edits.put_root(Group::default());
            Ok(edits.answer(now))
        };
        tokio::spawn(async move { engine.run(command(), stamp).await })
    }

    /// Puts a record, and the root as it is.
    fn put<D: Document + Clone + Sync>(&self, key: &'static str, value: D) -> Putting {
        let (engine, decisions) = (self.engine.clone(), self.decisions.clone());
        let put = move |family: &Family, _: Timestamp| {
            decisions.fetch_add(1, Ordering::Relaxed);
            let taken = family.root::<Group>()?.map_or(0, |group| group.taken);
            let mut edits = Edits::new();
            edits.put_root(Group { taken });
            edits.put(key, value.clone());
            Ok::<_, Error>(edits.answer(()))
        };
        tokio::spawn(async move { engine.run(command().key(key), put).await.map(drop) })
    }

    /// Waits for the next commit to be held.
    async fn next(&mut self) -> oneshot::Sender<Verdict> {
        let held = timeout(Duration::from_secs(10), self.held.recv()).await;
        held.expect("a commit is sent").expect("the engine runs")
    }

    async fn until_decided(&self, count: u32) {
        let decided = async {
            while self.decisions.load(Ordering::Relaxed) < count {
                tokio::task::yield_now().await;
            }
        };
        let decided = timeout(Duration::from_secs(10), decided).await;
        decided.expect("decided while the commit is on its way");
    }
}

fn engine(store: Arc<dyn Store>, clock: &Arc<ManualClock>) -> Engine {
    Engine::new(store, clock.clone(), Arc::new(SeededEntropy::new(1)))
}

fn command() -> Command {
    Command::on(Partition::parse("test/group/1").expect("a well-formed id"))
}

async fn answer<T>(running: JoinHandle<T>) -> T {
    let answered = timeout(Duration::from_secs(10), running).await;
    answered.expect("is answered").expect("does not panic")
}

#[tokio::test]
async fn the_next_commands_are_decided_while_a_commit_is_on_its_way() {
    let mut rig = Rig::new(&[]).await;
    let first = rig.take();
    let commit = rig.next().await;
    let second = rig.take();
    rig.until_decided(2).await;
    assert!(!second.is_finished(), "nobody is answered before a commit");
    commit.send(Ok(())).expect("is held");
    assert_eq!(answer(first).await.expect("has a seat"), 1);
    let commit = rig.next().await;
    assert!(!second.is_finished(), "its own commit is on its way");
    commit.send(Ok(())).expect("is held");
    assert_eq!(answer(second).await.expect("has a seat"), 2);
    let decisions = rig.decisions.load(Ordering::Relaxed);
    assert_eq!(decisions, 2, "each was decided once");
}

#[tokio::test]
async fn each_is_told_the_time_that_its_own_decision_was_given() {
    let mut rig = Rig::new(&[]).await;
    let mut stamps = vec![rig.stamp()];
    let commit = rig.next().await;
    for count in 2..=3 {
        rig.clock.advance(Duration::from_secs(1));
        stamps.push(rig.stamp());
        rig.until_decided(count).await;
    }
    commit.send(Ok(())).expect("is held");
    rig.next().await.send(Ok(())).expect("is held");
    for (seconds, stamp) in (0..).zip(stamps) {
        let committed = answer(stamp).await.expect("is noted");
        assert_eq!(committed.at, committed.answer);
        let now = Timestamp::from_micros(START).plus(Duration::from_secs(seconds));
        assert_eq!(committed.at, now);
    }
}

#[tokio::test]
async fn what_was_decided_ahead_is_decided_anew_when_the_commit_before_it_fails() {
    let mut rig = Rig::new(&[]).await;
    let first = rig.take();
    let commit = rig.next().await;
    let (second, third) = (rig.take(), rig.take());
    rig.until_decided(3).await;
    commit
        .send(Err(StoreErrorKind::Unavailable))
        .expect("is held");
    let failed = answer(first).await.expect_err("was not committed");
    assert_eq!(failed.kind(), ErrorKind::Unavailable);
    // The third was refused ahead: as things are now, it has a seat.
    rig.next().await.send(Ok(())).expect("is held");
    assert_eq!(answer(second).await.expect("has a seat"), 1);
    assert_eq!(answer(third).await.expect("has a seat"), 2);
}

#[tokio::test]
async fn nobody_is_lost_when_another_process_overtakes_a_commit() {
    let mut rig = Rig::new(&[]).await;
    let first = rig.take();
    let commit = rig.next().await;
    let second = rig.take();
    rig.until_decided(2).await;
    commit.send(Err(StoreErrorKind::Conflict)).expect("is held");
    while !(first.is_finished() && second.is_finished()) {
        tokio::select! {
            biased;
            Some(held) = rig.held.recv() => held.send(Ok(())).expect("is held"),
            () = tokio::time::sleep(Duration::from_millis(1)) => {}
        }
    }
    let seats = [answer(first).await, answer(second).await];
    assert_eq!(seats.map(|seat| seat.expect("has a seat")), [1, 2]);
}

#[tokio::test]
async fn what_the_commit_on_its_way_deletes_is_not_seen_by_the_next() {
    let mut rig = Rig::new(&["m/1", "m/2"]).await;
    let engine = rig.engine.clone();
    let first = tokio::spawn(async move {
        let leave = |_: &Family, _: Timestamp| {
            let mut edits = Edits::new();
            edits.delete("m/1");
            Ok::<_, Error>(edits.answer(()))
        };
        engine.run(command().key("m/1"), leave).await
    });
    let commit = rig.next().await;
    // It reads the members while the store still has both.
    let (engine, decisions) = (rig.engine.clone(), rig.decisions.clone());
    let second = tokio::spawn(async move {
        let count = move |family: &Family, _: Timestamp| {
            decisions.fetch_add(1, Ordering::Relaxed);
            let members = family.count("m/")?;
            let mut edits = Edits::new();
            edits.put_root(Group { taken: 0 });
            Ok::<Decision<usize>, Error>(edits.answer(members))
        };
        engine.run(command().prefix("m/"), count).await
    });
    rig.until_decided(1).await;
    commit.send(Ok(())).expect("is held");
    answer(first).await.expect("leaves");
    rig.next().await.send(Ok(())).expect("is held");
    assert_eq!(answer(second).await.expect("counts").answer, 1);
}

#[tokio::test]
async fn whoever_is_committed_is_told_though_the_next_commit_never_ends() {
    let mut rig = Rig::new(&[]).await;
    let first = rig.take();
    let commit = rig.next().await;
    let second = rig.take();
    rig.until_decided(2).await;
    commit.send(Ok(())).expect("is held");
    let never = rig.next().await;
    assert_eq!(answer(first).await.expect("has a seat"), 1);
    assert!(!second.is_finished(), "its own commit is on its way");
    drop(never);
    assert_eq!(answer(second).await.expect("has a seat"), 2);
}

#[tokio::test]
async fn whoever_is_committed_is_told_though_the_next_cannot_be_written() {
    let mut rig = Rig::new(&[]).await;
    let first = rig.take();
    let commit = rig.next().await;
    let second = rig.put("m/1", Unwritable);
    rig.until_decided(2).await;
    commit.send(Ok(())).expect("is held");
    assert_eq!(answer(first).await.expect("has a seat"), 1);
    let refused = answer(second).await.expect_err("cannot be written");
    assert_eq!(refused.code(), "corrupt_record");
}

#[tokio::test]
async fn whoever_is_committed_is_told_though_the_store_panics_at_the_next() {
    let mut rig = Rig::new(&[]).await;
    let first = rig.take();
    let commit = rig.next().await;
    let second = rig.take();
    rig.until_decided(2).await;
    rig.panics.store(true, Ordering::Relaxed);
    commit.send(Ok(())).expect("is held");
    assert_eq!(answer(first).await.expect("has a seat"), 1);
    let broken = answer(second).await.expect_err("nobody knows");
    assert_eq!(broken.kind(), ErrorKind::Unknown);
}

#[tokio::test]
async fn what_is_put_twice_ahead_is_written_as_it_was_put_last() {
    let mut rig = Rig::new(&[]).await;
    let first = rig.take();
    let commit = rig.next().await;
    let created = rig.put("m/1", Group { taken: 7 });
    rig.until_decided(2).await;
    let replaced = rig.put("m/1", Group { taken: 8 });
    rig.until_decided(3).await;
    commit.send(Ok(())).expect("is held");
    answer(first).await.expect("has a seat");
    rig.next().await.send(Ok(())).expect("is held");
    for put in [created, replaced] {
        answer(put).await.expect("puts");
    }
    // As the store has it, and not as the engine remembers it.
    let view = rig.engine.read(command().key("m/1")).await.expect("reads");
    let found = view.get::<Group>("m/1").expect("reads").expect("is there");
    assert_eq!(found.taken, 8);
}
