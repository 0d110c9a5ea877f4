//! Every crash and every lost answer of a payment's life, enumerated: each store write and each
//! call to the backend, in every class of backend, and a second crash during the recovery.

mod support;

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use mp_core::{
    ErrorKind,
    clock::ManualClock,
    store::{MemoryStore, Store},
};
use mp_pay::{
    IntentId, PayError, SandboxBackend,
    backend::{Capabilities, DeclineCode, Lookup, Outcome, PaymentBackend},
    operation::OperationKey,
    payments::{CaptureIntent, ConfirmIntent, CreateIntent, Notice, RefundIntent},
};

use self::support::{
    CLASSES, World, app, clock, engine, eur,
    faulty::{Doom, FAULTS, Fault, FaultyBackend, FaultyStore},
    idem, mei, method, staff,
};

/// What outlives a process: the clock, the store and the provider.
struct Outside {
    clock: Arc<ManualClock>,
    store: Arc<dyn Store>,
    sandbox: SandboxBackend,
    /// What the provider says that it can do.
    declared: Capabilities,
}

/// Where a process is struck: at which write, at which call.
#[derive(Clone, Copy, Debug)]
struct Strike {
    write: u32,
    call: u32,
    fault: Fault,
}

const UNHARMED: Strike = Strike {
    write: 0,
    call: 0,
    fault: Fault::LostBefore,
};

struct Process {
    world: World,
    store: Arc<FaultyStore>,
    backend: Arc<FaultyBackend>,
}

impl Outside {
    fn new(can: Capabilities) -> Self {
        let clock = clock();
        let provider = engine(Arc::new(MemoryStore::new()), &clock);
        let account = "acme".parse().expect("a name");
        Self {
            sandbox: SandboxBackend::on(&provider, account).with_capabilities(can),
            store: Arc::new(MemoryStore::new()),
            clock,
            declared: can,
        }
    }

    fn start(&self, strike: Strike) -> Process {
        let dead = Arc::new(AtomicBool::new(false));
        let doom = Doom::at(strike.write, strike.fault, &dead);
        let store = Arc::new(FaultyStore::new(self.store.clone(), doom));
        let doom = Doom::at(strike.call, strike.fault, &dead);
        let backend = FaultyBackend::new(Arc::new(self.sandbox.clone()), doom);
        let backend = Arc::new(backend.declaring(self.declared));
        let (clock, sandbox) = (self.clock.clone(), self.sandbox.clone());
        Process {
            world: World::on(store.clone(), clock, sandbox, backend.clone()),
            store,
            backend,
        }
    }
}

impl Process {
    /// Lives a payment's life as a client does that asks again after a lost answer.
    async fn live(&self) -> Result<IntentId, PayError> {
        let (payments, staff) = (&self.world.payments, staff());
        let create = CreateIntent::of(eur(100))
            .with_payment_method(method("pm_ok"))
            .with_manual_capture();
        let intent = again!(payments.create_intent(&mei(), create.clone(), &idem("create")))?;
        let confirm = ConfirmIntent::of(intent.id);
        again!(payments.confirm(&mei(), confirm.clone(), &idem("confirm")))?;
        let capture = CaptureIntent::of(intent.id).with_amount(eur(80));
        again!(payments.capture(&staff, capture.clone(), &idem("capture")))?;
        let refund = RefundIntent::of(intent.id).with_amount(eur(30));
        again!(payments.refund(&staff, refund.clone(), &idem("refund")))?;
        Ok(intent.id)
    }

    /// Works through what is due, for long enough that every pause is over.
    async fn recover(&self) {
        let worker = self.world.worker();
        for _ in 0..4 {
            self.world.clock.advance(Duration::from_secs(61));
            // A process that dies of it is started again by the caller.
            let _ = worker.drain().await;
        }
    }
}

/// Asks up to three times while the outcome is not known.
#[macro_export]
macro_rules! again {
    ($call:expr) => {{
        let mut answer = $call.await;
        for _ in 0..2 {
            match &answer {
                Err(error) if is_unknown(error) => answer = $call.await,
                _ => break,
            }
        }
        answer
    }};
}

fn is_unknown(error: &PayError) -> bool {
    mp_core::Error::from(error.clone()).kind() == ErrorKind::Unknown
}

fn resolvable(can: Capabilities) -> bool {
    can.answers_queries || can.replays_keys.is_some()
}

