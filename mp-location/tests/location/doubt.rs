//! What a search shows of writes whose answer nobody heard.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use mp_core::{
    ErrorKind,
    conformance::{Call, HookedStore, Phase},
    store::{MemoryStore, Store, StoreErrorKind},
};
use mp_location::{Nearby, Places};
use tokio::{sync::Semaphore, task::yield_now};

use crate::market::{Market, found, key, staff, stall, temple_street, user};

fn lazily() -> Nearby {
    Nearby::to(temple_street()).fresh_to(Duration::from_secs(3_600))
}

/// Holds commits until they are let through.
#[derive(Clone, Debug)]
struct Held {
    arrived: Arc<Semaphore>,
    passes: Arc<Semaphore>,
}

impl Held {
    fn new() -> Self {
        let none = || Arc::new(Semaphore::new(0));
        Self {
            arrived: none(),
            passes: none(),
        }
    }

    fn store(&self) -> Arc<dyn Store> {
        let held = self.clone();
        let hook = move |call, phase, _: Option<&_>| {
            let (held, holds) = (held.clone(), (call, phase) == (Call::Commit, Phase::Before));
            async move {
                if holds {
                    held.arrived.add_permits(1);
                    held.passes.acquire().await.expect("is open").forget();
                }
                Ok(())
            }
        };
        Arc::new(HookedStore::new(Arc::new(MemoryStore::new()), hook))
    }

    /// Asks for something, and goes away once its commit is on its way.
    async fn leave(&self, asked: impl Future) {
        tokio::select! {
            _ = asked => panic!("the commit is held"),
            arrived = self.arrived.acquire() => arrived.expect("is open").forget(),
        }
    }
}

/// Searches until something is found, for a while.
async fn found_soon(places: &Places) -> usize {
    for _ in 0..1_000 {
        let found = found(places, &user("mei"), &lazily()).await;
        if !found.is_empty() {
            return found.len();
        }
        yield_now().await;
    }
    0
}

#[tokio::test]
async fn what_was_written_for_a_caller_who_had_gone_is_found_as_well() {
    let held = Held::new();
    let places = Market::on(held.store()).process();
    let mei = user("mei");
    assert_eq!(found(&places, &mei, &lazily()).await, []);
    let new = stall("noodles", temple_street());
    held.leave(places.add(&mei, new, &key("a"))).await;
    assert_eq!(found(&places, &mei, &lazily()).await, []);
    held.passes.add_permits(1);
    assert_eq!(found_soon(&places).await, 1);
}

#[tokio::test]
async fn what_was_imported_for_a_caller_who_had_gone_is_found_as_well() {
    let held = Held::new();
    let places = Market::on(held.store()).process();
    assert_eq!(found(&places, &staff(), &lazily()).await, []);
    let new = vec![stall("noodles", temple_street())];
    held.leave(places.import(&staff(), new, &key("a"))).await;
    held.passes.add_permits(1);
    assert_eq!(found_soon(&places).await, 1);
}

/// A store that commits, loses the answer, and cannot be asked any more.
fn forgetful(is_lost: &Arc<AtomicBool>) -> Arc<dyn Store> {
    let is_lost = is_lost.clone();
    let hook = move |call, phase, _: Option<&_>| {
        let is_lost = is_lost.load(Ordering::SeqCst);
        async move {
            match (call, phase) {
                (Call::Commit, Phase::After) if is_lost => Err(StoreErrorKind::Unknown),
                (Call::Read | Call::Changes, _) if is_lost => Err(StoreErrorKind::Unavailable),
                _ => Ok(()),
            }
        }
    };
    Arc::new(HookedStore::new(Arc::new(MemoryStore::new()), hook))
}

#[tokio::test]
async fn what_may_have_been_written_is_looked_for_by_the_next_search_that_can() {
    let is_lost = Arc::new(AtomicBool::new(false));
    let market = Market::on(forgetful(&is_lost));
    let (places, mei) = (market.process(), user("mei"));
    let first = stall("tea", temple_street());
    places.add(&mei, first, &key("a")).await.expect("added");
    assert_eq!(found(&places, &mei, &lazily()).await.len(), 1);
    // The engine knows the page: the commit goes out, and nothing comes back.
    let mut lost = stall("tea", temple_street());
    lost.name = "The other stall".parse().expect("a label");
    let there = places.nearby(&mei, &lazily()).await.expect("an answer");
    let id = there.places[0].place.id;
    is_lost.store(true, Ordering::SeqCst);
    let doubt = places.replace(&mei, id, lost.clone(), &key("b")).await;
    assert_eq!(doubt.expect_err("lost").kind(), ErrorKind::Unknown);
    assert!(places.nearby(&mei, &lazily()).await.is_err());
    is_lost.store(false, Ordering::SeqCst);
    let answer = places.nearby(&mei, &lazily()).await.expect("an answer");
    assert_eq!(answer.places[0].place.name, lost.name);
    is_lost.store(true, Ordering::SeqCst);
    let known = places.nearby(&mei, &lazily()).await;
    assert_eq!(known.expect("needs no store").places.len(), 1);
}
