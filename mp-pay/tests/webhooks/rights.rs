//! Who may look after webhooks.

use mp_core::{Caller, Scope};
use mp_pay::{payments::PAY_MANAGE, webhook::Webhooks};

use super::{
    sender::{intake, signed, worker},
    support::{CLASSES, World, app, mei},
};

async fn with_one_dead() -> (Webhooks, mp_pay::webhook::WebhookId) {
    let world = World::new(CLASSES[2]);
    let webhooks = intake(&world.engine, &world.payments);
    let broken = webhooks
        .receive(&signed(app(), "no JSON", world.engine.now()))
        .await;
    worker(&world, &webhooks).drain().await.expect("works");
    (webhooks, broken.expect("it is signed").webhook)
}

#[tokio::test]
async fn only_staff_see_and_handle_webhooks() {
    let (webhooks, webhook) = with_one_dead().await;
    assert!(webhooks.unhandled(&mei(), None, 9).await.is_err());
    assert!(webhooks.handle(&mei(), &webhook).await.is_err());
    assert!(webhooks.dismiss(&mei(), &webhook).await.is_err());
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
    let (webhooks, webhook) = with_one_dead().await;
    let stranger = Caller::app("markets".parse().expect("an app")).with_scope(Scope::STAFF);
    assert_eq!(
        webhooks.unhandled(&stranger, None, 9).await.expect("lists"),
        []
    );
    let refused = webhooks.handle(&stranger, &webhook).await;
    assert_eq!(refused.expect_err("is not theirs").code(), "not_found");
    let refused = webhooks.dismiss(&stranger, &webhook).await;
    assert_eq!(refused.expect_err("is not theirs").code(), "not_found");
}
