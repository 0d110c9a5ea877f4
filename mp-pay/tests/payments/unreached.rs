//! Backends that are out of reach for long, or cannot tell of everything.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use async_trait::async_trait;
use mp_core::{
    amount::Money,
    clock::SKEW_MAX,
    conformance::{Call, HookedStore, Phase},
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
    payments::PaymentsOptions,
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

/// Goes on with a world whose clock goes on by this much between a worker's look and its claim.
fn slow(world: &World, by: Duration) -> World {
    let (clock, reads) = (world.clock.clone(), Arc::new(AtomicU32::new(0)));
    let hook = move |call, phase, _: Option<&_>| {
        let (clock, reads) = (clock.clone(), reads.clone());
        async move {
            let is_read = call == Call::Read && phase == Phase::Before;
            // It looks first, and reads once more to claim.
            if is_read && reads.fetch_add(1, Ordering::SeqCst) == 1 {
                clock.advance(by);
            }
            Ok(())
        }
    };
    let store = Arc::new(HookedStore::new(world.store.clone(), hook));
    let (clock, sandbox) = (world.clock.clone(), world.sandbox.clone());
    World::on(store, clock, sandbox.clone(), Arc::new(sandbox))
}

#[tokio::test]
async fn what_a_worker_calls_for_as_the_week_ends_is_put_before_a_person() {
    let world = World::new(CLASSES[1]);
    let held = world.pay("pm_ok", true).await;
    let (away, _) = out_of_reach(&world);
    capture_in_vain(&away, held.id).await;
    world.clock.advance(DAY * 7 - Duration::from_secs(1));
    let (slow, _) = out_of_reach(&slow(&world, Duration::from_secs(2)));
    slow.worker().drain().await.expect("works");
    assert_eq!(world.unresolved().await, 1);
}

#[tokio::test]
async fn a_key_is_not_sent_again_by_who_stood_still_until_it_may_be_forgotten() {
    let window = Duration::from_secs(300);
    for can in [
        Capabilities::neither().with_replay(window),
        CLASSES[1].with_replay(window),
    ] {
        let world = World::new(can);
        let backend = LooksUp {
            inner: world.sandbox.clone(),
            can_tell: |_| false,
        };
        let lost = world.pay("pm_timeout_after", false).await;
        assert_eq!(lost.status, IntentStatus::Processing);
        let last = window - PaymentsOptions::default().call_max - SKEW_MAX;
        world.clock.advance(last - Duration::from_secs(1));
        let slow = slow(&world, window);
        let (store, clock) = (slow.store.clone(), world.clock.clone());
        let slow = World::on(store, clock, world.sandbox.clone(), Arc::new(backend));
        slow.worker().drain().await.expect("works");
        assert_eq!(world.moved().await, [100], "{can:?}");
        world.clock.advance(DAY * 8);
        slow.worker().drain().await.expect("works");
        let seen = (world.moved().await, world.unresolved().await);
        assert_eq!(seen, (vec![100], 1), "{can:?}");
    }
}

#[tokio::test]
async fn a_charge_that_did_not_come_is_not_made_by_who_stood_still_until_its_time_was_over() {
    for can in CLASSES {
        let world = World::new(can);
        world.sandbox.script(Behaviour::Unavailable);
        let waiting = world.pay("pm_ok", false).await;
        world.clock.advance(Duration::from_secs(61));
        let slow = slow(&world, ACTION_LIFE);
        slow.worker().drain().await.expect("works");
        let after = world.intent(waiting.id).await;
        let expired = DeclineCode::new("expired").expect("a code");
        assert_eq!(after.last_error, Some(expired), "{can:?}");
        assert_eq!(world.moved().await, [0; 0], "{can:?}");
    }
}

#[tokio::test]
async fn what_does_not_reach_its_backend_is_not_sent_again_whenever_it_is_asked_for() {
    let world = World::new(CLASSES[1]);
    let held = world.pay("pm_ok", true).await;
    let (world, _) = out_of_reach(&world);
    let calls = || async {
        let attempts = world.payments.attempts(&staff(), held.id).await;
        attempts.expect("reads")[0].captures[&1].operation.calls
    };
    let entries = || async {
        let journal = world.payments.journal(&staff(), held.id).await;
        journal.expect("reads").len()
    };
    capture_in_vain(&world, held.id).await;
    let before = (calls().await, entries().await);
    assert_eq!(before.0, 1);
    for _ in 0..100 {
        world.clock.advance(Duration::from_millis(9));
        capture_in_vain(&world, held.id).await;
    }
    assert_eq!((calls().await, entries().await), before);
    world.clock.advance(Duration::from_secs(1));
    capture_in_vain(&world, held.id).await;
    assert_eq!(calls().await, 2, "the pause is over");
    // However often it has failed, whoever asks waits for half a minute at most.
    for tried in 3..20 {
        world.clock.advance(Duration::from_secs(30));
        capture_in_vain(&world, held.id).await;
        assert_eq!(calls().await, tried);
    }
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
