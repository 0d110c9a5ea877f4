//! Webhooks that are not signed, and only a reason to ask.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use mp_core::{
    Error, Timestamp,
    id::{AppId, Name},
    work::{Worker, WorkerOptions},
};
use mp_pay::{
    IntentId,
    backend::{Outcome, WebhookTrust, sandbox::Behaviour},
    intent::IntentStatus,
    operation::{OperationKey, Step},
    payments::{Notice, RefundIntent},
    webhook::{
        HINT_PAUSE, HINT_TRIES_MAX, Handling, Identity, Observation, RawWebhook, WebhookRefusal,
        WebhookSource, Webhooks,
    },
};

use super::{
    sender::worker,
    support::{
        CLASSES, World, app, eur,
        faulty::{Doom, Fault, FaultyBackend},
        idem,
        looks_up::LooksUp,
        staff,
    },
};

/// After the manner of Mollie: the body is a payment's name, and never says more.
#[derive(Debug)]
pub(super) struct Hints;

#[async_trait]
impl WebhookSource for Hints {
    fn kept_headers(&self) -> &'static [&'static str] {
        &[]
    }

    async fn verify(&self, webhook: &RawWebhook, _: Timestamp) -> Result<Identity, WebhookRefusal> {
        let named = webhook.body.starts_with(b"pi_");
        named
            .then_some(Identity::Hint)
            .ok_or(WebhookRefusal::Malformed("it names no payment"))
    }

    async fn read(&self, webhook: &RawWebhook) -> Result<Vec<Observation>, Error> {
        let operation = String::from_utf8_lossy(&webhook.body).parse()?;
        let outcome = Outcome::accepted();
        Ok(vec![Observation::Operation(Notice { operation, outcome })])
    }
}

#[tokio::test]
async fn nothing_is_kept_for_an_app_that_is_not_set_up() {
    let world = World::new(CLASSES[1].with_webhooks(WebhookTrust::HintOnly));
    let name: Name = "mollie".parse().expect("a name");
    let every = Webhooks::new(&world.engine);
    let every = every.with_source(name.clone(), Arc::new(Hints), &world.payments);
    let ours = every.clone().with_apps([app()]);
    let body = "pi_00000000000000000000000000-c1";
    let hint = |app| RawWebhook::new(app, name.clone(), body);
    let made_up: AppId = "made-up".parse().expect("an app");
    let refused = ours.receive(&hint(made_up.clone())).await;
    let refused = refused.expect_err("is refused");
    assert_eq!((refused.code(), refused.status()), ("unknown_source", 404));
    let kept = worker(&world, &ours).drain().await.expect("works");
    assert_eq!(kept, 0, "nothing was written");
    ours.receive(&hint(app())).await.expect("is accepted");
    every.receive(&hint(made_up)).await.expect("is accepted");
}

#[tokio::test]
async fn the_same_hint_is_looked_into_again_each_time_that_it_comes() {
    let world = World::new(CLASSES[1].with_webhooks(WebhookTrust::HintOnly));
    let name: Name = "mollie".parse().expect("a name");
    let webhooks =
        Webhooks::new(&world.engine).with_source(name.clone(), Arc::new(Hints), &world.payments);
    let intent = world.pay("pm_slow", false).await;
    let hint = RawWebhook::new(app(), name, format!("{}-c1", intent.id));
    let worker = worker(&world, &webhooks);

    let first = webhooks.receive(&hint).await.expect("is accepted");
    worker.drain().await.expect("works");
    assert_eq!(
        world.intent(intent.id).await.status,
        IntentStatus::Processing
    );
    world.clock.advance(Duration::from_secs(61));
    let again = webhooks.receive(&hint).await.expect("is accepted");
    assert_eq!(
        (again.webhook == first.webhook, again.duplicate),
        (true, true)
    );
    worker.drain().await.expect("works");
    assert_eq!(
        world.intent(intent.id).await.status,
        IntentStatus::Succeeded
    );
}

#[tokio::test]
async fn a_flood_of_one_hint_is_looked_into_once_in_a_while() {
    let world = World::new(CLASSES[1].with_webhooks(WebhookTrust::HintOnly));
    let name: Name = "mollie".parse().expect("a name");
    let webhooks =
        Webhooks::new(&world.engine).with_source(name.clone(), Arc::new(Hints), &world.payments);
    let intent = world.pay("pm_slow", false).await;
    let hint = RawWebhook::new(app(), name, format!("{}-c1", intent.id));
    let worker = Worker::new(&world.engine, WorkerOptions::default()).with(webhooks.handlers());
    let mut looked = 0;
    for _ in 0..10 {
        for _ in 0..10 {
            webhooks.receive(&hint).await.expect("is accepted");
        }
        looked += worker.drain().await.expect("works");
        world.clock.advance(HINT_PAUSE / 5);
    }
    // Each time it is looked into twice at most: once for those that came before, and once more,
    // a pause later, for those that came meanwhile.
    assert!((2..=6).contains(&looked), "{looked}");
    world.clock.advance(HINT_PAUSE * 2);
    assert!(
        worker.drain().await.expect("works") <= 2,
        "what came last is looked into too"
    );
    assert_eq!(worker.drain().await.expect("works"), 0);
}

/// Is sent the same hint again while it looks into the first.
#[derive(Debug, Default)]
struct Interrupted {
    webhooks: OnceLock<Webhooks>,
    read: AtomicU32,
}

