//! A small world for tests: a store, a clock, a provider that remembers, and callers.

#![allow(dead_code, reason = "each test file uses some of it")]

pub(crate) mod faulty;
pub(crate) mod fleet;
pub(crate) mod looks_up;
pub(crate) mod process;
pub(crate) mod webhooks;

use std::{sync::Arc, time::Duration};

use mp_core::{
    Caller, Engine, Scope,
    amount::{Currency, Money},
    clock::{ManualClock, Timestamp},
    entropy::SeededEntropy,
    id::{AppId, IdempotencyKey},
    store::{MemoryStore, Store},
    work::{Worker, WorkerOptions},
};
use mp_pay::{
    IntentId, PaymentIntent, Payments, SandboxBackend,
    backend::{Capabilities, PaymentBackend, sandbox::Movement},
    method::PaymentMethodToken,
    payments::{ConfirmIntent, CreateIntent},
};

pub(crate) struct World {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) sandbox: SandboxBackend,
    pub(crate) payments: Payments,
    pub(crate) engine: Engine,
}

/// The classes of backends: by what gets out of an unknown outcome.
pub(crate) const CLASSES: [Capabilities; 4] = [
    Capabilities::neither().with_replay(Duration::from_secs(24 * 60 * 60)),
    Capabilities::neither().with_queries(),
    Capabilities::neither(),
    Capabilities::neither()
        .with_replay(Duration::from_secs(24 * 60 * 60))
        .with_queries_by_reference(),
];

impl World {
    pub(crate) fn new(can: Capabilities) -> Self {
        let clock = clock();
        // The provider's books stand in a store of the provider's.
        let provider = engine(Arc::new(MemoryStore::new()), &clock);
        let account = "acme".parse().expect("a name");
        let sandbox = SandboxBackend::on(&provider, &account).with_capabilities(can);
        Self::on(
            Arc::new(MemoryStore::new()),
            clock,
            sandbox.clone(),
            Arc::new(sandbox),
        )
    }

    pub(crate) fn on(
        store: Arc<dyn Store>,
        clock: Arc<ManualClock>,
        sandbox: SandboxBackend,
        backend: Arc<dyn PaymentBackend>,
    ) -> Self {
        let engine = engine(store.clone(), &clock);
        let payments = Payments::new(&engine, backend);
        Self {
            clock,
            store,
            sandbox,
            payments,
            engine,
        }
    }

    /// Starts a second process on the same store and provider.
    pub(crate) fn another(&self) -> Self {
        let (store, clock) = (self.store.clone(), self.clock.clone());
        Self::on(
            store,
            clock,
            self.sandbox.clone(),
            Arc::new(self.sandbox.clone()),
        )
    }

    pub(crate) fn worker(&self) -> Worker {
        Worker::new(&self.engine, WorkerOptions::default()).with(self.payments.handlers())
    }

    /// Lets time pass, and a worker work, until nothing but a person's or payer's work is left.
    pub(crate) async fn let_time_pass(&self, times: u32) {
        let worker = self.worker();
        for _ in 0..times {
            self.clock.advance(Duration::from_secs(61));
            worker.drain().await.expect("works");
        }
    }

    pub(crate) async fn create(&self, token: &str, manual: bool, key: &str) -> PaymentIntent {
        let mut request = CreateIntent::of(eur(100)).with_payment_method(method(token));
        if manual {
            request = request.with_manual_capture();
        }
        let created = self
            .payments
            .create_intent(&mei(), request, &idem(key))
            .await;
        created.expect("creates")
    }

    pub(crate) async fn confirm(&self, intent: IntentId, key: &str) -> PaymentIntent {
        let request = ConfirmIntent::of(intent);
        let confirmed = self.payments.confirm(&mei(), request, &idem(key)).await;
        confirmed.expect("confirms")
    }

    /// Creates and confirms an intent over one euro.
    pub(crate) async fn pay(&self, token: &str, manual: bool) -> PaymentIntent {
        let intent = self.create(token, manual, "create").await;
        self.confirm(intent.id, "confirm").await
    }

    pub(crate) async fn intent(&self, id: IntentId) -> PaymentIntent {
        self.payments.intent(&staff(), id).await.expect("reads")
    }

    pub(crate) async fn movements(&self) -> Vec<Movement> {
        self.sandbox.movements(&app()).await.expect("reads")
    }

    /// Returns what has moved, in cents, in the order of the operations' keys.
    pub(crate) async fn moved(&self) -> Vec<i64> {
        let movements = self.movements().await;
        movements.iter().map(|moved| moved.amount.minor()).collect()
    }

    pub(crate) async fn unresolved(&self) -> usize {
        let listed = self.payments.unresolved(&staff(), None, 100).await;
        listed.expect("lists").len()
    }
}

pub(crate) fn clock() -> Arc<ManualClock> {
    let start = Timestamp::from_micros(1_800_000_000_000_000);
    Arc::new(ManualClock::at(start))
}

pub(crate) fn engine(store: Arc<dyn Store>, clock: &Arc<ManualClock>) -> Engine {
    Engine::new(store, clock.clone(), Arc::new(SeededEntropy::new(1)))
}

pub(crate) fn app() -> AppId {
    "market".parse().expect("an app")
}

pub(crate) fn mei() -> Caller {
    Caller::user(app(), "mei".parse().expect("a user"))
}

pub(crate) fn staff() -> Caller {
    Caller::app(app()).with_scope(Scope::STAFF)
}

pub(crate) fn idem(key: &str) -> IdempotencyKey {
    key.parse().expect("a key")
}

pub(crate) fn method(token: &str) -> PaymentMethodToken {
    PaymentMethodToken::new(token).expect("a token")
}

pub(crate) const fn eur(cents: i64) -> Money {
    Money::new(cents, Currency::EUR)
}
