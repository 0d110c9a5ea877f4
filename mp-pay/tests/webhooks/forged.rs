//! Hints that anybody could have sent.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use mp_core::{
    Error, Timestamp,
    id::Name,
    retention::{AGE_MIN, FileArchive, Retention},
    store::{MemoryStore, Store},
    work::{Worker, WorkerOptions},
};
use mp_pay::{
    IntentId,
    backend::{Outcome, WebhookTrust},
    intent::IntentStatus,
    payments::{CancelIntent, ConfirmIntent, CreateIntent, Notice},
    retention::ClosedPayments,
    webhook::{
        HINT_BODY_MAX, Handling, Identity, Observation, RawWebhook, WebhookId, WebhookRefusal,
        WebhookSource, Webhooks,
    },
};

use super::{
    hints::Hints,
    sender::{intake, signed, worker},
    support::{CLASSES, World, app, eur, idem, mei, method, staff},
};

fn mollie() -> Name {
    "mollie".parse().expect("a name")
}

pub(super) fn hinted(source: impl WebhookSource) -> (World, Webhooks) {
    let world = World::new(CLASSES[1].with_webhooks(WebhookTrust::HintOnly));
    let webhooks = Webhooks::new(&world.engine);
    let webhooks = webhooks.with_source(mollie(), Arc::new(source), &world.payments);
    (world, webhooks)
}

fn hint(body: &str) -> RawWebhook {
    RawWebhook::new(app(), mollie(), body)
}

/// Returns a hint about an operation that never was.
pub(super) fn forged(number: u32) -> RawWebhook {
    let intent = IntentId::derived(&["forged", &number.to_string()]);
    hint(&format!("{intent}-c1"))
}

fn page(webhook: &WebhookId) -> String {
    let text = webhook.to_string();
    let name = text.split(':').nth(2).expect("a name");
    name[..2].to_owned()
}

/// Returns so many webhooks that stand on one page, of those that `make` makes.
pub(super) async fn of_one_page(count: usize, make: impl Fn(u32) -> RawWebhook) -> Vec<RawWebhook> {
    let (world, webhooks) = hinted(Hints);
    let webhooks = webhooks.with_source(
        super::sender::source(),
        super::sender::adapter(),
        &world.payments,
    );
    let mut found = Vec::new();
    let mut first = None;
    for number in 0.. {
        let webhook = make(number);
        let accepted = webhooks.receive(&webhook).await.expect("is accepted");
        let page = page(&accepted.webhook);
        if *first.get_or_insert_with(|| page.clone()) == page {
            found.push(webhook);
        }
        if found.len() == count {
            break;
        }
    }
    found
}

/// Works for a little longer than an hour, a second at first and then longer and longer.
pub(super) async fn work_for_an_hour(world: &World, webhooks: &Webhooks) {
    let worker = worker(world, webhooks);
    for doublings in 0..12 {
        worker.drain().await.expect("works");
        world.clock.advance(Duration::from_secs(1 << doublings));
    }
    worker.drain().await.expect("works");
}

#[tokio::test]
async fn hints_about_nothing_that_is_known_are_ignored_and_keep_no_place() {
    let (world, webhooks) = hinted(Hints);
    // One on each page.
    let webhooks = webhooks.with_waiting_max(1);
    let hints = of_one_page(2, forged).await;
    for turn in 0..3 {
        let hint = &hints[turn % 2];
        let accepted = webhooks.receive(hint).await;
        let accepted = accepted.expect("there is room on the page");
        work_for_an_hour(&world, &webhooks).await;
        let handled = webhooks.handle(&staff(), &accepted.webhook).await;
        let handled = handled.expect("it is handled");
        assert_eq!(handled.outcome, Handling::Ignored, "{turn}");
    }
    let unhandled = webhooks.unhandled(&staff(), None, 10).await;
    assert_eq!(unhandled.expect("lists"), [], "nobody has to look at it");
}

/// Returns an intent that was canceled and has left the store.
async fn retired(world: &World, store: &Arc<MemoryStore>) -> IntentId {
    let intent = world.create("pm_ok", false, "create").await.id;
    let cancel = CancelIntent::of(intent);
    let canceled = world.payments.cancel(&staff(), cancel, &idem("x")).await;
    canceled.expect("cancels");
    world.clock.advance(AGE_MIN);
    let folder = tempfile::tempdir().expect("a folder");
    let archive = Arc::new(FileArchive::in_folder(folder.path()));
    let rule = Arc::new(ClosedPayments::refundable_for(AGE_MIN));
    let retention = Retention::new(&world.engine, store.clone(), archive);
    let swept = retention.with(rule, AGE_MIN).sweep_all().await;
    assert_eq!(swept.expect("sweeps").retired, 1);
    intent
}