/// Checks what must hold after any crash once the worker has done its work.
async fn audit(process: &Process, can: Capabilities, case: &str) {
    let world = &process.world;
    let mut moved: BTreeMap<OperationKey, Vec<i64>> = BTreeMap::new();
    for movement in world.movements().await {
        let amounts = moved.entry(movement.operation).or_default();
        amounts.push(movement.amount.minor());
    }
    for (operation, amounts) in &moved {
        assert_eq!(amounts.len(), 1, "{case}: {operation} moved {amounts:?}");
    }
    let listed = world.payments.unresolved(&staff(), None, 100).await;
    let listed = listed.expect("lists");
    assert!(listed.is_empty() || !resolvable(can), "{case}: {listed:?}");
    let dead = world.store.dead(None, 100).await.expect("lists");
    assert_eq!(dead.len(), listed.len(), "{case}");
    for waiting in &listed {
        resolve(world, waiting.operation).await;
    }
    let left = world.unresolved().await;
    assert_eq!(left, 0, "{case}");
}

/// Does what a person would: looks the operation up in the provider's books.
async fn resolve(world: &World, operation: OperationKey) {
    let queries = Capabilities::neither().with_queries();
    let books = world.sandbox.clone().with_capabilities(queries);
    let found = books.lookup(&app(), &operation).await.expect("looks");
    let outcome = match found {
        Lookup::Found(outcome) => outcome,
        _ => Outcome::Declined {
            code: DeclineCode::new("never_came").expect("a code"),
        },
    };
    let notice = Notice { operation, outcome };
    world
        .payments
        .resolve(&staff(), notice)
        .await
        .expect("resolves");
}

/// Checks that the books of the provider and the intent agree.
async fn reconcile(process: &Process, id: IntentId, case: &str) {
    let intent = process.world.intent(id).await;
    let taken: i64 = process.world.moved().await.iter().sum();
    let kept = intent.amount_received.minor() - intent.amount_refunded.minor();
    assert_eq!(taken, kept, "{case}: {intent:?}");
    assert!(intent.amount_reserved_for_refund.is_zero(), "{case}");
}

/// Lives, is struck, is struck again while recovering, recovers, and lives on.
async fn run(can: Capabilities, first: Strike, second: Strike) -> (u32, u32) {
    run_in(Outside::new(can), first, second).await
}

async fn run_in(outside: Outside, first: Strike, second: Strike) -> (u32, u32) {
    let can = outside.declared;
    let case = format!("{can:?} {first:?} then {second:?}");
    let process = outside.start(first);
    let _ = process.live().await;
    let struck = outside.start(second);
    struck.recover().await;
    let last = outside.start(UNHARMED);
    last.recover().await;
    audit(&last, can, &case).await;
    // The client asks once more for everything, under the same keys.
    let lived = last.live().await;
    if resolvable(can) {
        let id = lived.unwrap_or_else(|error| panic!("{case}: {error}"));
        assert_eq!(last.world.moved().await, [80, -30], "{case}");
        reconcile(&last, id, &case).await;
    } else {
        last.recover().await;
        audit(&last, can, &case).await;
        if let Ok(id) = lived {
            reconcile(&last, id, &case).await;
        }
    }
    let calls = (process.store.doom.calls(), process.backend.doom.calls());
    if second.write + second.call > 0 {
        return (struck.store.doom.calls(), struck.backend.doom.calls());
    }
    calls
}

/// Returns every strike at one of so many writes and calls.
fn strikes(writes: u32, calls: u32, faults: &[Fault]) -> Vec<Strike> {
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

#[tokio::test(start_paused = true)]
async fn any_crash_leaves_at_most_one_movement_and_a_known_or_listed_outcome() {
    let mut cases = 0;
    for can in CLASSES {
        let (writes, calls) = run(can, UNHARMED, UNHARMED).await;
        assert_eq!(
            (writes, calls),
            (10, 3),
            "one write too many, or a call too few"
        );
        // What a lost answer costs in further writes lies beyond the unharmed life.
        for strike in strikes(writes + 4, calls + 1, &FAULTS) {
            run(can, strike, UNHARMED).await;
            cases += 1;
        }
    }
    println!("{cases} single faults");
}

#[tokio::test(start_paused = true)]
async fn a_second_crash_during_the_recovery_changes_nothing_of_that() {
    let mut cases = 0;
    let dies = [Fault::DiesBefore, Fault::DiesAfter];
    for can in CLASSES {
        for first in strikes(10, 3, &dies) {
            for second in strikes(5, 2, &FAULTS) {
                run(can, first, second).await;
                cases += 1;
            }
        }
    }
    println!("{cases} double faults");
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "moved [-30, -30]")]
async fn a_provider_that_declares_more_than_it_can_do_is_found_out_by_this_test() {
    let outside = Outside {
        declared: CLASSES[0],
        ..Outside::new(Capabilities::neither())
    };
    let strike = Strike {
        write: 0,
        call: 3,
        fault: Fault::LostAfter,
    };
    run_in(outside, strike, UNHARMED).await;
}
