//! What a search does while the store is out of reach.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use mp_core::{
    ErrorKind,
    conformance::{Call, HookedStore, Phase},
    store::{MemoryStore, Store, StoreErrorKind},
};
use mp_location::Nearby;

use crate::market::{Market, found, key, stall, temple_street, user};

/// Lets a store answer questions a set number of times, then fail, until it is set anew.
#[derive(Clone, Debug)]
struct Patchy(Arc<AtomicU32>);

impl Patchy {
    fn new() -> Self {
        Self(Arc::new(AtomicU32::new(u32::MAX)))
    }

    fn store(&self) -> Arc<dyn Store> {
        let patchy = self.clone();
        let hook = move |call, phase, _: Option<&_>| {
            let asks = phase == Phase::Before && matches!(call, Call::Changes | Call::Read);
            let fails = asks && !patchy.answers();
            async move {
                if fails {
                    Err(StoreErrorKind::Unavailable)
                } else {
                    Ok(())
                }
            }
        };
        Arc::new(HookedStore::new(Arc::new(MemoryStore::new()), hook))
    }

    fn answers(&self) -> bool {
        let left = |answers: u32| answers.checked_sub(1);
        self.0
            .try_update(Ordering::SeqCst, Ordering::SeqCst, left)
            .is_ok()
    }

    fn fail_after(&self, answers: u32) {
        self.0.store(answers, Ordering::SeqCst);
    }

    fn recover(&self) {
        self.fail_after(u32::MAX);
    }
}

#[tokio::test]
async fn a_search_that_could_not_catch_up_says_so_and_the_next_one_misses_nothing() {
    let store = Patchy::new();
    let market = Market::on(store.store());
    let (ours, theirs) = (market.process(), market.process());
    let mei = user("mei");
    let at_once = Nearby::to(temple_street())
        .fresh_to(Duration::ZERO)
        .most(Nearby::K_MAX);
    let mut opened = Vec::new();
    // However many pages were read before the outage, none of what they said is lost.
    for answers in 0..80 {
        let new = stall(&format!("stall-{answers}"), temple_street());
        let place = theirs
            .add(&mei, new, &key(&answers.to_string()))
            .await
            .expect("added");
        opened.push(place.id);
        opened.sort();

        store.fail_after(answers);
        let outcome = ours.nearby(&mei, &at_once).await;
        assert_eq!(outcome.is_ok(), answers >= 64, "{answers}");
        if let Err(error) = outcome {
            assert_eq!(error.kind(), ErrorKind::Unavailable);
        }
        store.recover();
        assert_eq!(found(&ours, &mei, &at_once).await, opened);
    }
}

#[tokio::test]
async fn what_is_fresh_enough_needs_no_store() {
    let store = Patchy::new();
    let market = Market::on(store.store());
    let places = market.process();
    let mei = user("mei");
    let new = stall("noodles", temple_street());
    let place = places.add(&mei, new, &key("a")).await.expect("added");
    let within_a_minute = Nearby::to(temple_street()).fresh_to(Duration::from_secs(60));
    assert_eq!(found(&places, &mei, &within_a_minute).await, [place.id]);
    store.fail_after(0);
    assert_eq!(found(&places, &mei, &within_a_minute).await, [place.id]);
    market.clock.advance(Duration::from_secs(60));
    assert!(places.nearby(&mei, &within_a_minute).await.is_err());
}
