//! A market to test groups in: a store that is watched, a bank that counts, faults on demand.

#![allow(dead_code, unused_imports, reason = "each test file uses its part")]

mod bank;
mod faults;
mod store;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use mp_core::{
    Caller, Engine, Error, ErrorKind, Timestamp,
    amount::{Currency, Money},
    clock::{Clock, ManualClock},
    entropy::SeededEntropy,
    id::AppId,
    port::{Notification, Notifier},
    store::{DueQuery, SlotSet, Store},
    work::{Worker, WorkerOptions},
};
use mp_share::{
    Groups, Offers,
    group::GroupId,
    groups::GroupView,
    member::{MemberNumber, MemberState},
    offer::{OfferId, STOCK, Terms},
};

pub(crate) use self::{
    bank::{Bank, Books, Payer},
    faults::{Fault, Faults},
    store::WatchedStore,
};

/// What the host supplies, which outlives every process.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) faults: Arc<Faults>,
    pub(crate) store: Arc<WatchedStore>,
    pub(crate) bank: Arc<Bank>,
    pub(crate) told: Arc<Told>,
}

/// One process: an engine, the services and a worker.
pub(crate) struct Process {
    pub(crate) engine: Engine,
    pub(crate) groups: Groups,
    pub(crate) worker: Worker,
}

/// Remembers which notifications were handed over.
#[derive(Debug, Default)]
pub(crate) struct Told {
    keys: Mutex<BTreeSet<String>>,
    faults: Arc<Faults>,
}

impl Told {
    /// Returns how many different notifications of a topic there were.
    pub(crate) fn count(&self, topic: &str) -> usize {
        let told = self.keys.lock().expect("unpoisoned");
        told.iter().filter(|key| key.ends_with(topic)).count()
    }
}

#[async_trait]
impl Notifier for Told {
    async fn notify(&self, notification: &Notification) -> Result<(), Error> {
        let key = notification.key.clone();
        let call = async { self.keys.lock().expect("unpoisoned").insert(key) };
        match self.faults.around(call).await {
            Ok(_) => Ok(()),
            Err(_) => Err(Error::new(
                ErrorKind::Unavailable,
                "no_signal",
                "nobody hears it",
            )),
        }
    }
}

impl World {
    pub(crate) fn new() -> Self {
        let faults = Arc::new(Faults::default());
        let start = "2026-11-21T18:00:00Z".parse().expect("a moment");
        let clock = Arc::new(ManualClock::at(start));
        Self {
            store: Arc::new(WatchedStore::new(faults.clone())),
            bank: Arc::new(Bank::new(faults.clone(), clock.clone())),
            told: Arc::new(Told {
                faults: faults.clone(),
                ..Told::default()
            }),
            clock,
            faults,
        }
    }

    pub(crate) fn process(&self) -> Process {
        self.process_on(self.store.clone())
    }

    /// Returns a process that sees the world's store through another one.
    pub(crate) fn process_on(&self, store: Arc<dyn Store>) -> Process {
        let entropy = Arc::new(SeededEntropy::new(1));
        let engine = Engine::new(store, self.clock.clone(), entropy);
        let offers = Offers::new(&engine);
        let groups = Groups::new(&engine, offers, self.bank.clone(), self.told.clone());
        let worker = Worker::new(&engine, WorkerOptions::default()).with(groups.handlers());
        Process {
            engine,
            groups,
            worker,
        }
    }

    /// Returns whether any work is left for the next three days. (Later, closed reservations are
    /// forgotten.)
    pub(crate) async fn work_is_left(&self) -> bool {
        let kinds = [
            "group.plan",
            "group.steps",
            "group.expire",
            "group.notice",
            "offer.lapse",
        ];
        let mut left = !self.store.dead(None, 10).await.expect("lists").is_empty();
        let soon = self.clock.now().plus(Duration::from_secs(3 * 24 * 60 * 60));
        for kind in kinds {
            left |= self.due(kind, soon).await > 0;
        }
        left
    }

