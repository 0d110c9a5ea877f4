//! What an index in memory promises that follows a partition.
#![cfg(feature = "conformance")]

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use mp_core::{
    Command, Document, Edits, Engine, Error, Family, Timestamp,
    clock::ManualClock,
    conformance::{Call, HookedStore, Phase},
    document,
    entropy::SeededEntropy,
    follow::{Derived, Followers, Fresh},
    store::{Change, DELETION_MEMORY, MemoryStore, Partition, Store, StoreErrorKind},
};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

const START: Timestamp = Timestamp::from_micros(1_795_000_000_000_000);

#[derive(Debug, Deserialize, Serialize)]
struct Stall {
    sold: u32,
}

impl Document for Stall {
    const KIND: &'static str = "stall";
    const FORMAT: u32 = 1;
}

#[derive(Debug, Deserialize, Serialize)]
struct Guest {}

impl Document for Guest {
    const KIND: &'static str = "guest";
    const FORMAT: u32 = 1;
}

/// What every stall has sold.
#[derive(Debug, Default)]
struct Stalls(BTreeMap<String, u32>);

impl Derived for Stalls {
    const PREFIX: &'static str = "stall/";

    fn apply(&mut self, change: &Change) -> Result<(), Error> {
        assert!(change.key.is_root() || change.key.as_str().starts_with(Self::PREFIX));
        match &change.value {
            Some(value) => {
                let stall = document::decode::<Stall>(value)?.0;
                self.0.insert(change.key.to_string(), stall.sold);
            }
            None => drop(self.0.remove(change.key.as_str())),
        }
        Ok(())
    }
}

fn partition(id: &str) -> Partition {
    Partition::parse(&format!("market/stalls/{id}")).expect("an id")
}

fn engine(store: Arc<dyn Store>, clock: &Arc<ManualClock>) -> Engine {
    Engine::new(store, clock.clone(), Arc::new(SeededEntropy::new(1)))
}

/// Puts a stall, or removes it.
async fn put(engine: &Engine, id: &str, key: &str, sold: Option<u32>) {
    let key = key.to_owned();
    let command = Command::on(partition(id)).key(&key);
    let decide = move |_: &Family, _: Timestamp| {
        let mut edits = Edits::new();
        edits.put_root(Stall { sold: 0 });
        match sold {
            Some(sold) => edits.put(&key, Stall { sold }),
            None => edits.delete(&key),
        }
        Ok::<_, Error>(edits.answer(()))
    };
    engine.run(command, decide).await.expect("commits");
}

/// Puts what is no stall where one is looked for.
async fn put_guest(engine: &Engine, id: &str, key: &str) {
    let key = key.to_owned();
    let command = Command::on(partition(id)).key(&key);
    let decide = move |_: &Family, _: Timestamp| {
        let mut edits = Edits::new();
        edits.put(&key, Guest {});
        Ok::<_, Error>(edits.answer(()))
    };
    engine.run(command, decide).await.expect("commits");
}

async fn look(
    followers: &Followers<Stalls>,
    id: &str,
    seconds: u64,
) -> Option<(BTreeMap<String, u32>, Timestamp)> {
    let seen = |fresh: Option<Fresh<'_, Stalls>>| fresh.map(|it| (it.index.0.clone(), it.as_of));
    let staleness = Duration::from_secs(seconds);
    let looked = followers.look(&partition(id), staleness, seen).await;
    looked.expect("looks")
}

struct World {
    clock: Arc<ManualClock>,
    engine: Engine,
    followers: Followers<Stalls>,
}

fn world() -> World {
    let clock = Arc::new(ManualClock::at(START));
    let engine = engine(Arc::new(MemoryStore::new()), &clock);
    let followers = Followers::new(&engine, 2);
    World {
        clock,
        engine,
        followers,
    }
}

fn sold(stalls: &[(&str, u32)]) -> BTreeMap<String, u32> {
    let root = [(String::new(), 0)];
    let stalls = stalls.iter().map(|(key, sold)| ((*key).to_owned(), *sold));
    root.into_iter().chain(stalls).collect()
}

