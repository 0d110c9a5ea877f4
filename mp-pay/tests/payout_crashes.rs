//! Every crash and every lost answer of a payout's life, enumerated: each store write and each call
//! to the backend, in every class of backend, and a second crash during the recovery.

mod payout;
mod support;

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use async_trait::async_trait;
use mp_core::{
    Engine, Error,
    clock::ManualClock,
    port::{PaidOut, Payout, PayoutRequest, PayoutStatus},
    store::{MemoryStore, Store},
    work::{Worker, WorkerOptions},
};
use mp_pay::{
    SandboxBackend,
    backend::{
        BackendError, BackendErrorKind, Capabilities, DeclineCode, Lookup, Outcome, Reference,
        sandbox::{Behaviour, PayoutMovement},
    },
    payout::{
        CancelPayout, PayoutBackend, PayoutCapabilities, PayoutId, PayoutInstruction,
        PayoutLookupRequest, PayoutNotice, PayoutOrder, Payouts, ResolvePayout,
    },
};

use self::{
    payout::{id, payouts, provider, request, to},
    support::{
        CLASSES, app, clock, engine, eur,
        faulty::{Doom, FAULTS, Fault, FaultyStore},
        idem,
        process::{Strike, UNHARMED, resolvable, strikes},
        staff,
    },
};

/// What a payout goes through.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Life {
    /// Asked for, and paid.
    Paid,
    /// Asked for by a JSON call of the staff, and paid.
    Created,
    /// Accepted first.
    PaidLater,
    /// Declined.
    Declined,
    /// Paid, and come back later, which the backend tells twice.
    Returned,
    /// Called off after the backend could not be reached.
    CalledOff,
    /// Paid by a backend that tells another amount; a person looks.
    Conflicted,
}

const LIVES: [Life; 7] = [
    Life::Paid,
    Life::Created,
    Life::PaidLater,
    Life::Declined,
    Life::Returned,
    Life::CalledOff,
    Life::Conflicted,
];

impl Life {
    fn request(self) -> PayoutRequest {
        match self {
            Self::PaidLater => to(KEY, "po_slow"),
            Self::Declined => to(KEY, "po_declined"),
            Self::Returned => to(KEY, "po_returned"),
            _ => request(KEY),
        }
    }

    /// Returns how it may end, once everything is known.
    fn ends(self, status: PayoutStatus) -> bool {
        let expected: &[PayoutStatus] = match self {
            Self::Declined => &[PayoutStatus::Declined],
            // Where the answer was lost, it may have come back before anybody heard that it went.
            Self::Returned => &[PayoutStatus::Returned, PayoutStatus::Declined],
            // Whichever came first.
            Self::CalledOff => &[PayoutStatus::Canceled, PayoutStatus::Paid],
            _ => &[PayoutStatus::Paid],
        };
        expected.contains(&status)
    }
}

const KEY: &str = "reward-17";

/// What outlives a process.
struct Outside {
    clock: Arc<ManualClock>,
    store: Arc<dyn Store>,
    sandbox: SandboxBackend,
    can: Capabilities,
    declared: Capabilities,
}

struct Process {
    outside: Arc<Outside>,
    engine: Engine,
    payouts: Payouts,
    store: Arc<FaultyStore>,
    backend: Arc<FaultyBank>,
}

impl Outside {
    fn new(can: Capabilities, declared: Capabilities) -> Arc<Self> {
        let clock = clock();
        Arc::new(Self {
            sandbox: provider(&clock, can),
            store: Arc::new(MemoryStore::new()),
            clock,
            can,
            declared,
        })
    }

    fn start(self: &Arc<Self>, strike: Strike) -> Process {
        let dead = Arc::new(AtomicBool::new(false));
        let doom = Doom::at(strike.write, strike.fault, &dead);
        let store = Arc::new(FaultyStore::new(self.store.clone(), doom));
        let doom = Doom::at(strike.call, strike.fault, &dead);
        let backend = Arc::new(FaultyBank {
            inner: self.sandbox.clone(),
            declared: self.sandbox.clone().with_capabilities(self.declared),
            doom,
        });
        let engine = engine(store.clone(), &self.clock);
        Process {
            outside: self.clone(),
            payouts: payouts(&engine, backend.clone()),
            engine,
            store,
            backend,
        }
    }
}

/// A payout backend whose calls can fail on the way.
#[derive(Debug)]
struct FaultyBank {
    inner: SandboxBackend,
    /// Says what it can do.
    declared: SandboxBackend,
    doom: Doom,
}

impl FaultyBank {
    async fn pass<T>(
        &self,
        call: impl Future<Output = Result<T, BackendError>> + Send,
    ) -> Result<T, BackendError> {
        let lost = || BackendError::new(BackendErrorKind::Unknown, "call", "the answer was lost");
        if self.doom.is_dead() {
            return Err(lost());
        }
        match self.doom.strike() {
            Some(Fault::DiesBefore | Fault::LostBefore) => Err(lost()),
            Some(Fault::HangsAfter) => {
                call.await?;
                std::future::pending().await
            }
            Some(_) => {
                call.await?;
                Err(lost())
            }
            None => call.await,
        }
    }
}

