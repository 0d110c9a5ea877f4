//! A process that stands still between the commit that claims a payout and the payout, and a bank that is
//! back late.

use std::sync::atomic::{AtomicU32, Ordering};

use mp_core::{
    clock::SKEW_MAX,
    conformance::{Call, HookedStore, Phase},
    store::Partition,
    work::{DeadLetters, Worker, WorkerOptions},
};
use tokio::sync::Semaphore;

use super::{payout::payouts, support::clock, *};

/// A bank that is told when to pay, and tells when it was asked to.
#[derive(Debug)]
struct Counter {
    sandbox: SandboxBackend,
    asked: Semaphore,
    pays: Semaphore,
}

#[async_trait]
impl PayoutBackend for Counter {
    fn payout_capabilities(&self) -> PayoutCapabilities {
        self.sandbox.payout_capabilities()
    }

    async fn pay_out(&self, instruction: &PayoutInstruction) -> Result<Outcome, BackendError> {
        self.asked.add_permits(1);
        self.pays.acquire().await.expect("stays open").forget();
        self.sandbox.pay_out(instruction).await
    }

    async fn lookup_payout(&self, request: &PayoutLookupRequest) -> Result<Lookup, BackendError> {
        self.sandbox.lookup_payout(request).await
    }
}

#[tokio::test]
async fn a_claimed_payout_is_left_to_the_process_that_has_claimed_it_since() {
    let clock = clock();
    let sandbox = payout::provider(&clock, CLASSES[1]);
    let store = Arc::new(MemoryStore::new());
    let counter = Arc::new(Counter {
        sandbox: sandbox.clone(),
        asked: Semaphore::new(0),
        pays: Semaphore::new(0),
    });
    let other = engine(store.clone(), &clock);
    let others = payouts(&other, counter.clone());

    let commits = Arc::new(AtomicU32::new(0));
    let (time, asked, worker) = (clock.clone(), counter.clone(), others.handlers());
    let hook = move |call, phase, _: Option<&Partition>| {
        let (time, asked, commits) = (time.clone(), asked.clone(), commits.clone());
        let worker = Worker::new(&other, WorkerOptions::default()).with(worker.clone());
        async move {
            let claims = call == Call::Commit && phase == Phase::After;
            // The first writes the payout down, the second claims it.
            if claims && commits.fetch_add(1, Ordering::SeqCst) == 1 {
                time.advance(Duration::from_secs(61));
                tokio::spawn(async move { worker.drain().await });
                asked.asked.acquire().await.expect("stays open").forget();
            }
            Ok(())
        }
    };
    let slow = engine(Arc::new(HookedStore::new(store, hook)), &clock);
    let bank = Bank::on(&slow, &sandbox, &clock);
    let told = bank.payouts.pay_out(&request("late")).await;
    assert_eq!(told.expect("answers"), PaidOut::Unknown);
    let order = others.payout(&staff(), id("late")).await.expect("reads");
    let stands = (order.operation.stage, order.operation.calls);
    assert_eq!(stands, (Stage::Sent, 2), "the other is at it");
    assert_eq!(bank.moved().await, [0; 0]);

    counter.pays.add_permits(1);
    bank.let_time_pass(3).await;
    assert_eq!(bank.moved().await, [500]);
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[tokio::test]
async fn what_was_not_tried_for_a_week_is_tried_once_more_before_a_person_sees_to_it() {
    let bank = Bank::new(CLASSES[1]);
    bank.sandbox.script(Behaviour::Unavailable);
    let told = bank.payouts.pay_out(&request("late")).await;
    assert_eq!(told.expect("answers"), PaidOut::Unknown);
    bank.clock.advance(DAY * 8);
    bank.let_time_pass(1).await;
    assert_eq!(bank.moved().await, [500]);
    assert_eq!(bank.dead().await, 0);
}

/// Stands still before it reads for the nth time, until it may go on.
struct Gate {
    stands: Semaphore,
    goes: Semaphore,
}

impl Gate {
    fn new() -> Arc<Self> {
        let [stands, goes] = [0, 0].map(Semaphore::new);
        Arc::new(Self { stands, goes })
    }

    fn before_read(self: &Arc<Self>, nth: u32, store: &Arc<MemoryStore>) -> Arc<HookedStore> {
        let (gate, reads) = (self.clone(), Arc::new(AtomicU32::new(0)));
        let hook = move |call, phase, _: Option<&Partition>| {
            let (gate, reads) = (gate.clone(), reads.clone());
            async move {
                let is_read = call == Call::Read && phase == Phase::Before;
                if is_read && reads.fetch_add(1, Ordering::SeqCst) + 1 == nth {
                    gate.stands.add_permits(1);
                    gate.goes.acquire().await.expect("stays open").forget();
                }
                Ok(())
            }
        };
        Arc::new(HookedStore::new(store.clone(), hook))
    }

    async fn is_reached(&self) {
        self.stands.acquire().await.expect("stays open").forget();
    }
}

#[tokio::test]
async fn an_id_is_not_sent_again_by_who_stood_still_until_it_may_be_forgotten() {
    let window = Duration::from_secs(300);
    let (clock, store) = (clock(), Arc::new(MemoryStore::new()));
    let sandbox = payout::provider(&clock, Capabilities::neither().with_replay(window));
    let bank = Bank::on(&engine(store.clone(), &clock), &sandbox, &clock);
    sandbox.script(Behaviour::TimeoutAfter);
    let told = bank.payouts.pay_out(&request("late")).await;
    assert_eq!(told.expect("answers"), PaidOut::Unknown);
    let last = window - PayoutsOptions::default().call_max - SKEW_MAX;
    clock.advance(last - Duration::from_secs(1));

    let gate = Gate::new();
    // It looks first, and reads once more to claim.
    let slow = engine(gate.before_read(2, &store), &clock);
    let handlers = Bank::on(&slow, &sandbox, &clock).payouts.handlers();
    let worker = Worker::new(&slow, WorkerOptions::default()).with(handlers);
    let forgets = async {
        gate.is_reached().await;
        clock.advance(window);
        gate.goes.add_permits(1);
    };
    let (worked, ()) = tokio::join!(worker.drain(), forgets);
    worked.expect("works");
    assert_eq!(bank.moved().await, [500]);
    bank.let_time_pass(10).await;
    let waiting = bank.payouts.unresolved(&staff(), None, 10).await;
    assert_eq!(waiting.expect("lists").len(), 1);
    assert_eq!(bank.moved().await, [500]);
}

/// A payout that did not reach its bank, a second before the week is over.
async fn nearly_a_week_late() -> (Bank, Arc<MemoryStore>) {
    let (clock, store) = (clock(), Arc::new(MemoryStore::new()));
    let sandbox = payout::provider(&clock, CLASSES[1]);
    let bank = Bank::on(&engine(store.clone(), &clock), &sandbox, &clock);
    sandbox.script(Behaviour::Unavailable);
    let told = bank.payouts.pay_out(&request("late")).await;
    assert_eq!(told.expect("answers"), PaidOut::Unknown);
    clock.advance(DAY * 7 - Duration::from_secs(1));
    (bank, store)
}

#[tokio::test]
async fn what_a_worker_calls_for_as_the_week_ends_is_put_before_a_person() {
    let (bank, store) = nearly_a_week_late().await;
    bank.sandbox.script(Behaviour::Unavailable);
    let gate = Gate::new();
    // It looks first, and reads once more to claim.
    let slow = engine(gate.before_read(2, &store), &bank.clock);
    let handlers = Bank::on(&slow, &bank.sandbox, &bank.clock)
        .payouts
        .handlers();
    let worker = Worker::new(&slow, WorkerOptions::default()).with(handlers);
    let week_ends = async {
        gate.is_reached().await;
        bank.clock.advance(Duration::from_secs(2));
        gate.goes.add_permits(1);
    };
    let (worked, ()) = tokio::join!(worker.drain(), week_ends);
    worked.expect("works");
    let waiting = bank.payouts.unresolved(&staff(), None, 10).await;
    assert_eq!(waiting.expect("lists").len(), 1);
}

#[tokio::test]
async fn what_is_called_for_as_the_week_ends_is_not_forgotten_by_a_worker() {
    let (bank, store) = nearly_a_week_late().await;
    let counter = Arc::new(Counter {
        sandbox: bank.sandbox.clone(),
        asked: Semaphore::new(0),
        pays: Semaphore::new(0),
    });
    let (caller, worker) = (Gate::new(), Gate::new());
    // Somebody looks twice before the week is over, and claims the call after.
    let asking = engine(caller.before_read(3, &store), &bank.clock);
    let asking = payouts(&asking, counter.clone());
    let asked = tokio::spawn(async move { asking.pay_out(&request("late")).await });
    caller.is_reached().await;
    bank.clock.advance(Duration::from_secs(2));
    // A worker that looks in between finds it claimed when it claims its own last call.
    let working = engine(worker.before_read(2, &store), &bank.clock);
    let handlers = payouts(&working, counter.clone()).handlers();
    let last = Worker::new(&working, WorkerOptions::default()).with(handlers);
    let overtaken = async {
        worker.is_reached().await;
        caller.goes.add_permits(1);
        counter.asked.acquire().await.expect("stays open").forget();
        worker.goes.add_permits(1);
    };
    let (worked, ()) = tokio::join!(last.drain(), overtaken);
    worked.expect("works");
    // The process ends before the bank has answered.
    asked.abort();
    assert_eq!(bank.moved().await, [0; 0]);
    bank.let_time_pass(3).await;
    assert_eq!(bank.moved().await, [500]);
}

/// A bank that cannot be reached.
#[derive(Debug)]
struct Away(SandboxBackend);

#[async_trait]
impl PayoutBackend for Away {
    fn payout_capabilities(&self) -> PayoutCapabilities {
        self.0.payout_capabilities()
    }

    async fn pay_out(&self, _: &PayoutInstruction) -> Result<Outcome, BackendError> {
        let kind = BackendErrorKind::Unavailable;
        Err(BackendError::new(kind, "call", "nobody is there"))
    }

    async fn lookup_payout(&self, request: &PayoutLookupRequest) -> Result<Lookup, BackendError> {
        self.0.lookup_payout(request).await
    }
}

#[tokio::test]
async fn what_does_not_reach_its_bank_is_not_sent_again_whenever_it_is_asked_for() {
    let bank = Bank::new(CLASSES[1]);
    let payouts = payouts(&bank.engine, Arc::new(Away(bank.sandbox.clone())));
    let ask = || async {
        let told = payouts.pay_out(&request("late")).await;
        assert_eq!(told.expect("answers"), PaidOut::Unknown);
        let order = payouts.payout(&staff(), id("late")).await.expect("reads");
        let journal = payouts.journal(&staff(), id("late")).await;
        (order.operation.calls, journal.expect("reads").len())
    };
    let first = ask().await;
    assert_eq!(first.0, 1);
    for _ in 0..100 {
        bank.clock.advance(Duration::from_millis(9));
        assert_eq!(ask().await, first);
    }
    bank.clock.advance(Duration::from_secs(1));
    assert_eq!(ask().await.0, 2, "the pause is over");
}

#[tokio::test]
async fn what_has_not_reached_its_bank_is_tried_again_once_it_is_driven_again() {
    let bank = Bank::new(CLASSES[1]);
    bank.sandbox.script(Behaviour::Unavailable);
    bank.payouts
        .pay_out(&request("late"))
        .await
        .expect("answers");
    bank.clock.advance(DAY * 8);
    let dead = DeadLetters::of(&bank.engine);
    for _ in 0..2 {
        bank.sandbox.script(Behaviour::Unavailable);
        bank.let_time_pass(1).await;
        let waiting = bank.payouts.unresolved(&staff(), None, 10).await;
        assert_eq!(waiting.expect("lists").len(), 1, "nobody is there");
        assert_eq!(bank.moved().await, [0; 0]);
        assert_eq!(dead.redrive_all(None).await.expect("drives"), 1);
    }
    bank.let_time_pass(1).await;
    assert_eq!(bank.moved().await, [500]);
    assert_eq!(bank.dead().await, 0);
}
