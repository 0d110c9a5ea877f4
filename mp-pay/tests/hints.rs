//! What is promised about webhooks that anybody could have sent.

mod support;

use std::{sync::Arc, time::Duration};

use mp_pay::{
    backend::{Outcome, Reference, WebhookTrust, sandbox::Behaviour},
    intent::IntentStatus,
    journal::Event,
    operation::{OperationKey, Step},
    payments::{ConfirmIntent, Notice},
};

use self::support::{
    CLASSES, World,
    faulty::Fault,
    idem,
    looks_up::LooksUp,
    mei,
    process::{Outside, Strike, UNHARMED},
    staff,
};

#[tokio::test]
async fn a_hint_about_a_call_that_is_on_its_way_does_not_send_it_again() {
    let outside = Outside::new(CLASSES[1].with_webhooks(WebhookTrust::HintOnly));
    let one = outside.start(Strike {
        write: 0,
        call: 1,
        fault: Fault::DiesBefore,
    });
    let intent = one.world.create("pm_ok", false, "create").await;
    let confirm = ConfirmIntent::of(intent.id);
    let payments = &one.world.payments;
    let confirmed = payments.confirm(&mei(), confirm, &idem("k")).await;
    confirmed.expect_err("the process has died");

    let other = outside.start(UNHARMED);
    let step = Step::Charge(1);
    let operation = OperationKey {
        intent: intent.id,
        step,
    };
    let outcome = Outcome::accepted();
    let hint = Notice { operation, outcome };
    let told = other.world.payments.observe(&staff(), hint).await;
    assert_eq!(told.expect("hears it").status, IntentStatus::Processing);
    assert_eq!(other.backend.doom.calls(), 0, "nothing was asked or sent");
    other.world.let_time_pass(1).await;
    let paid = other.world.intent(intent.id).await;
    assert_eq!(paid.status, IntentStatus::Succeeded);
    assert_eq!(other.world.moved().await, [100]);
}

#[tokio::test]
async fn hints_about_what_is_known_leave_no_entry() {
    let world = World::new(CLASSES[1].with_webhooks(WebhookTrust::HintOnly));
    let paid = world.pay("pm_ok", false).await;
    let journal = async || {
        let journal = world.payments.journal(&staff(), paid.id).await;
        journal.expect("reads").len()
    };
    let before = journal().await;
    for _ in 0..50 {
        world.clock.advance(Duration::from_secs(1));
        let operation = OperationKey {
            intent: paid.id,
            step: Step::Charge(1),
        };
        let outcome = Outcome::accepted();
        let hint = Notice { operation, outcome };
        let told = world.payments.observe(&staff(), hint).await;
        assert_eq!(told.expect("hears it").changed_at, paid.changed_at);
    }
    assert_eq!(journal().await, before);
}

#[tokio::test]
async fn hints_about_what_was_lost_send_it_again_once_and_no_faster_than_anybody_may() {
    let day = Duration::from_secs(24 * 60 * 60);
    // What is replayed, what is looked up and never came, and what nobody can tell of.
    let classes = [
        (CLASSES[0], true),
        (CLASSES[1], true),
        (CLASSES[1].with_replay(day), false),
    ];
    for (can, can_tell) in classes {
        let world = World::new(can.with_webhooks(WebhookTrust::HintOnly));
        let backend = LooksUp {
            inner: world.sandbox.clone(),
            can_tell: if can_tell { |_| true } else { |_| false },
        };
        let (store, clock) = (world.store.clone(), world.clock.clone());
        let world = World::on(store, clock, world.sandbox.clone(), Arc::new(backend));
        for _ in 0..200 {
            world.sandbox.script(Behaviour::TimeoutBefore);
        }
        let lost = world.pay("pm_ok", false).await;
        let sent = async || {
            let journal = world.payments.journal(&staff(), lost.id).await;
            let journal = journal.expect("reads");
            let sent = journal.iter().map(|entry| &entry.event);
            sent.filter(|event| matches!(event, Event::Sent { .. }))
                .count()
        };
        let before = sent().await;
        for number in 0..100 {
            let (intent, step) = (lost.id, Step::Charge(1));
            let operation = OperationKey { intent, step };
            let name = Reference::new(format!("ch_{number}")).expect("a name");
            let outcome = Outcome::accepted().with_reference(name);
            let hint = Notice { operation, outcome };
            // A backend that cannot tell has it told again later.
            let _ = world.payments.observe(&staff(), hint).await;
        }
        assert_eq!(sent().await, before + 1, "{can:?}");
        world.let_time_pass(1).await;
        assert!(sent().await > before + 1, "a worker goes on: {can:?}");
    }
}
