//! A process that stands still between the commit that claims a payout and the payout, and a bank that is
//! back late.

use std::sync::atomic::{AtomicU32, Ordering};

use mp_core::{
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
