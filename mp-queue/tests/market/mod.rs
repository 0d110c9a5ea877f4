//! A market with one queue, its staff and its visitors.

#![allow(dead_code, reason = "each test file uses its part of the market")]

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use mp_core::{
    Caller, Engine, Error, Scope,
    clock::{ManualClock, Timestamp},
    entropy::SeededEntropy,
    id::IdempotencyKey,
    port::{Notification, Notifier},
    store::{MemoryStore, Store},
    work::{Worker, WorkerOptions},
};
use mp_queue::{
    CallFrom, Joined, LaneSetup, LineId, LineSetup, Position, QueueError, QueueOptions, Queues,
    Ticket, TicketId, line::Line,
};

/// How long a called person has to come, in these tests.
pub(crate) const GRACE: Duration = Duration::from_secs(180);

pub(crate) struct Market {
    pub(crate) queues: Queues,
    pub(crate) engine: Engine,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) phones: Arc<Phones>,
    pub(crate) line: LineId,
    keys: AtomicU64,
}

/// What people were told; a key twice is told once, as the port asks.
#[derive(Debug, Default)]
pub(crate) struct Phones(Mutex<Vec<Notification>>);

impl Phones {
    pub(crate) fn told(&self) -> Vec<Notification> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Returns who was told what, as `user topic`.
    pub(crate) fn heard(&self) -> Vec<String> {
        let short =
            |notification: &Notification| format!("{} {}", notification.user, notification.topic);
        self.told().iter().map(short).collect()
    }
}

#[async_trait]
impl Notifier for Phones {
    async fn notify(&self, notification: &Notification) -> Result<(), Error> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.iter().all(|earlier| earlier.key != notification.key) {
            told.push(notification.clone());
        }
        Ok(())
    }
}

impl Market {
    /// Opens a market on a store of its own, with lanes A for parties to 2 and B for 3 to 8.
    pub(crate) async fn open() -> Self {
        Self::open_with(setup()).await
    }

    pub(crate) async fn open_with(setup: LineSetup) -> Self {
        let market = Self::on(Arc::new(MemoryStore::new()));
        let opened = market
            .queues
            .open_line(&staff(), &market.line, setup, &market.key())
            .await;
        opened.expect("opens");
        market
    }

    /// Sets a market up on a store, without opening its line.
    pub(crate) fn on(store: Arc<dyn Store>) -> Self {
        let start = Timestamp::from_micros(1_795_000_000_000_000);
        let clock = Arc::new(ManualClock::at(start));
        let engine = Engine::new(store, clock.clone(), Arc::new(SeededEntropy::new(7)));
        Self {
            queues: Queues::new(&engine, &QueueOptions::default()),
            engine,
            clock,
            phones: Arc::default(),
            line: line_id(),
            keys: AtomicU64::new(0),
        }
    }

    pub(crate) fn key(&self) -> IdempotencyKey {
        let nth = self.keys.fetch_add(1, Ordering::SeqCst);
        format!("key-{nth}").parse().expect("a key")
    }

    pub(crate) async fn join(&self, name: &str, party: u32) -> Result<Joined, QueueError> {
        let key = self.key();
        let joined = self.queues.join(&user(name), &self.line, party, &key).await;
        joined.map(|committed| committed.answer)
    }

    pub(crate) async fn call(&self) -> Result<Ticket, QueueError> {
        self.call_from(CallFrom::LongestWaiting).await
    }

    pub(crate) async fn call_from(&self, from: CallFrom) -> Result<Ticket, QueueError> {
        let key = self.key();
        let called = self
            .queues
            .call_next(&staff(), &self.line, from, &key)
            .await;
        called.map(|committed| committed.answer)
    }

    pub(crate) async fn serve(&self, ticket: TicketId) -> Result<Ticket, QueueError> {
        let served = self.queues.serve(&staff(), &self.line, ticket).await;
        served.map(|committed| committed.answer)
    }

    pub(crate) async fn no_show(&self, ticket: TicketId) -> Result<Ticket, QueueError> {
        let key = self.key();
        let noted = self
            .queues
            .no_show(&staff(), &self.line, ticket, &key)
            .await;
        noted.map(|committed| committed.answer)
    }

    pub(crate) async fn leave(&self, ticket: TicketId) -> Result<Ticket, QueueError> {
        let left = self.queues.leave(&staff(), &self.line, ticket).await;
        left.map(|committed| committed.answer)
    }

    pub(crate) async fn recall(&self, ticket: TicketId) -> Result<Ticket, QueueError> {
        let key = self.key();
        let recalled = self.queues.recall(&staff(), &self.line, ticket, &key).await;
        recalled.map(|committed| committed.answer)
    }

    pub(crate) async fn requeue(&self, ticket: TicketId) -> Result<Ticket, QueueError> {
        let key = self.key();
        let requeued = self
            .queues
            .requeue(&staff(), &self.line, ticket, &key)
            .await;
        requeued.map(|committed| committed.answer)
    }

    pub(crate) async fn ticket(&self, ticket: TicketId) -> Ticket {
        let found = self.queues.ticket(&staff(), &self.line, ticket).await;
        found.expect("the ticket is there")
    }

    pub(crate) async fn position(&self, ticket: TicketId) -> Position {
        let position = self
            .queues
            .position(&staff(), &self.line, ticket, Duration::ZERO)
            .await;
        position.expect("the ticket is there")
    }

    pub(crate) async fn ahead(&self, ticket: TicketId) -> u32 {
        self.position(ticket).await.ahead
    }

    pub(crate) async fn board(&self) -> Line {
        let line = self.queues.line(&staff(), &self.line).await;
        line.expect("the line is open")
    }

    /// Does all work that is due, and returns how much there was.
    pub(crate) async fn work(&self) -> u64 {
        let handlers = self.queues.handlers(self.phones.clone());
        let worker = Worker::new(&self.engine, WorkerOptions::default()).with(handlers);
        let handled = worker.drain().await.expect("works");
        assert_eq!(worker.dead(9).await.expect("lists"), []);
        handled
    }
}

pub(crate) fn setup() -> LineSetup {
    let lane = |letter: &str, min, max| {
        let letter = letter.parse().expect("a letter");
        LaneSetup::new(letter, min, max).with_interval(Duration::from_secs(60))
    };
    LineSetup::new(vec![lane("A", 1, 2), lane("B", 3, 8)])
}

pub(crate) fn line_id() -> LineId {
    LineId::new(
        "noodles".parse().expect("a name"),
        "2026-11-21".parse().expect("a day"),
    )
}

pub(crate) fn staff() -> Caller {
    user("chef").with_scope(Scope::STAFF)
}

pub(crate) fn user(name: &str) -> Caller {
    Caller::user(
        "market".parse().expect("an app"),
        name.parse().expect("a user"),
    )
}
