//! Backends that are out of reach for long, or cannot tell of everything.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use async_trait::async_trait;
use mp_core::{
    amount::Money,
    port::{SecureRequest, Settlement},
    work::DeadLetters,
};
use mp_pay::{
    PaymentsSettlement, SandboxBackend,
    backend::{
        BackendError, BackendErrorKind, CaptureRequest, ChargeRequest, Charged, Lookup,
        LookupRequest, PaymentBackend,
    },
    method::FixedMethods,
};

use super::{support::looks_up::LooksUp, *};

#[tokio::test]
async fn what_never_reaches_the_backend_is_put_before_a_person_in_the_end() {
    let world = World::new(CLASSES[1]);
    let held = world.pay("pm_ok", true).await;
    let (world, _) = out_of_reach(&world);
    capture_in_vain(&world, held.id).await;
    for _ in 0..6 {
        world.clock.advance(DAY);
        world.worker().drain().await.expect("works");
    }
    assert_eq!(world.unresolved().await, 0, "it is tried still");
    for _ in 0..2 {
        world.clock.advance(DAY);
        world.worker().drain().await.expect("works");
    }
    let dead = world.store.dead(None, 10).await.expect("lists");
    let told = dead[0].last_error.clone().unwrap_or_default();
    assert!(told.contains("has not reached its backend"), "{told}");
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

#[tokio::test]
async fn what_was_not_tried_for_a_week_is_tried_once_more_before_a_person_sees_to_it() {
    let world = World::new(CLASSES[1]);
    let held = world.pay("pm_ok", true).await;
    let (world, is_back) = out_of_reach(&world);
    capture_in_vain(&world, held.id).await;
    world.clock.advance(DAY * 8);
    is_back.store(true, Ordering::SeqCst);
    world.worker().drain().await.expect("works");
    let captured = world.intent(held.id).await;
    assert_eq!(captured.status, IntentStatus::Succeeded);
    assert_eq!(world.moved().await, [100]);
    assert_eq!(world.unresolved().await, 0);
}

#[tokio::test]
async fn what_has_not_reached_its_backend_is_tried_again_once_it_is_driven_again() {
    let world = World::new(CLASSES[1]);
    let held = world.pay("pm_ok", true).await;
    let (world, is_back) = out_of_reach(&world);
    capture_in_vain(&world, held.id).await;
    for _ in 0..8 {
        world.clock.advance(DAY);
        world.worker().drain().await.expect("works");
    }
    let dead = DeadLetters::of(&world.engine);
    for _ in 0..2 {
        assert_eq!(world.unresolved().await, 1, "nobody is there");
        assert_eq!(dead.redrive_all(None).await.expect("drives"), 1);
        world.worker().drain().await.expect("works");
    }
    is_back.store(true, Ordering::SeqCst);
    assert_eq!(dead.redrive_all(None).await.expect("drives"), 1);
    world.worker().drain().await.expect("works");
    let captured = world.intent(held.id).await;
    assert_eq!(captured.status, IntentStatus::Succeeded);
    assert_eq!(world.unresolved().await, 0);
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Goes on with a world whose backend cannot be reached before it is back.
fn out_of_reach(world: &World) -> (World, Arc<AtomicBool>) {
    let is_back = Arc::new(AtomicBool::new(false));
    let backend = OutOfReach {
        inner: world.sandbox.clone(),
        is_back: is_back.clone(),
    };
    let (store, clock) = (world.store.clone(), world.clock.clone());
    let world = World::on(store, clock, world.sandbox.clone(), Arc::new(backend));
    (world, is_back)
}

async fn capture_in_vain(world: &World, held: IntentId) {
    let capture = CaptureIntent::of(held);
    let captured = world.payments.capture(&staff(), capture, &idem("k")).await;
    assert_eq!(captured.expect("notes it").status, IntentStatus::Processing);
}

/// Cannot be reached for anything but a charge, before it is back for captures.
#[derive(Debug)]
struct OutOfReach {
    inner: SandboxBackend,
    is_back: Arc<AtomicBool>,
}

fn unreached<T>() -> Result<T, BackendError> {
    let kind = BackendErrorKind::Unavailable;
    Err(BackendError::new(kind, "call", "nobody is there"))
}

#[async_trait]
impl PaymentBackend for OutOfReach {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn charge(&self, request: &ChargeRequest) -> Result<Outcome, BackendError> {
        self.inner.charge(request).await
    }

    async fn capture(&self, request: &CaptureRequest) -> Result<Outcome, BackendError> {
        match self.is_back.load(Ordering::SeqCst) {
            true => self.inner.capture(request).await,
            false => unreached(),
        }
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
    for (can, status) in [
        (CLASSES[1].with_replay(DAY), IntentStatus::Succeeded),
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

/// Whose settlement is let go of while it looks up for the first time; it cannot tell of anything.
#[derive(Debug)]
struct LetsGo {
    inner: SandboxBackend,
    port: OnceLock<PaymentsSettlement>,
    looked: AtomicU32,
    charged: AtomicU32,
}

#[async_trait]
impl PaymentBackend for LetsGo {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn charge(&self, request: &ChargeRequest) -> Result<Outcome, BackendError> {
        self.charged.fetch_add(1, Ordering::SeqCst);
        self.inner.charge(request).await
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
        if self.looked.fetch_add(1, Ordering::SeqCst) == 0 {
            let port = self.port.get().expect("it is set up");
            let seat = "seat".parse().expect("a key");
            port.release(&app(), &seat).await.expect("lets go");
        }
        Ok(Lookup::CannotTell)
    }
}

#[tokio::test]
async fn a_charge_that_is_let_go_of_while_it_is_looked_up_is_not_sent_again() {
    let world = World::new(CLASSES[1].with_replay(DAY));
    let backend = Arc::new(LetsGo {
        inner: world.sandbox.clone(),
        port: OnceLock::new(),
        looked: AtomicU32::new(0),
        charged: AtomicU32::new(0),
    });
    let (store, clock) = (world.store.clone(), world.clock.clone());
    let world = World::on(store, clock, world.sandbox.clone(), backend.clone());
    let methods = Arc::new(FixedMethods::everybody(method("pm_timeout_before")));
    let port = PaymentsSettlement::new(&world.payments, methods);
    backend.port.set(port.clone()).expect("it is the first");
    let request = SecureRequest {
        key: "seat".parse().expect("a key"),
        app: app(),
        payer: "mei".parse().expect("a user"),
        amount: eur(100),
        deadline: world.engine.now().plus(DAY),
    };
    port.secure(&request).await.expect("answers");
    world.let_time_pass(3).await;
    assert!(backend.looked.load(Ordering::SeqCst) > 0);
    assert_eq!(backend.charged.load(Ordering::SeqCst), 1, "it is let go of");
    assert!(world.moved().await.is_empty());
}
