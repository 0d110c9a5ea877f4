//! Records that do not read back, beside others that do.

use mp_pay::webhook::Unhandled;

use super::{
    sender::{intake, signed, worker},
    spoil::{spoil, unreadable},
    support::{CLASSES, World, app, staff},
};

#[tokio::test]
async fn one_webhook_that_does_not_read_back_keeps_no_other_from_being_listed() {
    for broken in unreadable("webhook") {
        let world = World::new(CLASSES[2]);
        let webhooks = intake(&world.engine, &world.payments);
        for number in 1..=2 {
            let odd = format!(r#"{{"id":"evt_{number}","type":1}}"#);
            let odd = signed(app(), &odd, world.engine.now());
            webhooks.receive(&odd).await.expect("is accepted");
        }
        worker(&world, &webhooks).drain().await.expect("works");
        let listed = unhandled(&world).await;
        let [_, second] = &listed[..] else {
            panic!("two wait, not {listed:?}");
        };
        let dead = world.store.dead(None, 10).await.expect("lists");
        spoil(&world.store, &dead[0].partition, "e/", &broken).await;
        assert_eq!(
            unhandled(&world).await,
            std::slice::from_ref(second),
            "{broken}"
        );
    }
}

/// Lists as a process does that has read nothing before.
async fn unhandled(world: &World) -> Vec<Unhandled> {
    let world = world.another();
    let webhooks = intake(&world.engine, &world.payments);
    let listed = webhooks.unhandled(&staff(), None, 10).await;
    listed.expect("lists")
}
