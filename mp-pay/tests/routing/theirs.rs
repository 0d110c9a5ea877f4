//! What is asked because of an attempt is asked of its backend, and of no other.

use std::time::Duration;

use mp_core::{Error, ErrorKind};
use mp_pay::{
    PayError, PaymentIntent, Payments,
    backend::{Outcome, Reference, WebhookTrust, sandbox::Behaviour},
    intent::IntentStatus,
    operation::{OperationKey, Step},
    payments::{CancelIntent, CaptureIntent, IncreaseIntent, Notice, RefundIntent},
    routing::{Backends, Routing, RoutingRule, RoutingRules},
};

use super::{
    able, processing_error,
    support::{
        CLASSES, World, eur,
        fleet::{Fleet, name, object},
        idem, staff,
    },
};

fn settled(intent: &PaymentIntent) -> Notice {
    let (intent, step) = (intent.id, Step::Charge(1));
    Notice {
        operation: OperationKey { intent, step },
        outcome: Outcome::settled(Reference::new("theirs").expect("a reference")),
    }
}

/// Starts a process that has only the second backend.
fn without_acme(fleet: &Fleet) -> World {
    let backends = Backends::new(name("birch"), object(fleet.birch.clone()));
    let rules = RoutingRules::new([RoutingRule::to([name("birch")])]).expect("rules");
    let routing = Routing::new(backends, rules).expect("fits");
    fleet.world_on(fleet.store.clone(), routing)
}

#[tokio::test]
async fn what_a_backend_can_do_is_decided_for_its_own_attempts() {
    let poor = able()
        .without_partial_capture()
        .with_increases(0)
        .without_partial_refund();
    for (first, second, able_too) in [(poor, able(), true), (able(), poor, false)] {
        let fleet = Fleet::new(first, second);
        let world = fleet.world();
        fleet.acme.script(processing_error());
        let held = world.pay("pm_ok", true).await;
        let pay = &world.payments;
        let more = IncreaseIntent::to(held.id, eur(150));
        let raised = pay.increase(&staff(), more, &idem("more")).await;
        assert_eq!(raised.is_ok(), able_too, "{raised:?}");
        let part = CaptureIntent::of(held.id).with_amount(eur(80));
        let taken = pay.capture(&staff(), part, &idem("part")).await;
        assert_eq!(taken.is_ok(), able_too, "{taken:?}");
        if !able_too {
            let whole = CaptureIntent::of(held.id);
            pay.capture(&staff(), whole, &idem("whole"))
                .await
                .expect("captures");
        }
        let back = RefundIntent::of(held.id).with_amount(eur(30));
        let back = pay.refund(&staff(), back, &idem("back")).await;
        assert_eq!(back.is_ok(), able_too, "{back:?}");
    }
}

#[tokio::test]
async fn holds_stand_as_long_as_their_own_backend_holds() {
    let hour = Duration::from_secs(60 * 60);
    let fleet = Fleet::new(
        able().with_hold_life(Some(hour)),
        able().with_hold_life(None),
    );
    let world = fleet.world();
    let here = world.pay("pm_ok", true).await;
    assert_eq!(here.hold_expires_at, Some(world.engine.now().plus(hour)));
    fleet.acme.script(processing_error());
    let intent = world.create("pm_ok", true, "other").await;
    let there = world.confirm(intent.id, "other").await;
    assert_eq!(
        (there.status, there.hold_expires_at),
        (IntentStatus::RequiresCapture, None)
    );
}