#[tokio::test]
async fn an_answer_is_no_older_than_asked_and_says_how_old_it_is() {
    let world = world();
    put(&world.engine, "a", "stall/tea", Some(1)).await;
    let first = look(&world.followers, "a", 10).await;
    assert_eq!(first, Some((sold(&[("stall/tea", 1)]), START)));
    put(&world.engine, "a", "stall/tea", Some(2)).await;
    world.clock.advance(Duration::from_secs(9));
    assert_eq!(look(&world.followers, "a", 10).await, first);
    world.clock.advance(Duration::from_secs(1));
    let second = look(&world.followers, "a", 10).await;
    let now = world.engine.now();
    assert_eq!(second, Some((sold(&[("stall/tea", 2)]), now)));
    put(&world.engine, "a", "stall/tea", None).await;
    assert_eq!(look(&world.followers, "a", 0).await, Some((sold(&[]), now)));
}

#[tokio::test]
async fn an_index_is_read_anew_when_the_clock_was_set_back() {
    let world = world();
    put(&world.engine, "a", "stall/tea", Some(1)).await;
    look(&world.followers, "a", 10).await;
    let earlier = START.minus(Duration::from_secs(3_600));
    world.clock.set(earlier);
    put(&world.engine, "a", "stall/tea", Some(2)).await;
    let seen = look(&world.followers, "a", 10).await;
    assert_eq!(seen, Some((sold(&[("stall/tea", 2)]), earlier)));
}

#[tokio::test]
async fn what_is_not_there_is_looked_for_again() {
    let world = world();
    assert_eq!(look(&world.followers, "a", 3_600).await, None);
    put(&world.engine, "a", "stall/tea", Some(1)).await;
    assert!(look(&world.followers, "a", 3_600).await.is_some());
}

#[tokio::test]
async fn other_records_of_the_partition_are_none_of_its_business() {
    let world = world();
    put(&world.engine, "a", "guest/mei", Some(1)).await;
    assert_eq!(
        look(&world.followers, "a", 0).await,
        Some((sold(&[]), START))
    );
    put(&world.engine, "a", "guest/ada", Some(1)).await;
    assert_eq!(
        look(&world.followers, "a", 0).await,
        Some((sold(&[]), START))
    );
}

#[tokio::test]
async fn what_the_store_has_forgotten_is_read_anew() {
    let world = world();
    put(&world.engine, "a", "stall/tea", Some(1)).await;
    look(&world.followers, "a", 0).await;
    put(&world.engine, "a", "stall/tea", None).await;
    world.clock.advance(DELETION_MEMORY * 2);
    put(&world.engine, "a", "stall/noodles", Some(1)).await;
    let (stalls, _) = look(&world.followers, "a", 0).await.expect("is there");
    assert_eq!(stalls, sold(&[("stall/noodles", 1)]));
}

#[tokio::test]
async fn a_partition_that_was_forgotten_is_read_again() {
    let world = world();
    for id in ["a", "b", "c"] {
        put(&world.engine, id, "stall/tea", Some(1)).await;
    }
    for id in ["a", "b", "c", "a", "b", "c"] {
        let (stalls, _) = look(&world.followers, id, 3_600).await.expect("is there");
        assert_eq!(stalls, sold(&[("stall/tea", 1)]), "{id}");
    }
}