#[async_trait]
impl PayoutBackend for FaultyBank {
    fn payout_capabilities(&self) -> PayoutCapabilities {
        self.declared.payout_capabilities()
    }

    async fn pay_out(&self, instruction: &PayoutInstruction) -> Result<Outcome, BackendError> {
        self.pass(self.inner.pay_out(instruction)).await
    }

    async fn lookup_payout(&self, request: &PayoutLookupRequest) -> Result<Lookup, BackendError> {
        self.pass(self.inner.lookup_payout(request)).await
    }
}

impl Process {
    async fn recover(&self) {
        let worker = Worker::new(&self.engine, WorkerOptions::default());
        let worker = worker.with(self.payouts.handlers());
        for _ in 0..4 {
            self.outside.clock.advance(Duration::from_secs(61));
            // A process that dies of it is started again by the caller.
            let _ = worker.drain().await;
        }
    }

    /// Does what the host does, under the same keys each time; asks up to three times.
    async fn live(&self, life: Life) -> Result<(), Error> {
        for _ in 0..3 {
            match self.ask(life).await {
                Ok(PaidOut::Unknown) | Err(_) => {}
                Ok(_) => break,
            }
        }
        match life {
            Life::CalledOff => {
                let cancel = CancelPayout { payout: id(KEY) };
                let canceled = self.payouts.cancel(&staff(), cancel, &idem("cancel")).await;
                // It may have been sent already.
                let _ = canceled;
            }
            Life::Returned => self.tell().await?,
            _ => {}
        }
        Ok(())
    }

    async fn ask(&self, life: Life) -> Result<PaidOut, Error> {
        if life != Life::Created {
            return self.payouts.pay_out(&life.request()).await;
        }
        let (staff, key) = (staff(), idem("k"));
        let created = self.payouts.create(&staff, payout::create(KEY), &key);
        match created.await?.status {
            PayoutStatus::Paid => Ok(PaidOut::Paid),
            _ => Ok(PaidOut::Unknown),
        }
    }

    /// Tells as a webhook would that what was paid has come back, twice.
    async fn tell(&self) -> Result<(), Error> {
        self.outside.clock.advance(Duration::from_secs(61));
        let queries = Capabilities::neither().with_queries();
        let books = self.outside.sandbox.clone().with_capabilities(queries);
        let asked = PayoutLookupRequest::of(app(), id(KEY));
        let found = books.lookup_payout(&asked).await;
        let Ok(Lookup::Found(outcome)) = found else {
            return Ok(());
        };
        for _ in 0..2 {
            let (payout, outcome) = (id(KEY), outcome.clone());
            let notice = PayoutNotice { payout, outcome };
            self.payouts.observe(&staff(), notice).await?;
        }
        Ok(())
    }

    async fn movements(&self) -> Vec<PayoutMovement> {
        let movements = self.outside.sandbox.payout_movements(&app()).await;
        movements.expect("reads")
    }

    /// Checks what must hold after any crash once the worker has done its work.
    async fn audit(&self, life: Life, case: &str) {
        let mut moved: BTreeMap<PayoutId, Vec<i64>> = BTreeMap::new();
        for movement in self.movements().await {
            let amounts = moved.entry(movement.payout).or_default();
            amounts.push(movement.amount.minor());
        }
        for amounts in moved.values() {
            assert!(
                matches!(amounts[..], [500] | [500, -500]),
                "{case}: moved {amounts:?}"
            );
        }
        let listed = self.payouts.unresolved(&staff(), None, 100).await;
        let listed = listed.expect("lists");
        let for_person = life == Life::Conflicted || !resolvable(self.outside.can);
        assert!(listed.is_empty() || for_person, "{case}: {listed:?}");
        let dead = self.engine.store().dead(None, 100).await.expect("lists");
        assert_eq!(dead.len(), listed.len(), "{case}");
        for order in &listed {
            self.resolve(order).await;
        }
        let left = self.payouts.unresolved(&staff(), None, 100).await;
        assert!(left.expect("lists").is_empty(), "{case}");
    }

    /// Does what a person would: looks the payout up in the provider's books.
    async fn resolve(&self, order: &PayoutOrder) {
        let movements = self.movements().await;
        let paid = movements.iter().find(|it| it.payout == order.id);
        let reference = Reference::new("found").expect("a reference");
        let code = DeclineCode::new("never_came").expect("a code");
        let found = match paid {
            Some(paid) => {
                let mut found = ResolvePayout::settled(order.id, reference);
                found.amount = Some(paid.amount);
                found
            }
            None => ResolvePayout::declined(order.id, code),
        };
        let key = idem("resolve");
        let resolved = self.payouts.resolve(&staff(), found, &key).await;
        resolved.expect("resolves");
    }

