//! What a search does while the store is out of reach.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use mp_core::{
    ErrorKind,
    store::{
        Batch, Changes, Delivery, DueQuery, Key, Limits, MemoryStore, Partition, Query, Settle,
        Store, StoreError, StoreErrorKind, Version, View,
    },
};
use mp_location::Nearby;

use crate::market::{Market, found, key, stall, temple_street, user};

/// A store that answers `changes` a set number of times, then fails, until it is set anew.
#[derive(Debug)]
struct Patchy {
    store: MemoryStore,
    answers: AtomicU32,
}

impl Patchy {
    fn new() -> Self {
        Self {
            store: MemoryStore::new(),
            answers: AtomicU32::new(u32::MAX),
        }
    }

    fn fail_after(&self, answers: u32) {
        self.answers.store(answers, Ordering::SeqCst);
    }

    fn recover(&self) {
        self.fail_after(u32::MAX);
    }
}

#[async_trait]
impl Store for Patchy {
    fn limits(&self) -> Limits {
        self.store.limits()
    }

    async fn read(&self, partition: &Partition, query: &Query) -> Result<View, StoreError> {
        self.store.read(partition, query).await
    }

    async fn commit(&self, partition: &Partition, batch: Batch) -> Result<Version, StoreError> {
        self.store.commit(partition, batch).await
    }

    async fn commit_many(
        &self,
        batches: Vec<(Partition, Batch)>,
    ) -> Vec<Result<Version, StoreError>> {
        self.store.commit_many(batches).await
    }

    async fn due(&self, query: &DueQuery) -> Result<Vec<Delivery>, StoreError> {
        self.store.due(query).await
    }

    async fn settle(&self, settles: Vec<Settle>) -> Result<Vec<bool>, StoreError> {
        self.store.settle(settles).await
    }

    async fn dead(
        &self,
        after: Option<(&Partition, &Key)>,
        limit: u32,
    ) -> Result<Vec<Delivery>, StoreError> {
        self.store.dead(after, limit).await
    }

    async fn changes(
        &self,
        partition: &Partition,
        since: Version,
        limit: u32,
    ) -> Result<Changes, StoreError> {
        let left = self
            .answers
            .try_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        if left.is_err() {
            return Err(StoreError::new(
                StoreErrorKind::Unavailable,
                "changes",
                "down",
            ));
        }
        self.store.changes(partition, since, limit).await
    }
}

#[tokio::test]
async fn a_search_that_could_not_catch_up_says_so_and_the_next_one_misses_nothing() {
    let store = Arc::new(Patchy::new());
    let market = Market::on(store.clone());
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
    let store = Arc::new(Patchy::new());
    let market = Market::on(store.clone());
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
