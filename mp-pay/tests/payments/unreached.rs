//! Backends that are out of reach for long, or cannot tell of everything.

use std::sync::Arc;

use async_trait::async_trait;
use mp_core::amount::Money;
use mp_pay::{
    SandboxBackend,
    backend::{
        BackendError, BackendErrorKind, CaptureRequest, ChargeRequest, Charged, Lookup,
        LookupRequest, PaymentBackend,
    },
};

use super::{support::looks_up::LooksUp, *};

#[tokio::test]
async fn what_never_reaches_the_backend_is_put_before_a_person_in_the_end() {
    let world = World::new(CLASSES[1]);
    let held = world.pay("pm_ok", true).await;
    let out_of_reach = OutOfReach(world.sandbox.clone());
    let (store, clock) = (world.store.clone(), world.clock.clone());
    let world = World::on(store, clock, world.sandbox.clone(), Arc::new(out_of_reach));
    let capture = CaptureIntent::of(held.id);
    let captured = world.payments.capture(&staff(), capture, &idem("k")).await;
    assert_eq!(captured.expect("notes it").status, IntentStatus::Processing);
    let day = Duration::from_secs(24 * 60 * 60);
    for _ in 0..6 {
        world.clock.advance(day);
        world.worker().drain().await.expect("works");
    }
    assert_eq!(world.unresolved().await, 0, "it is tried still");
    for _ in 0..2 {
        world.clock.advance(day);
        world.worker().drain().await.expect("works");
    }
    let waiting = world.payments.unresolved(&staff(), None, 10).await;
    let [waiting] = &waiting.expect("lists")[..] else {
        panic!("one operation waits for a person");
    };
    let outcome = Outcome::declined(DeclineCode::new("closed").expect("a code"));
    let operation = waiting.operation;
    let found = Notice { operation, outcome };
    let resolved = world.payments.resolve(&staff(), found, &idem("r")).await;
    let resolved = resolved.expect("resolves");
    assert_eq!(resolved.status, IntentStatus::Canceled, "{resolved:?}");
    assert_eq!(world.moved().await, [0; 0]);
}

/// Cannot be reached for anything but a charge.
#[derive(Debug)]
struct OutOfReach(SandboxBackend);

fn unreached<T>() -> Result<T, BackendError> {
    let kind = BackendErrorKind::Unavailable;
    Err(BackendError::new(kind, "call", "nobody is there"))
}

#[async_trait]
impl PaymentBackend for OutOfReach {
    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    async fn charge(&self, request: &ChargeRequest) -> Result<Outcome, BackendError> {
        self.0.charge(request).await
    }

    async fn capture(&self, _: &CaptureRequest) -> Result<Outcome, BackendError> {
        unreached()
    }

    async fn void(&self, _: &OperationKey, _: &Charged) -> Result<Outcome, BackendError> {
        unreached()
    }

    async fn refund(
        &self,
        _: &OperationKey,
        _: &Charged,
        _: Money,
    ) -> Result<Outcome, BackendError> {
        unreached()
    }

    async fn lookup(&self, _: &LookupRequest) -> Result<Lookup, BackendError> {
        unreached()
    }
}

#[tokio::test]
async fn of_what_a_backend_cannot_tell_the_key_is_sent_again_while_it_is_remembered() {
    let day = Duration::from_secs(24 * 60 * 60);
    for (can, status) in [
        (CLASSES[1].with_replay(day), IntentStatus::Succeeded),
        (CLASSES[1], IntentStatus::Processing),
    ] {
        let world = World::new(can);
        let backend = LooksUp {
            inner: world.sandbox.clone(),
            can_tell: |key| matches!(key.step, Step::Charge(_)),
        };
        let (store, clock) = (world.store.clone(), world.clock.clone());
        let world = World::on(store, clock, world.sandbox.clone(), Arc::new(backend));
        let held = world.pay("pm_ok", true).await;
        world.sandbox.script(Behaviour::TimeoutAfter);
        let capture = CaptureIntent::of(held.id);
        let captured = world.payments.capture(&staff(), capture, &idem("k")).await;
        assert_eq!(captured.expect("notes it").status, IntentStatus::Processing);
        world.let_time_pass(2).await;
        assert_eq!(world.intent(held.id).await.status, status);
        assert_eq!(world.moved().await, [100]);
    }
}

#[tokio::test]
async fn a_charge_that_nobody_waits_for_is_not_sent_again_because_nobody_can_tell() {
    let world = World::new(CLASSES[1].with_replay(ACTION_LIFE * 3));
    let backend = LooksUp {
        inner: world.sandbox.clone(),
        can_tell: |_| false,
    };
    let (store, clock) = (world.store.clone(), world.clock.clone());
    let world = World::on(store, clock, world.sandbox.clone(), Arc::new(backend));
    let lost = world.pay("pm_timeout_before", false).await;
    assert_eq!(lost.status, IntentStatus::Processing);
    world.clock.advance(ACTION_LIFE);
    world.let_time_pass(3).await;
    assert!(world.moved().await.is_empty(), "its payer's time is over");
    let after = world.intent(lost.id).await;
    assert_eq!(after.status, IntentStatus::Processing);
}