#[async_trait]
impl WebhookSource for Interrupted {
    fn kept_headers(&self) -> &'static [&'static str] {
        &[]
    }

    async fn verify(&self, _: &RawWebhook, _: Timestamp) -> Result<Identity, WebhookRefusal> {
        Ok(Identity::Hint)
    }

    async fn read(&self, webhook: &RawWebhook) -> Result<Vec<Observation>, Error> {
        if self.read.fetch_add(1, Ordering::SeqCst) == 0 {
            let webhooks = self.webhooks.get().expect("it is set up");
            webhooks.receive(webhook).await.expect("is accepted");
        }
        Ok(Vec::new())
    }
}

#[tokio::test]
async fn a_hint_that_comes_while_it_is_looked_into_is_looked_into_again() {
    let world = World::new(CLASSES[1]);
    let source = Arc::new(Interrupted::default());
    let name: Name = "mollie".parse().expect("a name");
    let webhooks =
        Webhooks::new(&world.engine).with_source(name.clone(), source.clone(), &world.payments);
    source
        .webhooks
        .set(webhooks.clone())
        .expect("it is the first");
    let hint = RawWebhook::new(app(), name, "x");
    webhooks.receive(&hint).await.expect("is accepted");
    let worker = worker(&world, &webhooks);
    worker.drain().await.expect("works");
    assert_eq!(source.read.load(Ordering::SeqCst), 1);
    world.clock.advance(HINT_PAUSE);
    worker.drain().await.expect("works");
    assert_eq!(source.read.load(Ordering::SeqCst), 2);
    world.clock.advance(HINT_PAUSE * 10);
    assert_eq!(worker.drain().await.expect("works"), 0);
}

/// Pays and refunds one euro, and has the refund fail a minute later; returns the hint that tells so.
async fn refund_that_fails(world: &World) -> RawWebhook {
    let paid = world.pay("pm_ok", false).await;
    world
        .sandbox
        .script(Behaviour::FailLater(Duration::from_secs(60)));
    let request = RefundIntent::of(paid.id);
    let refunded = world.payments.refund(&staff(), request, &idem("r")).await;
    let refund = refunded.expect("refunds").id;
    assert_eq!(world.intent(paid.id).await.amount_refunded, eur(100));
    world.clock.advance(Duration::from_secs(61));
    let step = Step::Refund(refund);
    let operation = OperationKey {
        intent: paid.id,
        step,
    };
    RawWebhook::new(app(), mollie(), operation.to_string())
}

fn mollie() -> Name {
    "mollie".parse().expect("a name")
}

#[tokio::test]
async fn a_hint_is_looked_into_again_until_the_backend_has_answered() {
    let can = CLASSES[1].with_webhooks(WebhookTrust::HintOnly);
    // The charge and the refund are its first calls, the look-up its third.
    let world = World::new(can);
    let dead = Arc::default();
    let inner = Arc::new(world.sandbox.clone());
    let backend = FaultyBackend::new(inner, Doom::at(3, Fault::LostBefore, &dead));
    let (store, clock) = (world.store.clone(), world.clock.clone());
    let world = World::on(store, clock, world.sandbox.clone(), Arc::new(backend));
    let webhooks =
        Webhooks::new(&world.engine).with_source(mollie(), Arc::new(Hints), &world.payments);
    let hint = refund_that_fails(&world).await;
    webhooks.receive(&hint).await.expect("is accepted");
    let worker = worker(&world, &webhooks);
    worker.drain().await.expect("works");
    let intent = hint_of(&hint);
    let untold = world.intent(intent).await;
    assert_eq!(untold.amount_refunded, eur(100), "the answer was lost");
    for _ in 0..3 {
        world.clock.advance(Duration::from_secs(61));
        worker.drain().await.expect("works");
    }
    let after = world.intent(intent).await;
    assert_eq!(after.amount_refunded, eur(0), "it has failed");
    let listed = webhooks.unhandled(&staff(), None, 10).await;
    assert!(listed.expect("lists").is_empty());
}

fn hint_of(hint: &RawWebhook) -> IntentId {
    let operation: OperationKey = String::from_utf8_lossy(&hint.body).parse().expect("a key");
    operation.intent
}

#[tokio::test]
async fn a_hint_of_which_the_backend_can_never_tell_is_ignored_in_the_end() {
    let world = World::new(CLASSES[1].with_webhooks(WebhookTrust::HintOnly));
    let backend = LooksUp {
        inner: world.sandbox.clone(),
        can_tell: |_| false,
    };
    let (store, clock) = (world.store.clone(), world.clock.clone());
    let world = World::on(store, clock, world.sandbox.clone(), Arc::new(backend));
    let webhooks =
        Webhooks::new(&world.engine).with_source(mollie(), Arc::new(Hints), &world.payments);
    let hint = refund_that_fails(&world).await;
    let accepted = webhooks.receive(&hint).await.expect("is accepted");
    let worker = worker(&world, &webhooks);
    for _ in 0..HINT_TRIES_MAX {
        worker.drain().await.expect("works");
        world.clock.advance(Duration::from_secs(61));
    }
    worker.drain().await.expect("works");
    let handled = webhooks.handle(&staff(), &accepted.webhook).await;
    assert_eq!(handled.expect("is handled").outcome, Handling::Ignored);
    assert_eq!(world.store.dead(None, 10).await.expect("lists"), []);
}