#[tokio::test]
async fn an_index_that_failed_half_way_is_built_anew() {
    let world = world();
    put(&world.engine, "a", "stall/noodles", Some(1)).await;
    look(&world.followers, "a", 0).await;
    put(&world.engine, "a", "stall/noodles", None).await;
    put(&world.engine, "a", "stall/tea", Some(2)).await;
    put_guest(&world.engine, "a", "stall/rice").await;
    let (asked, seen) = (partition("a"), |_: Option<Fresh<'_, Stalls>>| ());
    let looked = world.followers.look(&asked, Duration::ZERO, seen).await;
    let error = looked.expect_err("cannot take it in");
    assert_eq!(error.code(), "corrupt_record");
    put(&world.engine, "a", "stall/rice", Some(3)).await;
    let (stalls, _) = look(&world.followers, "a", 0).await.expect("is there");
    assert_eq!(stalls, sold(&[("stall/tea", 2), ("stall/rice", 3)]));
}

/// How the store answers whoever asks it for changes.
#[derive(Clone, Copy, Debug)]
enum Answers {
    At(Phase, StoreErrorKind),
    Never,
    Well,
}

/// Counts how often a store was read as a whole, and has it answer as told.
fn counted(inner: Arc<dyn Store>) -> (HookedStore, Arc<AtomicU32>, Arc<Mutex<Answers>>) {
    let reads = Arc::new(AtomicU32::new(0));
    let answers = Arc::new(Mutex::new(Answers::Well));
    let (read, told) = (reads.clone(), answers.clone());
    let hook = move |call, phase, _: Option<&Partition>| {
        let told = *told.lock().expect("is whole");
        if (call, phase) == (Call::Read, Phase::Before) {
            read.fetch_add(1, Ordering::SeqCst);
        }
        async move {
            match told {
                Answers::At(at, kind) if (call, phase) == (Call::Changes, at) => Err(kind),
                Answers::Never if call == Call::Changes => std::future::pending().await,
                _ => Ok(()),
            }
        }
    };
    (HookedStore::new(inner, hook), reads, answers)
}

#[tokio::test]
async fn a_reading_that_fails_or_is_dropped_leaves_the_index_as_it_was() {
    let clock = Arc::new(ManualClock::at(START));
    let inner: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let healthy = engine(inner.clone(), &clock);
    let (store, reads, answers) = counted(inner);
    let followers = Followers::<Stalls>::new(&engine(Arc::new(store), &clock), 2);
    put(&healthy, "a", "stall/noodles", Some(1)).await;
    put(&healthy, "a", "stall/tea", Some(1)).await;
    look(&followers, "a", 0).await;
    let unavailable = StoreErrorKind::Unavailable;
    let troubles = [
        Answers::At(Phase::Before, unavailable),
        Answers::At(Phase::After, unavailable),
        Answers::Never,
    ];
    for (sold_now, trouble) in (2..).zip(troubles) {
        put(&healthy, "a", "stall/tea", Some(sold_now)).await;
        *answers.lock().expect("is whole") = trouble;
        let (asked, seen) = (partition("a"), |_: Option<Fresh<'_, Stalls>>| ());
        tokio::select! {
            biased;
            looked = followers.look(&asked, Duration::ZERO, seen) => {
                assert_eq!(looked.expect_err("fails").code(), "store_unavailable");
            }
            () = std::future::ready(()) => assert!(matches!(trouble, Answers::Never)),
        }
        *answers.lock().expect("is whole") = Answers::Well;
        let (stalls, _) = look(&followers, "a", 0).await.expect("is there");
        let expected = sold(&[("stall/noodles", 1), ("stall/tea", sold_now)]);
        assert_eq!(stalls, expected, "{trouble:?}");
        assert_eq!(reads.load(Ordering::SeqCst), 1, "{trouble:?}");
    }
}

#[tokio::test]
async fn what_is_asked_about_and_is_not_there_takes_no_place_of_what_is() {
    let clock = Arc::new(ManualClock::at(START));
    let inner: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let healthy = engine(inner.clone(), &clock);
    let (store, reads, _) = counted(inner);
    let followers = Followers::<Stalls>::new(&engine(Arc::new(store), &clock), 2);
    for id in ["a", "b"] {
        put(&healthy, id, "stall/tea", Some(1)).await;
        look(&followers, id, 3_600).await;
    }
    for nobody in 0..9 {
        assert_eq!(look(&followers, &format!("x{nobody}"), 3_600).await, None);
    }
    let before = reads.load(Ordering::SeqCst);
    for id in ["a", "b"] {
        assert!(look(&followers, id, 3_600).await.is_some(), "{id}");
    }
    assert_eq!(reads.load(Ordering::SeqCst), before, "nothing is read anew");
}

/// A change of some stall, or a pause in minutes.
#[derive(Clone, Debug)]
enum Step {
    Put(u8, Option<u32>),
    Look,
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..6_u8, proptest::option::of(0..9_u32)).prop_map(|(stall, sold)| Step::Put(stall, sold)),
        2 => Just(Step::Look),
        1 => (1..20_u64).prop_map(Step::Wait),
    ];
    proptest::collection::vec(step, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn an_index_that_follows_is_the_one_that_is_built_anew(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let world = world();
            for step in steps {
                match step {
                    Step::Put(stall, sold) => {
                        put(&world.engine, "a", &format!("stall/{stall}"), sold).await;
                    }
                    Step::Look => {
                        let anew = Followers::new(&world.engine, 1);
                        let followed = look(&world.followers, "a", 0).await;
                        assert_eq!(followed, look(&anew, "a", 0).await);
                    }
                    Step::Wait(minutes) => world.clock.advance(Duration::from_secs(minutes * 60)),
                }
            }
        });
    }
}