    /// Checks that the order and the provider's books agree.
    async fn agree(&self, life: Life, case: &str) {
        let order = self.payouts.payout(&staff(), id(KEY)).await;
        let order = order.unwrap_or_else(|error| panic!("{case}: {error}"));
        let movements = self.movements().await;
        let moved: Vec<i64> = movements.iter().map(|it| it.amount.minor()).collect();
        let agrees = match order.status {
            PayoutStatus::Paid => moved == [500],
            PayoutStatus::Returned => moved == [500, -500],
            PayoutStatus::Declined => moved.iter().sum::<i64>() == 0,
            PayoutStatus::Canceled => moved.is_empty(),
            _ => false,
        };
        assert!(agrees, "{case}: moved {moved:?}, and {order:?}");
        // Where a person had to say that it never came, it is declined for good.
        let never_came = order.operation.decided && order.status == PayoutStatus::Declined;
        assert!(life.ends(order.status) || never_came, "{case}: {order:?}");
    }
}

/// Lives, is struck, is struck again while recovering, recovers, and lives on. Returns how many
/// writes and calls that took.
async fn run(can: Capabilities, life: Life, first: Strike, second: Strike) -> (u32, u32) {
    run_in(&Outside::new(can, can), life, first, second).await
}

async fn run_in(outside: &Arc<Outside>, life: Life, first: Strike, second: Strike) -> (u32, u32) {
    let can = outside.can;
    let class = CLASSES.iter().position(|class| *class == can);
    let case = format!("{life:?} in class {class:?}: {first:?} then {second:?}");
    match life {
        Life::CalledOff => (0..3).for_each(|_| outside.sandbox.script(Behaviour::Unavailable)),
        Life::Conflicted => outside.sandbox.script(Behaviour::Misstate(eur(450))),
        _ => {}
    }
    let process = outside.start(first);
    let _ = process.live(life).await;
    let struck = outside.start(second);
    struck.recover().await;
    let last = outside.start(UNHARMED);
    last.recover().await;
    last.audit(life, &case).await;
    // The host asks once more for everything, under the same keys.
    let lived = last.live(life).await;
    lived.unwrap_or_else(|error| panic!("{case}: {error}"));
    last.recover().await;
    if life == Life::Returned {
        last.tell().await.expect("tells");
    }
    last.audit(life, &case).await;
    last.agree(life, &case).await;
    if second.write + second.call > 0 {
        return (struck.store.doom.calls(), struck.backend.doom.calls());
    }
    (process.store.doom.calls(), process.backend.doom.calls())
}

const WITH_HANGS: [Fault; 5] = [
    FAULTS[0],
    FAULTS[1],
    FAULTS[2],
    FAULTS[3],
    Fault::HangsAfter,
];

#[tokio::test(start_paused = true)]
async fn any_crash_pays_at_most_once_and_leaves_a_known_or_listed_outcome() {
    let mut cases = 0;
    for life in LIVES {
        for can in CLASSES {
            let (writes, calls) = run(can, life, UNHARMED, UNHARMED).await;
            if life == Life::Paid {
                let unharmed = (3, 1);
                let what = "one write too many, or a call too few";
                assert_eq!((writes, calls), unharmed, "{what}");
            }
            // What a lost answer costs in further writes lies beyond the unharmed life.
            for strike in strikes(writes + 3, calls + 2, &WITH_HANGS) {
                run(can, life, strike, UNHARMED).await;
                cases += 1;
            }
        }
    }
    println!("{cases} single faults");
    assert!(cases > 900, "{cases}");
}

#[tokio::test(start_paused = true)]
async fn a_second_crash_during_the_recovery_changes_nothing_of_that() {
    let mut cases = 0;
    for life in [Life::Paid, Life::PaidLater, Life::Returned] {
        for can in CLASSES {
            let (writes, calls) = run(can, life, UNHARMED, UNHARMED).await;
            let dies = [Fault::DiesBefore, Fault::DiesAfter];
            for first in strikes(writes, calls, &dies) {
                for second in strikes(4, 2, &FAULTS) {
                    run(can, life, first, second).await;
                    cases += 1;
                }
            }
        }
    }
    println!("{cases} double faults");
    assert!(cases > 1_900, "{cases}");
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "moved [500, 500]")]
async fn a_provider_that_declares_more_than_it_can_do_is_found_out_by_this_test() {
    let outside = Outside::new(Capabilities::neither(), CLASSES[0]);
    let strike = Strike {
        write: 0,
        call: 1,
        fault: Fault::LostAfter,
    };
    run_in(&outside, Life::Paid, strike, UNHARMED).await;
}

/// The counter of strikes is one for all of a process, so that a death is seen everywhere.
#[tokio::test(start_paused = true)]
async fn a_dead_process_reaches_nothing_any_more() {
    let outside = Outside::new(CLASSES[0], CLASSES[0]);
    let strike = Strike {
        write: 2,
        call: 0,
        fault: Fault::DiesAfter,
    };
    let process = outside.start(strike);
    let _ = process.live(Life::Paid).await;
    assert!(process.store.doom.is_dead());
    assert_eq!(
        process.backend.doom.calls(),
        0,
        "it was claimed, and never sent"
    );
    assert_eq!(process.movements().await, []);
}
