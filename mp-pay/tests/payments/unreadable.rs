//! Records that do not read back, beside others that do.

use super::{
    spoil::{spoil, unreadable},
    *,
};

#[tokio::test]
async fn one_payment_that_does_not_read_back_keeps_no_other_from_being_listed() {
    for broken in unreadable("payment_intent") {
        let world = World::new(CLASSES[2]);
        for key in ["a", "b"] {
            let intent = world.create("pm_timeout_after", false, key).await;
            world.confirm(intent.id, key).await;
        }
        world.let_time_pass(3).await;
        let listed = world.payments.unresolved(&staff(), None, 10).await;
        let listed = listed.expect("lists");
        let [first, second] = &listed[..] else {
            panic!("two wait, not {listed:?}");
        };
        let first = first.operation.intent.to_string();
        let partition = Partition::new(&app(), "pay", &first).expect("a partition");
        spoil(&world.store, &partition, "", &broken).await;
        // A process that has read neither before.
        let world = world.another();
        let listed = world.payments.unresolved(&staff(), None, 10).await;
        assert_eq!(
            listed.expect("lists"),
            std::slice::from_ref(second),
            "{broken}"
        );
        let dead = world.store.dead(None, 10).await.expect("lists");
        assert_eq!(dead.len(), 2, "the work of both is on the list of the dead");
    }
}
