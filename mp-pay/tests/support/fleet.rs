//! Two providers behind one service, and the rules by which payments go to them.

use std::sync::{Arc, atomic::AtomicBool};

use async_trait::async_trait;
use mp_core::{
    amount::Money,
    clock::ManualClock,
    id::Name,
    store::{MemoryStore, Store},
};
use mp_pay::{
    Payments, SandboxBackend,
    backend::{
        BackendError, Capabilities, CaptureRequest, ChargeRequest, Charged, DeclineCode, Lookup,
        LookupRequest, Outcome, PaymentBackend, sandbox::Movement,
    },
    operation::OperationKey,
    routing::{Backends, Routing, RoutingRule, RoutingRules},
};

use super::{
    World, app, clock, engine,
    faulty::{Doom, FaultyBackend, FaultyStore},
    process::{Process, Strike},
};

/// What has moved at two providers, if nothing has.
pub(crate) const NOTHING: [Vec<i64>; 2] = [Vec::new(), Vec::new()];

/// What outlives a process: the clock, the store and both providers.
pub(crate) struct Fleet {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) acme: SandboxBackend,
    pub(crate) birch: SandboxBackend,
    pub(crate) rules: RoutingRules,
}

pub(crate) fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

/// Everything goes to `acme` first, and a decline as `processing_error` or by a person's word on to
/// `birch`.
pub(crate) fn rules() -> RoutingRules {
    let code = |text: &str| DeclineCode::new(text).expect("a code");
    let codes = ["processing_error", "never_came"].map(code);
    let rule = RoutingRule::to(["acme", "birch"].map(name)).falling_over_on(codes);
    RoutingRules::new([rule]).expect("rules")
}

impl Fleet {
    pub(crate) fn new(acme: Capabilities, birch: Capabilities) -> Self {
        Self::on(Arc::new(MemoryStore::new()), acme, birch)
    }

    pub(crate) fn on(store: Arc<dyn Store>, acme: Capabilities, birch: Capabilities) -> Self {
        let clock = clock();
        let provider = |account: &str, can| {
            let books = engine(Arc::new(MemoryStore::new()), &clock);
            SandboxBackend::on(&books, &name(account)).with_capabilities(can)
        };
        Self {
            acme: provider("acme", acme),
            birch: provider("birch", birch),
            clock: clock.clone(),
            store,
            rules: rules(),
        }
    }

    /// Returns both providers by their names.
    pub(crate) fn backends(&self) -> Backends {
        let (acme, birch) = (self.acme.clone(), self.birch.clone());
        Backends::new(name("acme"), Arc::new(acme)).with(name("birch"), Arc::new(birch))
    }

    /// Starts a process of which nothing fails.
    pub(crate) fn world(&self) -> World {
        self.world_with(self.backends())
    }

    pub(crate) fn world_with(&self, backends: Backends) -> World {
        let routing = Routing::new(backends, self.rules.clone()).expect("fits");
        self.world_on(self.store.clone(), routing)
    }

    pub(crate) fn world_on(&self, store: Arc<dyn Store>, routing: Routing) -> World {
        let (clock, acme) = (self.clock.clone(), self.acme.clone());
        let mut world = World::on(store, clock, acme.clone(), Arc::new(acme));
        world.payments = Payments::routed(&world.engine, routing);
        world
    }

    /// Starts a process that is struck at one of its writes, or at one of its calls to either.
    pub(crate) fn start(&self, strike: Strike) -> Process {
        let dead = Arc::new(AtomicBool::new(false));
        let doom = Doom::at(strike.write, strike.fault, &dead);
        let store = Arc::new(FaultyStore::new(self.store.clone(), doom));
        let doom = Doom::at(strike.call, strike.fault, &dead);
        let faulty = |sandbox: &SandboxBackend| {
            Arc::new(FaultyBackend::new(Arc::new(sandbox.clone()), doom.clone()))
        };
        let (acme, birch) = (faulty(&self.acme), faulty(&self.birch));
        let backends = Backends::new(name("acme"), acme.clone()).with(name("birch"), birch);
        let routing = Routing::new(backends, self.rules.clone()).expect("fits");
        Process {
            world: self.world_on(store.clone(), routing),
            store,
            backend: acme,
        }
    }

    /// Starts a process whose first backend declines every charge, and carries it out.
    pub(crate) fn with_a_liar(&self) -> World {
        let liar = object(Liar(self.acme.clone()));
        let birch = object(self.birch.clone());
        self.world_with(Backends::new(name("acme"), liar).with(name("birch"), birch))
    }

    /// Returns what has moved at both, in the order of the operations' keys.
    pub(crate) async fn movements(&self) -> Vec<Movement> {
        let mut movements = self.acme.movements(&app()).await.expect("reads");
        movements.extend(self.birch.movements(&app()).await.expect("reads"));
        movements.sort_by_key(|movement| movement.operation);
        movements
    }

    /// Returns what has moved at each, in cents.
    pub(crate) async fn moved(&self) -> [Vec<i64>; 2] {
        let cents = |moved: Vec<Movement>| moved.iter().map(|it| it.amount.minor()).collect();
        let acme = self.acme.movements(&app()).await.expect("reads");
        let birch = self.birch.movements(&app()).await.expect("reads");
        [cents(acme), cents(birch)]
    }

    /// Returns the provider of a name.
    pub(crate) fn provider(&self, name: Option<&Name>) -> &SandboxBackend {
        match name.map(Name::as_str) {
            Some("birch") => &self.birch,
            _ => &self.acme,
        }
    }
}

/// Returns a backend as an object.
pub(crate) fn object(backend: impl PaymentBackend) -> Arc<dyn PaymentBackend> {
    Arc::new(backend)
}

/// Declines every charge, and carries it out.
#[derive(Debug)]
struct Liar<B>(B);

#[async_trait]
impl<B: PaymentBackend> PaymentBackend for Liar<B> {
    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    async fn charge(&self, request: &ChargeRequest) -> Result<Outcome, BackendError> {
        self.0.charge(request).await?;
        let code = DeclineCode::new("processing_error").expect("a code");
        Ok(Outcome::declined(code))
    }

    async fn capture(&self, request: &CaptureRequest) -> Result<Outcome, BackendError> {
        self.0.capture(request).await
    }

    async fn void(&self, key: &OperationKey, charge: &Charged) -> Result<Outcome, BackendError> {
        self.0.void(key, charge).await
    }

    async fn refund(
        &self,
        key: &OperationKey,
        charge: &Charged,
        amount: Money,
    ) -> Result<Outcome, BackendError> {
        self.0.refund(key, charge, amount).await
    }

    async fn lookup(&self, request: &LookupRequest) -> Result<Lookup, BackendError> {
        self.0.lookup(request).await
    }
}
