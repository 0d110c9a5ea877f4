//! The same event with other bytes.

use std::time::Duration;

use mp_pay::{
    intent::IntentStatus,
    webhook::{EDITIONS_MAX, WebhookRefusal},
};

use super::{
    intake::notices,
    sender::{intake, signed, worker},
    support::{CLASSES, World, app},
};

#[tokio::test]
async fn an_event_that_comes_with_other_bytes_is_read_too_and_counts_once() {
    let world = World::new(CLASSES[2]);
    let webhooks = intake(&world.engine, &world.payments);
    let intent = world.pay("pm_slow", false).await;
    world.clock.advance(Duration::from_secs(61));
    let events = world.sandbox.events(&app()).await.expect("tells");
    let told = events.first().expect("one event").body.clone();
    for pending in 0..EDITIONS_MAX {
        let body = told.replacen('{', &format!(r#"{{"pending_webhooks":{pending},"#), 1);
        for duplicate in [false, true] {
            let accepted = webhooks
                .receive(&signed(app(), &body, world.engine.now()))
                .await;
            let accepted = accepted.expect("is accepted");
            assert_eq!(accepted.duplicate, duplicate, "{pending}");
        }
    }
    let one_more = webhooks
        .receive(&signed(app(), &told, world.engine.now()))
        .await;
    assert!(matches!(one_more, Err(WebhookRefusal::Contradictory)));
    worker(&world, &webhooks).drain().await.expect("works");
    let paid = world.intent(intent.id).await;
    assert_eq!(paid.status, IntentStatus::Succeeded);
    assert_eq!(
        paid.amount_received, intent.amount,
        "it is joined, not added"
    );
    assert_eq!(notices(&world, intent.id).await, EDITIONS_MAX as usize);
}
