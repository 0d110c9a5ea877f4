//! What a backend calls an operation is kept from its first word on, and comes back to it.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use mp_core::{amount::Money, store::Store};
use mp_pay::{
    IntentId, SandboxBackend,
    backend::{
        BackendError, CaptureRequest, ChargeRequest, Charged, IncreaseRequest, Lookup,
        LookupRequest, PaymentBackend,
    },
};

use super::{
    support::faulty::{Doom, FaultyStore},
    *,
};

/// A provider that writes down by which names it is asked.
#[derive(Debug)]
struct Recording {
    sandbox: SandboxBackend,
    /// Whether it finds nothing but by its own name.
    by_name_alone: bool,
    voids: Mutex<Vec<Charged>>,
    lookups: Mutex<Vec<LookupRequest>>,
}

impl Recording {
    fn new(sandbox: &SandboxBackend) -> Self {
        Self {
            sandbox: sandbox.clone(),
            by_name_alone: false,
            voids: Mutex::default(),
            lookups: Mutex::default(),
        }
    }

    fn voids(&self) -> Vec<Charged> {
        let voids = self.voids.lock();
        voids.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn lookups(&self) -> Vec<LookupRequest> {
        let lookups = self.lookups.lock();
        lookups.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl PaymentBackend for Recording {
    fn capabilities(&self) -> Capabilities {
        self.sandbox.capabilities()
    }

    async fn charge(&self, request: &ChargeRequest) -> Result<Outcome, BackendError> {
        self.sandbox.charge(request).await
    }

    async fn capture(&self, request: &CaptureRequest) -> Result<Outcome, BackendError> {
        self.sandbox.capture(request).await
    }

    async fn increase(&self, request: &IncreaseRequest) -> Result<Outcome, BackendError> {
        self.sandbox.increase(request).await
    }

    async fn void(&self, key: &OperationKey, charge: &Charged) -> Result<Outcome, BackendError> {
        let voids = self.voids.lock();
        voids
            .unwrap_or_else(PoisonError::into_inner)
            .push(charge.clone());
        self.sandbox.void(key, charge).await
    }

    async fn refund(
        &self,
        key: &OperationKey,
        charge: &Charged,
        amount: Money,
    ) -> Result<Outcome, BackendError> {
        self.sandbox.refund(key, charge, amount).await
    }

    async fn lookup(&self, request: &LookupRequest) -> Result<Lookup, BackendError> {
        let lookups = self.lookups.lock();
        lookups
            .unwrap_or_else(PoisonError::into_inner)
            .push(request.clone());
        if self.by_name_alone && request.reference.is_none() {
            return Ok(Lookup::CannotTell);
        }
        self.sandbox.lookup(request).await
    }
}

/// Starts a process on a store, with the provider of this world.
fn process(world: &World, store: Arc<dyn Store>, backend: &Arc<Recording>) -> World {
    let (clock, sandbox) = (world.clock.clone(), world.sandbox.clone());
    World::on(store, clock, sandbox, backend.clone())
}

/// The sandbox calls a charge as it calls its payment intent.
fn name(intent: IntentId) -> Option<Reference> {
    Reference::new(intent.to_string()).ok()
}

/// Returns the name that stands in the store.
async fn known(world: &World, intent: IntentId) -> Option<Reference> {
    let attempts = world.payments.attempts(&staff(), intent).await;
    attempts.expect("reads")[0].charge.reference.clone()
}

#[tokio::test]
async fn what_waits_for_its_payer_is_given_up_by_the_name_that_it_was_told_with() {
    for can in CLASSES {
        let outside = World::new(can);
        let backend = Arc::new(Recording::new(&outside.sandbox));
        let world = process(&outside, outside.store.clone(), &backend);
        let waiting = world.pay("pm_action", false).await;
        assert_eq!(waiting.status, IntentStatus::RequiresAction);
        assert_eq!(known(&world, waiting.id).await, name(waiting.id));
        // Another process gives it up: the name stands in the store.
        let other = process(&outside, outside.store.clone(), &backend);
        let cancel = CancelIntent::of(waiting.id);
        let canceled = other.payments.cancel(&staff(), cancel, &idem("x")).await;
        assert_eq!(canceled.expect("cancels").status, IntentStatus::Canceled);
        let [void] = &backend.voids()[..] else {
            panic!("it is let go of once");
        };
        assert_eq!(void.reference, name(waiting.id), "{can:?}");
        assert_eq!(void.key.step, Step::Charge(1));
    }
}

#[tokio::test]
async fn what_was_accepted_is_asked_about_by_the_name_that_it_was_told_with() {
    let outside = World::new(CLASSES[1]);
    let backend = Arc::new(Recording {
        by_name_alone: true,
        ..Recording::new(&outside.sandbox)
    });
    let world = process(&outside, outside.store.clone(), &backend);
    let slow = world.pay("pm_slow", false).await;
    assert_eq!(slow.status, IntentStatus::Processing);
    world.let_time_pass(3).await;
    assert_eq!(world.intent(slow.id).await.status, IntentStatus::Succeeded);
    let lookups = backend.lookups();
    assert!(!lookups.is_empty());
    for asked in lookups {
        assert_eq!((asked.reference, asked.charge), (name(slow.id), None));
    }
    assert_eq!(known(&world, slow.id).await, name(slow.id));
}

/// A process dies at each of its writes; the next one asks by all that stands in the store.
#[tokio::test]
async fn a_name_that_was_told_before_a_crash_is_asked_by_after_it() {
    let mut asked_by_name = 0;
    for fault in [Fault::DiesBefore, Fault::DiesAfter] {
        for write in 1..=4 {
            let outside = World::new(CLASSES[1]);
            let first = Arc::new(Recording::new(&outside.sandbox));
            let doom = Doom::at(write, fault, &Arc::default());
            let store = Arc::new(FaultyStore::new(outside.store.clone(), doom));
            let struck = process(&outside, store, &first);
            let request = CreateIntent::of(eur(100)).with_payment_method(method("pm_slow"));
            let (mei, keys) = (mei(), [idem("c"), idem("k")]);
            let created = struck.payments.create_intent(&mei, request, &keys[0]);
            if let Ok(intent) = created.await {
                let confirm = ConfirmIntent::of(intent.id);
                let _dies = struck.payments.confirm(&mei, confirm, &keys[1]).await;
                let case = format!("{fault:?} {write}");
                asked_by_name += usize::from(recovers(&outside, intent.id, &case).await);
            }
        }
    }
    assert!(asked_by_name >= 3, "{asked_by_name}");
}

/// Carries a payment on in another process; returns whether that knew the charge's name at once.
async fn recovers(outside: &World, intent: IntentId, case: &str) -> bool {
    let backend = Arc::new(Recording::new(&outside.sandbox));
    let world = process(outside, outside.store.clone(), &backend);
    let Some(before) = world
        .payments
        .attempts(&staff(), intent)
        .await
        .expect("reads")
        .pop()
    else {
        return false;
    };
    world.let_time_pass(3).await;
    assert_eq!(
        world.intent(intent).await.status,
        IntentStatus::Succeeded,
        "{case}"
    );
    assert_eq!(world.moved().await, [100], "{case}");
    let lookups = backend.lookups();
    let mut known = before.charge.reference.clone();
    for asked in lookups {
        assert_eq!(asked.reference, known, "{case}");
        // The answer to the first one tells it.
        known = name(intent);
    }
    before.charge.reference.is_some()
}

#[tokio::test]
async fn what_belongs_to_a_charge_is_asked_about_by_both_names() {
    let outside = World::new(CLASSES[1]);
    let minute = Duration::from_secs(60);
    let sandbox = outside
        .sandbox
        .clone()
        .with_refunds(Behaviour::Delay(minute));
    let backend = Arc::new(Recording::new(&sandbox));
    let world = process(&outside, outside.store.clone(), &backend);
    let paid = world.pay("pm_ok", false).await;
    let refund = RefundIntent::of(paid.id).with_amount(eur(40));
    let refund = world.payments.refund(&staff(), refund, &idem("r")).await;
    let refund = refund.expect("is asked for");
    let told = refund.operation.reference.clone();
    assert!(told.is_some() && told != name(paid.id), "{told:?}");
    world.let_time_pass(3).await;
    assert_eq!(world.intent(paid.id).await.amount_refunded, eur(40));
    let lookups = backend.lookups();
    assert!(!lookups.is_empty());
    for asked in lookups {
        assert_eq!(
            (asked.key.step, &asked.reference),
            (Step::Refund(refund.id), &told)
        );
        let charge = asked.charge.expect("it is its charge's");
        assert_eq!(
            (charge.key.step, charge.reference),
            (Step::Charge(1), name(paid.id))
        );
    }
}
