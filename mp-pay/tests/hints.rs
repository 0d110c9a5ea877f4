//! What is promised about webhooks that anybody could have sent.

mod support;

use std::time::Duration;

use mp_pay::{
    backend::{Outcome, WebhookTrust},
    intent::IntentStatus,
    operation::{OperationKey, Step},
    payments::{ConfirmIntent, Notice},
};

use self::support::{
    CLASSES, World,
    faulty::Fault,
    idem, mei,
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
