//! What an index in memory promises that follows a partition.
#![cfg(feature = "conformance")]

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
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
    let clock = Arc::new(ManualClock::at(START));
    let inner: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let healthy = engine(inner.clone(), &clock);
    let answers = Arc::new(AtomicU32::new(0));
    let hook = move |call, phase, _: Option<&Partition>| {
        let answers = answers.clone();
        async move {
            match (call, phase) {
                // The second answer is lost.
                (Call::Changes, Phase::After) if answers.fetch_add(1, Ordering::SeqCst) == 1 => {
                    Err(StoreErrorKind::Unavailable)
                }
                _ => Ok(()),
            }
        }
    };
    let faulty = engine(Arc::new(HookedStore::new(inner, hook)), &clock);
    let followers = Followers::<Stalls>::new(&faulty, 2);
    put(&healthy, "a", "stall/tea", Some(1)).await;
    for sold_now in 2..5 {
        put(&healthy, "a", "stall/tea", Some(sold_now)).await;
        let seen = |fresh: Option<Fresh<'_, Stalls>>| fresh.map(|it| it.index.0.clone());
        let looked = followers.look(&partition("a"), Duration::ZERO, seen).await;
        match looked {
            Ok(stalls) => assert_eq!(stalls, Some(sold(&[("stall/tea", sold_now)]))),
            Err(error) => assert_eq!((sold_now, error.code()), (4, "store_unavailable")),
        }
    }
    put(&healthy, "a", "stall/tea", Some(9)).await;
    let (stalls, _) = look(&followers, "a", 0).await.expect("is there");
    assert_eq!(stalls, sold(&[("stall/tea", 9)]));
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