    /// Returns how much work of a kind is due now.
    pub(crate) async fn waiting(&self, kind: &str) -> usize {
        self.due(kind, self.clock.now()).await
    }

    /// Returns how much work of a kind is due at a time, and leaves it due from then on.
    async fn due(&self, kind: &str, now: Timestamp) -> usize {
        let query = DueQuery {
            slots: SlotSet::ALL,
            kind: kind.to_owned(),
            now,
            lease: Duration::ZERO,
            limit: 10_000,
        };
        self.store.due(&query).await.expect("asks").len()
    }
}

impl Process {
    /// Does due work, then lets time pass and does it again, for so many minutes.
    pub(crate) async fn pass(&self, world: &World, minutes: u32) {
        for _ in 0..minutes {
            // A store that is down is asked again a minute later.
            let _ = self.worker.drain().await;
            world.clock.advance(Duration::from_secs(60));
        }
        let _ = self.worker.drain().await;
    }

    pub(crate) async fn offer(&self, terms: Terms) -> OfferId {
        let key = "offer".parse().expect("a key");
        let merchant = user("merchant");
        let offer = self.groups.offers().create(&merchant, &terms, &key).await;
        offer.expect("a sound offer").id
    }

    pub(crate) async fn open(&self, name: &str, offer: OfferId) -> GroupView {
        let key = "open".parse().expect("a key");
        self.groups
            .open(&user(name), offer, &key)
            .await
            .expect("opens")
    }

    pub(crate) async fn join(
        &self,
        name: &str,
        group: GroupId,
    ) -> Result<GroupView, mp_share::GroupError> {
        let key = "join".parse().expect("a key");
        self.groups.join(&user(name), group, &key).await
    }

    pub(crate) async fn take_seat(
        &self,
        name: &str,
        group: GroupId,
    ) -> Result<MemberNumber, mp_share::GroupError> {
        let key = "join".parse().expect("a key");
        self.groups.take_seat(&user(name), group, &key).await
    }

    pub(crate) async fn leave(
        &self,
        name: &str,
        group: GroupId,
    ) -> Result<GroupView, mp_share::GroupError> {
        let key = "leave".parse().expect("a key");
        self.groups.leave(&user(name), group, &key).await
    }

    pub(crate) async fn member(&self, name: &str, group: GroupId) -> Option<MemberState> {
        let view = self.groups.status(&user(name), group).await.expect("reads");
        view.membership.map(|membership| membership.state)
    }

    /// Returns how many pieces are held and how many are sold.
    pub(crate) async fn stock(&self, offer: OfferId) -> (u32, u32) {
        let offer = self
            .groups
            .offers()
            .offer(&nobody(), offer)
            .await
            .expect("reads");
        let stock = offer.stock.quota(STOCK).expect("every offer has it");
        (stock.reserved, stock.confirmed)
    }
}

pub(crate) fn app() -> AppId {
    "market".parse().expect("an app id")
}

/// Returns the app's own caller, for whom nobody has signed in.
pub(crate) fn nobody() -> Caller {
    Caller::app(app())
}

pub(crate) fn user(name: &str) -> Caller {
    Caller::user(app(), name.parse().expect("a user id"))
}

/// The price for each member of a group.
pub(crate) const GROUP_PRICE: i64 = 900;

pub(crate) fn terms(group_size: u32) -> Terms {
    Terms {
        title: "Dumplings".parse().expect("a label"),
        price: Money::new(1_200, Currency::EUR),
        group_price: Money::new(GROUP_PRICE, Currency::EUR),
        group_size,
        seat_hold: Duration::from_secs(600),
        group_duration: Duration::from_secs(3_600),
        pieces: 30,
        each_max: None,
    }
}

/// Moves the clock past the deadline of every group that is open now.
pub(crate) fn pass_deadline(world: &World) {
    world.clock.advance(Duration::from_secs(3_601));
}
