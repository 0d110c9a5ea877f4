//! A bank for payouts: a provider, the service, and what is asked of it.

#![allow(dead_code, reason = "each test file uses some of it")]

use std::{sync::Arc, time::Duration};

use mp_core::{
    Engine,
    clock::ManualClock,
    port::{Payout, PayoutRequest, Receiver},
    store::MemoryStore,
    work::{Worker, WorkerOptions},
};
use mp_pay::{
    SandboxBackend,
    backend::Capabilities,
    payout::{CreatePayout, FixedDestinations, PayoutBackend, PayoutId, Payouts},
};

use super::support::{app, clock, engine, eur};

pub(crate) const MEI: &str = "mei";

pub(crate) struct Bank {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) engine: Engine,
    pub(crate) sandbox: SandboxBackend,
    pub(crate) payouts: Payouts,
}

impl Bank {
    pub(crate) fn new(can: Capabilities) -> Self {
        let clock = clock();
        let sandbox = provider(&clock, can);
        let engine = engine(Arc::new(MemoryStore::new()), &clock);
        Self::on(&engine, &sandbox, &clock)
    }

    pub(crate) fn on(engine: &Engine, sandbox: &SandboxBackend, clock: &Arc<ManualClock>) -> Self {
        Self {
            clock: clock.clone(),
            engine: engine.clone(),
            sandbox: sandbox.clone(),
            payouts: payouts(engine, Arc::new(sandbox.clone())),
        }
    }

    /// Lets time pass, and a worker work.
    pub(crate) async fn let_time_pass(&self, times: u32) {
        let worker = Worker::new(&self.engine, WorkerOptions::default());
        let worker = worker.with(self.payouts.handlers());
        for _ in 0..times {
            self.clock.advance(Duration::from_secs(61));
            worker.drain().await.expect("works");
        }
    }

    /// Returns what has moved, in cents, the least first.
    pub(crate) async fn moved(&self) -> Vec<i64> {
        let moved = self.sandbox.payout_movements(&app()).await.expect("reads");
        let mut moved: Vec<i64> = moved.iter().map(|it| it.amount.minor()).collect();
        moved.sort_unstable();
        moved
    }

    pub(crate) async fn dead(&self) -> usize {
        let dead = self.engine.store().dead(None, 100).await;
        dead.expect("lists").len()
    }
}

/// Creates a provider whose books stand in a store of its own.
pub(crate) fn provider(clock: &Arc<ManualClock>, can: Capabilities) -> SandboxBackend {
    let provider = engine(Arc::new(MemoryStore::new()), clock);
    let account = "acme".parse().expect("a name");
    SandboxBackend::on(&provider, &account).with_capabilities(can)
}

pub(crate) fn payouts(engine: &Engine, backend: Arc<dyn PayoutBackend>) -> Payouts {
    let mei = MEI.parse().expect("a user");
    let account = "acct_mei".parse().expect("a destination");
    let accounts = FixedDestinations::default().with(mei, account);
    Payouts::new(engine, backend, Arc::new(accounts))
}

/// Asks for five euros for mei.
pub(crate) fn request(key: &str) -> PayoutRequest {
    let CreatePayout {
        key,
        receiver,
        amount,
        reason,
    } = create(key);
    PayoutRequest {
        key,
        app: app(),
        receiver,
        amount,
        reason,
    }
}

pub(crate) fn create(key: &str) -> CreatePayout {
    CreatePayout {
        key: key.parse().expect("a key"),
        receiver: Receiver::user(MEI.parse().expect("a user")),
        amount: eur(500),
        reason: "for bringing a friend".parse().expect("a label"),
    }
}

/// Asks for five euros for whoever is behind a destination.
pub(crate) fn to(key: &str, destination: &str) -> PayoutRequest {
    let destination = destination.parse().expect("a destination");
    let receiver = Receiver::destination(destination);
    PayoutRequest {
        receiver,
        ..request(key)
    }
}

pub(crate) fn id(key: &str) -> PayoutId {
    Payouts::id_of(&app(), &key.parse().expect("a key"))
}

/// The port that other capabilities call can be kept as an object.
pub(crate) fn as_port(payouts: &Payouts) -> Arc<dyn Payout> {
    Arc::new(payouts.clone())
}
