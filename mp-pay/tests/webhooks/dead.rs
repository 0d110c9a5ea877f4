//! What was given up: it keeps nothing else from coming.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use mp_core::{Error, ErrorKind, Timestamp, id::Name, work::ATTEMPTS_MAX};
use mp_pay::webhook::{
    Handling, Identity, Observation, RawWebhook, WebhookRefusal, WebhookSource, Webhooks,
};

use super::{
    forged::{forged, hinted, of_one_page, work_for_an_hour},
    sender::{intake, signed, worker},
    support::{CLASSES, World, app, idem, staff},
};

#[tokio::test]
async fn what_lies_dead_takes_no_place_of_what_waits() {
    let world = World::new(CLASSES[2]);
    let now = world.engine.now();
    let odd =
        move |number: u32| signed(app(), &format!(r#"{{"id":"evt_{number}","type":1}}"#), now);
    let events = of_one_page(6, odd).await;
    // Two on each page.
    let webhooks = intake(&world.engine, &world.payments).with_waiting_max(512);
    let worker = worker(&world, &webhooks);
    let first = webhooks.receive(&events[0]).await.expect("is accepted");
    worker.drain().await.expect("works");
    for event in &events[1..3] {
        webhooks
            .receive(event)
            .await
            .expect("one lies dead, and two may wait");
    }
    let third = webhooks.receive(&events[3]).await;
    assert!(matches!(third, Err(WebhookRefusal::Busy)), "two wait");
    worker.drain().await.expect("works");
    // As many may lie dead as may wait; beyond that somebody has to look first.
    let full = webhooks.receive(&events[4]).await;
    assert!(matches!(full, Err(WebhookRefusal::Busy)), "three lie dead");
    let unhandled = webhooks.unhandled(&staff(), None, 10).await.expect("lists");
    assert_eq!(unhandled.len(), 3);
    for (number, known) in unhandled.into_iter().enumerate() {
        let key = idem(&format!("d{number}"));
        webhooks
            .dismiss(&staff(), &known.webhook, &key)
            .await
            .expect("dismisses");
    }
    let again = webhooks.dismiss(&staff(), &first.webhook, &idem("d")).await;
    assert_eq!(again.expect("is put aside").outcome, Handling::Dismissed);
    for event in &events[3..5] {
        webhooks
            .receive(event)
            .await
            .expect("there is room for two");
    }
    let third = webhooks.receive(&events[5]).await;
    assert!(
        matches!(third, Err(WebhookRefusal::Busy)),
        "and for no more"
    );
}

/// Hints into which nobody can look.
#[derive(Debug)]
struct Unanswered;

#[async_trait]
impl WebhookSource for Unanswered {
    fn kept_headers(&self) -> &'static [&'static str] {
        &[]
    }

    async fn verify(&self, _: &RawWebhook, _: Timestamp) -> Result<Identity, WebhookRefusal> {
        Ok(Identity::Hint)
    }

    async fn read(&self, _: &RawWebhook) -> Result<Vec<Observation>, Error> {
        Err(Error::new(
            ErrorKind::Unavailable,
            "away",
            "the provider does not answer",
        ))
    }
}

#[tokio::test]
async fn hints_that_nobody_could_look_into_are_put_before_a_person_as_far_as_there_is_room() {
    let (world, webhooks) = hinted(Unanswered);
    let webhooks = webhooks.with_waiting_max(1);
    let hints = of_one_page(3, forged).await;
    for hint in &hints {
        webhooks
            .receive(hint)
            .await
            .expect("there is room on the page");
        for _ in 0..8 {
            work_for_an_hour(&world, &webhooks).await;
        }
    }
    let unhandled = webhooks.unhandled(&staff(), None, 10).await.expect("lists");
    assert_eq!(unhandled.len(), 1, "one may lie dead on a page");
    // One that is heard again waits again.
    let first = webhooks
        .receive(&hints[0])
        .await
        .expect("is accepted")
        .webhook;
    assert_eq!(unhandled[0].webhook, first);
    let unhandled = webhooks.unhandled(&staff(), None, 10).await;
    assert_eq!(unhandled.expect("lists"), []);
}

#[tokio::test]
async fn a_hint_that_is_heard_again_is_put_aside_by_no_call_of_before() {
    let (world, webhooks) = hinted(Unanswered);
    let hint = forged(1);
    let accepted = webhooks.receive(&hint).await.expect("is accepted");
    let dismiss = async |key| {
        let key = idem(key);
        let dismissed = webhooks.dismiss(&staff(), &accepted.webhook, &key).await;
        dismissed.expect("dismisses")
    };
    let first = dismiss("one").await;
    world.clock.advance(Duration::from_secs(60));
    webhooks.receive(&hint).await.expect("is heard again");
    assert_eq!(dismiss("one").await, first, "it is answered alike");
    let waits = webhooks.handle(&staff(), &accepted.webhook).await;
    assert_eq!(waits.expect_err("it waits").code(), "away");
    assert_ne!(dismiss("two").await, first);
    let rests = webhooks.handle(&staff(), &accepted.webhook).await;
    assert_eq!(rests.expect("it rests").outcome, Handling::Dismissed);
}

/// Whose provider is away all day, and sends the same hint again during the last try.
#[derive(Debug, Default)]
struct HeardAtLast {
    webhooks: OnceLock<Webhooks>,
    read: AtomicU32,
}

#[async_trait]
impl WebhookSource for HeardAtLast {
    fn kept_headers(&self) -> &'static [&'static str] {
        &[]
    }

    async fn verify(&self, _: &RawWebhook, _: Timestamp) -> Result<Identity, WebhookRefusal> {
        Ok(Identity::Hint)
    }

    async fn read(&self, webhook: &RawWebhook) -> Result<Vec<Observation>, Error> {
        let tries = self.read.fetch_add(1, Ordering::SeqCst) + 1;
        if tries > ATTEMPTS_MAX {
            return Ok(Vec::new());
        }
        if tries == ATTEMPTS_MAX {
            let webhooks = self.webhooks.get().expect("it is set up");
            webhooks.receive(webhook).await.expect("is accepted");
        }
        Unanswered.read(webhook).await
    }
}

#[tokio::test]
async fn a_hint_that_comes_during_the_last_try_is_looked_into_once_more() {
    let world = World::new(CLASSES[1]);
    let source = Arc::new(HeardAtLast::default());
    let name: Name = "mollie".parse().expect("a name");
    let webhooks = Webhooks::new(&world.engine);
    let webhooks = webhooks.with_source(name.clone(), source.clone(), &world.payments);
    let set = source.webhooks.set(webhooks.clone());
    set.expect("it is the first");
    let hint = RawWebhook::new(app(), name, "x");
    let accepted = webhooks.receive(&hint).await.expect("is accepted");
    let worker = worker(&world, &webhooks);
    // Each try is made when it is due: before a hint that comes again would wake what was given up.
    for _ in 0..7 * 120 {
        worker.drain().await.expect("works");
        world.clock.advance(Duration::from_secs(30));
    }
    assert_eq!(source.read.load(Ordering::SeqCst), ATTEMPTS_MAX + 1);
    let handled = webhooks.handle(&staff(), &accepted.webhook).await;
    assert_eq!(handled.expect("is handled").outcome, Handling::Ignored);
    assert_eq!(world.store.dead(None, 10).await.expect("lists"), []);
}
