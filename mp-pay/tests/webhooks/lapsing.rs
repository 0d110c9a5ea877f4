//! How long a webhook is known, and what is left of it then.

use std::time::Duration;

use mp_core::store::{Key, Partition, Query, Selection};
use mp_pay::webhook::{Accepted, DEDUP_WINDOW, WebhookId};

use super::{
    sender::{intake, signed, worker},
    stores::Shared,
    support::{CLASSES, World, app, idem, staff},
};

const PING: &str = r#"{"id":"evt_1","type":"ping","data":{"object":{}}}"#;

/// How many records the webhook's page holds beside its root.
async fn records(world: &World, webhook: &WebhookId) -> usize {
    let text = webhook.to_string();
    let name = text.split(':').nth(2).expect("a name");
    let page = format!("market/hook/stripe.{}", &name[..2]);
    let all = Query {
        select: vec![Selection::Prefix(Key::root())],
        limit: 100,
    };
    let page = Partition::parse(&page).expect("an id");
    let view = world.store.read(&page, &all).await.expect("reads");
    let about = |record: &&mp_core::store::Record| record.key.as_str().contains(name);
    view.records.iter().filter(about).count()
}

#[tokio::test]
async fn an_event_is_known_for_the_whole_window_and_leaves_nothing_behind() {
    for shared in Shared::all("an_event_is_known_for_the_whole_window").await {
        let [world, _] = shared.worlds(CLASSES[2]);
        let webhooks = intake(&world.engine, &world.payments);
        let worker = worker(&world, &webhooks);
        let send = async || -> Accepted {
            let sent = webhooks
                .receive(&signed(app(), PING, world.engine.now()))
                .await;
            sent.expect("is accepted")
        };
        let first = send().await;
        for _ in 0..7 {
            worker.drain().await.expect("works");
            assert!(send().await.duplicate, "{}", shared.name);
            assert_eq!(records(&world, &first.webhook).await, 2, "{}", shared.name);
            world.clock.advance(DEDUP_WINDOW / 7);
        }
        assert!(
            send().await.duplicate,
            "{}: at the end of the window",
            shared.name
        );
        world.clock.advance(DEDUP_WINDOW);
        worker.drain().await.expect("works");
        assert_eq!(records(&world, &first.webhook).await, 0, "{}", shared.name);
        let anew = send().await;
        assert!(
            !anew.duplicate && anew.webhook != first.webhook,
            "{}",
            shared.name
        );
    }
}

#[tokio::test]
async fn what_waits_or_lies_dead_is_not_forgotten() {
    let world = World::new(CLASSES[2]);
    let webhooks = intake(&world.engine, &world.payments);
    let worker = worker(&world, &webhooks);
    let broken = webhooks
        .receive(&signed(app(), "no JSON", world.engine.now()))
        .await;
    let broken = broken.expect("it is signed").webhook;
    for _ in 0..5 {
        worker.drain().await.expect("works");
        world.clock.advance(DEDUP_WINDOW);
    }
    assert_eq!(
        webhooks
            .unhandled(&staff(), None, 9)
            .await
            .expect("lists")
            .len(),
        1
    );
    assert_eq!(records(&world, &broken).await, 2);
    webhooks
        .dismiss(&staff(), &broken, &idem("d"))
        .await
        .expect("dismisses");
    world.clock.advance(DEDUP_WINDOW + Duration::from_secs(1));
    worker.drain().await.expect("works");
    assert_eq!(records(&world, &broken).await, 0);
    assert_eq!(
        worker.drain().await.expect("works"),
        0,
        "the timer is gone too"
    );
}