#[tokio::test]
async fn a_hint_about_a_payment_that_was_archived_is_ignored_at_once() {
    let world = World::new(CLASSES[1].with_webhooks(WebhookTrust::HintOnly));
    let store = Arc::new(MemoryStore::new());
    let (sandbox, clock) = (world.sandbox.clone(), world.clock.clone());
    let backend = Arc::new(sandbox.clone());
    let world = World::on(store.clone() as Arc<dyn Store>, clock, sandbox, backend);
    let webhooks = Webhooks::new(&world.engine);
    let webhooks = webhooks.with_source(mollie(), Arc::new(Several), &world.payments);
    let intent = retired(&world, &store).await;
    let worker = worker(&world, &webhooks);
    let both = format!("{intent}-c1 {}-c1", IntentId::derived(&["forged"]));
    for (body, waits) in [(format!("{intent}-c1"), false), (both, true)] {
        let accepted = webhooks.receive(&hint(&body)).await;
        let accepted = accepted.expect("is accepted").webhook;
        worker.drain().await.expect("works");
        let unhandled = webhooks.unhandled(&staff(), None, 10).await;
        assert_eq!(unhandled.expect("lists"), [], "nobody has to look at it");
        let handled = webhooks.handle(&staff(), &accepted).await;
        match waits {
            false => assert_eq!(handled.expect("is handled").outcome, Handling::Ignored),
            // What else it names may still be created.
            true => assert_eq!(handled.expect_err("it waits").code(), "not_found"),
        }
    }
    assert_eq!(world.store.dead(None, 10).await.expect("lists"), []);
}

/// Hints that name several operations.
#[derive(Debug)]
struct Several;

#[async_trait]
impl WebhookSource for Several {
    fn kept_headers(&self) -> &'static [&'static str] {
        &[]
    }

    async fn verify(&self, _: &RawWebhook, _: Timestamp) -> Result<Identity, WebhookRefusal> {
        Ok(Identity::Hint)
    }

    async fn read(&self, webhook: &RawWebhook) -> Result<Vec<Observation>, Error> {
        let body = String::from_utf8_lossy(&webhook.body);
        let notices = body.split(' ').map(|operation| {
            let (operation, outcome) = (operation.parse()?, Outcome::accepted());
            Ok(Observation::Operation(Notice { operation, outcome }))
        });
        notices.collect()
    }
}

#[tokio::test]
async fn a_hint_that_cannot_be_read_is_ignored_too() {
    let (world, webhooks) = hinted(Hints);
    let accepted = webhooks.receive(&hint("pi_that_is_none-c1")).await;
    let accepted = accepted.expect("it names something");
    work_for_an_hour(&world, &webhooks).await;
    let unhandled = webhooks.unhandled(&staff(), None, 10).await;
    assert_eq!(unhandled.expect("lists"), []);
    let handled = webhooks.handle(&staff(), &accepted.webhook).await;
    assert_eq!(handled.expect("is handled").outcome, Handling::Ignored);
}

#[tokio::test]
async fn a_hint_that_overtakes_what_it_is_about_waits_for_it() {
    let (world, webhooks) = hinted(Hints);
    let order = CreateIntent::of(eur(100)).with_payment_method(method("pm_slow"));
    let id = {
        let ahead = World::new(CLASSES[1]);
        let created = ahead
            .payments
            .create_intent(&mei(), order.clone(), &idem("a"))
            .await;
        created.expect("creates").id
    };
    let early = hint(&format!("{id}-c1"));
    webhooks.receive(&early).await.expect("is accepted");
    // Nothing but hints is worked on: what is learnt comes of this one.
    let working = Worker::new(&world.engine, WorkerOptions::default());
    let working = working.with(webhooks.handlers());
    working.drain().await.expect("works");
    world.clock.advance(Duration::from_secs(5));
    working.drain().await.expect("works");
    let payments = &world.payments;
    let created = payments.create_intent(&mei(), order, &idem("a")).await;
    assert_eq!(created.expect("creates").id, id);
    let confirm = ConfirmIntent::of(id);
    let confirmed = payments.confirm(&mei(), confirm, &idem("c")).await;
    confirmed.expect("confirms");
    world.clock.advance(Duration::from_secs(61));
    working.drain().await.expect("works");
    assert_eq!(world.intent(id).await.status, IntentStatus::Succeeded);
}

#[tokio::test]
async fn a_hint_has_to_be_short() {
    let (world, webhooks) = hinted(Hints);
    let padded = |length: usize| {
        let named = format!("{}-c1", IntentId::derived(&["a"]));
        hint(&format!("{named:length$}"))
    };
    webhooks
        .receive(&padded(HINT_BODY_MAX))
        .await
        .expect("fits");
    let refused = webhooks.receive(&padded(HINT_BODY_MAX + 1)).await;
    let refused = refused.expect_err("is too long");
    assert!(
        matches!(
            refused,
            WebhookRefusal::TooLarge {
                most: HINT_BODY_MAX,
                ..
            }
        ),
        "{refused}"
    );
    // What is signed may be longer.
    let signed_one = signed(app(), &" ".repeat(HINT_BODY_MAX + 1), world.engine.now());
    let stripe = intake(&world.engine, &world.payments);
    stripe.receive(&signed_one).await.expect("is accepted");
}
