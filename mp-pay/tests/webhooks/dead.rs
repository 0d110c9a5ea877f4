//! What was given up: it keeps nothing else from coming.

use async_trait::async_trait;
use mp_core::{Error, ErrorKind, Timestamp};
use mp_pay::webhook::{Handling, Identity, Observation, RawWebhook, WebhookRefusal, WebhookSource};

use super::{
    forged::{forged, hinted, of_one_page, work_for_an_hour},
    sender::{intake, signed, worker},
    support::{CLASSES, World, app, staff},
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
    for known in unhandled {
        webhooks
            .dismiss(&staff(), &known.webhook)
            .await
            .expect("dismisses");
    }
    let again = webhooks.dismiss(&staff(), &first.webhook).await;
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
