//! Who may look after webhooks.

use mp_core::{Caller, ErrorKind, Scope, host::Host};
use mp_pay::{
    payments::PAY_MANAGE,
    webhook::{WebhookId, Webhooks},
};
use serde_json::json;

use super::{
    sender::{intake, signed, worker},
    support::{CLASSES, World, app, idem, mei},
};

async fn with_one_dead() -> (Webhooks, World, WebhookId) {
    let world = World::new(CLASSES[2]);
    let webhooks = intake(&world.engine, &world.payments);
    let broken = webhooks
        .receive(&signed(app(), "no JSON", world.engine.now()))
        .await;
    worker(&world, &webhooks).drain().await.expect("works");
    (webhooks, world, broken.expect("it is signed").webhook)
}

#[tokio::test]
async fn only_staff_see_and_handle_webhooks() {
    let (webhooks, _world, webhook) = with_one_dead().await;
    assert!(webhooks.unhandled(&mei(), None, 9).await.is_err());
    assert!(webhooks.handle(&mei(), &webhook).await.is_err());
    assert!(
        webhooks
            .dismiss(&mei(), &webhook, &idem("d"))
            .await
            .is_err()
    );
    let manager = mei().with_scope(PAY_MANAGE);
    assert_eq!(
        webhooks
            .unhandled(&manager, None, 9)
            .await
            .expect("lists")
            .len(),
        1
    );
}

#[tokio::test]
async fn nobody_sees_the_webhooks_of_another_app() {
    let (webhooks, _world, webhook) = with_one_dead().await;
    let stranger = Caller::app("markets".parse().expect("an app")).with_scope(Scope::STAFF);
    assert_eq!(
        webhooks.unhandled(&stranger, None, 9).await.expect("lists"),
        []
    );
    let refused = webhooks.handle(&stranger, &webhook).await;
    assert_eq!(refused.expect_err("is not theirs").code(), "not_found");
    let refused = webhooks.dismiss(&stranger, &webhook, &idem("d")).await;
    assert_eq!(refused.expect_err("is not theirs").code(), "not_found");
}

#[tokio::test]
async fn staff_look_after_webhooks_in_json() {
    let (webhooks, world, webhook) = with_one_dead().await;
    let host = Host::new(&world.engine).with(webhooks.operations());
    let host = host.expect("registers");
    let manager = mei().with_scope(PAY_MANAGE);
    let listed = host
        .call(&manager, "pay.webhooks", json!({"limit": 5}))
        .await;
    let listed = listed.expect("lists");
    assert_eq!(listed[0]["webhook"], json!(webhook));
    let input = json!({"webhook": webhook, "idempotency_key": "k"});
    let again = host
        .call(&manager, "pay.handle_webhook", input.clone())
        .await;
    assert_eq!(
        again.expect_err("it does not read still").code(),
        "invalid_field"
    );
    let put_aside = host.call(&manager, "pay.dismiss_webhook", input).await;
    assert_eq!(put_aside.expect("dismisses")["outcome"], "dismissed");
    let after = json!({"after": webhook});
    for input in [json!({}), after] {
        let listed = host.call(&manager, "pay.webhooks", input).await;
        assert_eq!(listed.expect("lists"), json!([]));
    }
    for operation in host.operations() {
        let refused = host.call(&mei(), operation.name(), json!({})).await;
        assert_eq!(refused.expect_err("refused").kind(), ErrorKind::Forbidden);
    }
}
