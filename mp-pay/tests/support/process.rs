//! Processes that are struck, and what outlives them.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use mp_core::{
    clock::ManualClock,
    store::{MemoryStore, Store},
};
use mp_pay::{
    PayError, PaymentIntent, PaymentsOptions, SandboxBackend,
    backend::{Capabilities, DeclineCode, Lookup, LookupRequest, Outcome, PaymentBackend, Queries},
    operation::{OperationKey, Stage},
    payments::{LateSuccess, Notice, Unresolved},
};

use super::{
    World, app, clock, engine, eur,
    faulty::{Doom, Fault, FaultyBackend, FaultyStore},
    idem, staff,
    webhooks::Webhooks,
};

/// What outlives a process: the clock, the store and the provider.
pub(crate) struct Outside {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) sandbox: SandboxBackend,
    /// What the provider says that it can do.
    pub(crate) declared: Capabilities,
    /// What becomes of money that comes late.
    pub(crate) late: LateSuccess,
    pub(crate) webhooks: Webhooks,
}

/// Where a process is struck: at which write, at which call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Strike {
    pub(crate) write: u32,
    pub(crate) call: u32,
    pub(crate) fault: Fault,
}

pub(crate) const UNHARMED: Strike = Strike {
    write: 0,
    call: 0,
    fault: Fault::LostBefore,
};

pub(crate) struct Process {
    pub(crate) world: World,
    pub(crate) store: Arc<FaultyStore>,
    pub(crate) backend: Arc<FaultyBackend>,
}

impl Outside {
    pub(crate) fn new(can: Capabilities) -> Self {
        let clock = clock();
        let provider = engine(Arc::new(MemoryStore::new()), &clock);
        let account = "acme".parse().expect("a name");
        Self {
            sandbox: SandboxBackend::on(&provider, &account).with_capabilities(can),
            store: Arc::new(MemoryStore::new()),
            clock,
            declared: can,
            late: LateSuccess::Return,
            webhooks: Webhooks::default(),
        }
    }

    pub(crate) fn start(&self, strike: Strike) -> Process {
        let dead = Arc::new(AtomicBool::new(false));
        let doom = Doom::at(strike.write, strike.fault, &dead);
        let store = Arc::new(FaultyStore::new(self.store.clone(), doom));
        let doom = Doom::at(strike.call, strike.fault, &dead);
        let backend = FaultyBackend::new(Arc::new(self.sandbox.clone()), doom);
        let backend = backend
            .declaring(self.declared)
            .telling(self.webhooks.clone());
        let backend = Arc::new(backend);
        let (clock, sandbox) = (self.clock.clone(), self.sandbox.clone());
        let mut world = World::on(store.clone(), clock, sandbox, backend.clone());
        let options = PaymentsOptions::default().with_late_success(self.late);
        world.payments = world.payments.with_options(options);
        self.webhooks.to(&world.payments);
        Process {
            world,
            store,
            backend,
        }
    }
}

impl Process {
    /// Works through what is due, for long enough that every pause is over.
    pub(crate) async fn recover(&self) {
        let worker = self.world.worker();
        for _ in 0..4 {
            self.world.clock.advance(Duration::from_secs(61));
            // A process that dies of it is started again by the caller.
            let _ = worker.drain().await;
        }
    }
}

pub(crate) fn resolvable(can: Capabilities) -> bool {
    can.queries == Queries::ByKey || can.replays_keys.is_some()
}

/// Checks what must hold after any crash once the worker has done its work.
pub(crate) async fn audit(process: &Process, can: Capabilities, case: &str) {
    let world = &process.world;
    let mut moved: BTreeMap<OperationKey, Vec<i64>> = BTreeMap::new();
    for movement in world.movements().await {
        let amounts = moved.entry(movement.operation).or_default();
        amounts.push(movement.amount.minor());
    }
    for (operation, amounts) in &moved {
        // What was given back may come back; that is the provider's doing, and told of.
        let came_back = matches!(amounts[..], [out, back] if out < 0 && out + back == 0);
        let once = amounts.len() == 1 || came_back;
        assert!(once, "{case}: {operation} moved {amounts:?}");
    }
    let listed = world.payments.unresolved(&staff(), None, 100).await;
    let listed = listed.expect("lists");
    let conflicts = listed.iter().all(|waiting| waiting.told.is_some());
    assert!(conflicts || !resolvable(can), "{case}: {listed:?}");
    let dead = world.store.dead(None, 100).await.expect("lists");
    assert_eq!(dead.len(), listed.len(), "{case}");
    for waiting in &listed {
        resolve(world, waiting).await;
    }
    // What was never given back is owed still, and is listed again.
    process.recover().await;
    let owed = world.payments.unresolved(&staff(), None, 100).await;
    for waiting in &owed.expect("lists") {
        assert_eq!(waiting.stage, Stage::Declined, "{case}: {waiting:?}");
        resolve(world, waiting).await;
    }
    process.recover().await;
    assert_eq!(world.unresolved().await, 0, "{case}");
}

/// Does what a person would: looks the operation up in the provider's books.
pub(crate) async fn resolve(world: &World, waiting: &Unresolved) {
    let resolved = try_to_resolve(world, waiting).await;
    resolved.expect("resolves");
}

/// Does the same where the process may die of it. A word on what is known to be declined is another one.
pub(crate) async fn try_to_resolve(
    world: &World,
    waiting: &Unresolved,
) -> Result<PaymentIntent, PayError> {
    let operation = waiting.operation;
    let outcome = found_in(&world.sandbox, operation).await;
    let notice = Notice { operation, outcome };
    let key = match waiting.stage {
        Stage::Declined => idem(&format!("again-{operation}")),
        _ => idem(&format!("resolve-{operation}")),
    };
    world.payments.resolve(&staff(), notice, &key).await
}

/// Returns what a provider's books say of an operation.
pub(crate) async fn found_in(books: &SandboxBackend, operation: OperationKey) -> Outcome {
    let queries = Capabilities::neither().with_queries();
    let asked = books.clone().with_capabilities(queries);
    let found = asked
        .lookup(&LookupRequest::of(app(), operation))
        .await
        .expect("looks");
    let movements = books.movements(&app()).await.expect("reads");
    let moved = movements.iter().find(|it| it.operation == operation);
    match (found, moved) {
        // The books are right where the provider has told another amount.
        (Lookup::Found(outcome @ Outcome::Settled { .. }), Some(moved)) => {
            outcome.with_amount(eur(moved.amount.minor().abs()))
        }
        (Lookup::Found(outcome), _) => outcome,
        _ => Outcome::Declined {
            code: DeclineCode::new("never_came").expect("a code"),
        },
    }
}

/// Returns every strike at one of so many writes and calls.
pub(crate) fn strikes(writes: u32, calls: u32, faults: &[Fault]) -> Vec<Strike> {
    let at = |write, call| {
        let strike = move |fault: &Fault| Strike {
            write,
            call,
            fault: *fault,
        };
        faults.iter().map(strike)
    };
    (1..=writes)
        .flat_map(|write| at(write, 0))
        .chain((1..=calls).flat_map(|call| at(0, call)))
        .collect()
}