#[tokio::test]
async fn a_backend_that_is_not_configured_has_its_operations_wait() {
    let fleet = Fleet::new(able(), able());
    let world = fleet.world();
    let held = world.pay("pm_ok", true).await;
    fleet.acme.script(Behaviour::TimeoutAfter);
    let lost = world.create("pm_ok", false, "lost").await;
    assert_eq!(
        world.confirm(lost.id, "lost").await.status,
        IntentStatus::Processing
    );

    let other = without_acme(&fleet);
    let capture = CaptureIntent::of(held.id);
    let refused = other
        .payments
        .capture(&staff(), capture.clone(), &idem("capture"))
        .await;
    let refused = refused.expect_err("refused");
    assert!(
        matches!(&refused, PayError::BackendMissing(it) if *it == name("acme")),
        "{refused}"
    );
    let refused = Error::from(refused);
    assert_eq!(
        (refused.kind(), refused.code()),
        (ErrorKind::Unavailable, "backend_not_configured")
    );
    let refused = other.payments.observe(&staff(), settled(&lost)).await;
    assert!(
        matches!(refused, Err(PayError::BackendMissing(_))),
        "{refused:?}"
    );
    // What can be decided without it is, and waits for it.
    let canceled = other
        .payments
        .cancel(&staff(), CancelIntent::of(held.id), &idem("x"))
        .await;
    assert_eq!(canceled.expect("cancels").status, IntentStatus::Canceled);
    other.let_time_pass(3).await;
    assert_eq!(other.unresolved().await, 0, "it may come back");
    assert_eq!(fleet.moved().await, [vec![100], vec![]]);

    // A process that has it goes on.
    world.let_time_pass(30).await;
    assert_eq!(world.intent(lost.id).await.status, IntentStatus::Succeeded);
    assert_eq!(world.unresolved().await, 0);
    assert_eq!(fleet.moved().await, [vec![100], vec![]]);
}

#[tokio::test]
async fn a_backend_that_does_not_come_back_is_before_a_person() {
    let fleet = Fleet::new(able(), able());
    fleet.acme.script(Behaviour::TimeoutAfter);
    let lost = fleet.world().pay("pm_ok", false).await;
    let other = without_acme(&fleet);
    for _ in 0..24 {
        fleet.clock.advance(Duration::from_secs(60 * 60));
        other.worker().drain().await.expect("works");
    }
    let listed = other
        .payments
        .unresolved(&staff(), None, 10)
        .await
        .expect("lists");
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].backend, Some(name("acme")));
    let resolved = other
        .payments
        .resolve(&staff(), settled(&lost), &idem("word"))
        .await;
    assert_eq!(resolved.expect("resolves").status, IntentStatus::Succeeded);
    assert_eq!(fleet.moved().await, [vec![100], vec![]]);
}

#[tokio::test]
async fn no_backend_has_a_word_on_what_another_one_did() {
    let hints = CLASSES[1].with_webhooks(WebhookTrust::HintOnly);
    let day = Duration::from_secs(24 * 60 * 60);
    let fleet = Fleet::new(able(), hints);
    let world = fleet.world();
    fleet.acme.script(Behaviour::Delay(day));
    let waiting = world.pay("pm_ok", false).await;
    let notice = settled(&waiting);
    let pay = &world.payments;
    let forged = pay
        .observe_from(&staff(), &name("birch"), notice.clone())
        .await;
    assert_eq!(
        Error::from(forged.expect_err("refused")).kind(),
        ErrorKind::NotFound
    );
    let nobody = pay
        .observe_from(&staff(), &name("cedar"), notice.clone())
        .await;
    assert!(matches!(nobody, Err(PayError::BackendMissing(_))));
    // Without saying whose it is, it may be a hint.
    let hinted = pay
        .observe(&staff(), notice.clone())
        .await
        .expect("looks into it");
    assert_eq!(hinted.status, IntentStatus::Processing);
    let heard = pay
        .observe_from(&staff(), &name("acme"), notice)
        .await
        .expect("hears it");
    assert_eq!(heard.status, IntentStatus::Succeeded);
}

#[tokio::test]
async fn attempts_of_before_there_were_names_are_the_first_backends() {
    let fleet = Fleet::new(able(), able());
    let mut before = fleet.world();
    before.payments = Payments::new(&before.engine, object(fleet.acme.clone()));
    let held = before.pay("pm_ok", true).await;
    let world = fleet.world();
    let capture = CaptureIntent::of(held.id);
    let taken = world
        .payments
        .capture(&staff(), capture, &idem("capture"))
        .await;
    assert_eq!(taken.expect("captures").status, IntentStatus::Succeeded);
    let notice = settled(&held);
    let of = |backend: &'static str, notice: Notice| {
        let payments = world.payments.clone();
        async move {
            payments
                .observe_from(&staff(), &name(backend), notice)
                .await
        }
    };
    of("acme", notice.clone()).await.expect("is its own");
    of("birch", notice).await.expect_err("is not its own");
    assert_eq!(fleet.moved().await, [vec![100], vec![]]);
}
