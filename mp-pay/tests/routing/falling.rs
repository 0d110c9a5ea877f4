//! When another backend is tried, and when never.

use std::time::Duration;

use mp_pay::{
    IntentId, PaymentIntent,
    attempt::Attempt,
    backend::{Capabilities, DeclineCode, Outcome, Reference, sandbox::Behaviour},
    intent::IntentStatus,
    operation::{OperationKey, Stage, Step},
    payments::{CaptureIntent, ConfirmIntent, Notice, RefundIntent},
};

use super::{
    able, processing_error,
    support::{
        World, eur,
        fleet::{Fleet, NOTHING, name},
        idem, mei, staff,
    },
};

async fn attempts(world: &World, id: IntentId) -> Vec<Attempt> {
    world.payments.attempts(&staff(), id).await.expect("reads")
}

fn charge(id: IntentId, number: u32) -> OperationKey {
    let step = Step::Charge(number);
    OperationKey { intent: id, step }
}

fn declined(code: &str) -> Outcome {
    Outcome::declined(DeclineCode::new(code).expect("a code"))
}

fn told(id: IntentId, outcome: Outcome) -> Notice {
    let operation = charge(id, 1);
    Notice { operation, outcome }
}

#[tokio::test]
async fn what_was_declined_for_this_or_not_sent_is_tried_at_the_next() {
    for behaviour in [processing_error(), Behaviour::Unavailable] {
        let fleet = Fleet::new(able(), able());
        let world = fleet.world();
        fleet.acme.script(behaviour);
        let paid = world.pay("pm_ok", false).await;
        assert_eq!(
            (paid.status, paid.last_error),
            (IntentStatus::Succeeded, None)
        );
        assert_eq!(fleet.moved().await, [vec![], vec![100]]);
        let [first, second] = &attempts(&world, paid.id).await[..] else {
            panic!("two attempts");
        };
        assert_eq!(
            (&first.backend, &second.backend),
            (&Some(name("acme")), &Some(name("birch")))
        );
        assert_eq!(
            (first.charge.stage, second.after),
            (Stage::Declined, Some(1))
        );
        // Everything else is asked of the one that took it.
        let refund = RefundIntent::of(paid.id).with_amount(eur(30));
        let refund = world.payments.refund(&staff(), refund, &idem("back")).await;
        assert_eq!(refund.expect("refunds").operation.stage, Stage::Done);
        assert_eq!(fleet.moved().await, [vec![], vec![100, -30]]);
        world.let_time_pass(3).await;
        assert_eq!(fleet.moved().await, [vec![], vec![100, -30]]);
    }
}

#[tokio::test]
async fn any_other_decline_is_the_payers_answer() {
    let fleet = Fleet::new(able(), able());
    let world = fleet.world();
    let intent = world.pay("pm_declined", false).await;
    assert_eq!(intent.status, IntentStatus::RequiresPaymentMethod);
    assert_eq!(attempts(&world, intent.id).await.len(), 1);
    // And so is that of the last one.
    for backend in [&fleet.acme, &fleet.birch] {
        backend.script(processing_error());
    }
    let confirm = ConfirmIntent::of(intent.id).with_payment_method(super::support::method("pm_ok"));
    let again = world
        .payments
        .confirm(&mei(), confirm, &idem("again"))
        .await;
    let again = again.expect("confirms");
    assert_eq!(again.status, IntentStatus::RequiresPaymentMethod);
    assert_eq!(
        again.last_error.map(|code| code.to_string()).as_deref(),
        Some("processing_error")
    );
    assert_eq!(attempts(&world, intent.id).await.len(), 3);
    assert_eq!(fleet.moved().await, NOTHING);
}

/// Has the first backend lose, accept or ask the payer for the charge.
async fn left_open(fleet: &Fleet, behaviour: Behaviour) -> (World, PaymentIntent) {
    let world = fleet.world();
    fleet.acme.script(behaviour);
    let intent = world.pay("pm_ok", false).await;
    (world, intent)
}

#[tokio::test]
async fn an_unknown_attempt_blocks_fall_over_until_it_is_known() {
    let day = Duration::from_secs(24 * 60 * 60);
    for open in [
        Behaviour::TimeoutBefore,
        Behaviour::TimeoutAfter,
        Behaviour::Delay(day),
        Behaviour::NeedsAction(day),
    ] {
        // Nothing but a person or the backend itself can tell.
        let fleet = Fleet::new(Capabilities::neither(), able());
        let (world, intent) = left_open(&fleet, open.clone()).await;
        let took = matches!(open, Behaviour::TimeoutAfter);
        let moved = || [if took { vec![100] } else { vec![] }, vec![]];
        for _ in 0..3 {
            world.let_time_pass(2).await;
            let confirm = ConfirmIntent::of(intent.id);
            let again = world
                .payments
                .confirm(&mei(), confirm, &idem("again"))
                .await;
            again.expect_err("nothing else is tried");
            assert_eq!(attempts(&world, intent.id).await.len(), 1, "{open:?}");
            assert_eq!(fleet.moved().await, moved(), "{open:?}");
        }
        if took {
            continue;
        }
        // Once it is known to be declined, what is due goes on, without any caller.
        let notice = told(intent.id, declined("processing_error"));
        told_and_dead(&fleet, notice).await;
        world.let_time_pass(2).await;
        assert_eq!(
            world.intent(intent.id).await.status,
            IntentStatus::Succeeded,
            "{open:?}"
        );
        assert_eq!(attempts(&world, intent.id).await.len(), 2);
        assert_eq!(fleet.moved().await, [vec![], vec![100]], "{open:?}");
    }
}

/// Has a process take in what is told, which dies before it goes on.
async fn told_and_dead(fleet: &Fleet, notice: Notice) {
    use super::support::{faulty::Fault, process::Strike};
    let strike = Strike {
        write: 2,
        call: 0,
        fault: Fault::DiesBefore,
    };
    let process = fleet.start(strike);
    let told = process
        .world
        .payments
        .observe_from(&staff(), &name("acme"), notice)
        .await;
    told.expect_err("the process has died");
}

#[tokio::test]
async fn due_work_goes_on_with_the_next_once_the_last_is_known() {
    // The first answer is lost; asked again, it declines.
    let fleet = Fleet::new(able(), able());
    let (world, intent) = left_open(&fleet, Behaviour::TimeoutBefore).await;
    assert_eq!(intent.status, IntentStatus::Processing);
    fleet.acme.script(processing_error());
    world.let_time_pass(4).await;
    assert_eq!(
        world.intent(intent.id).await.status,
        IntentStatus::Succeeded
    );
    assert_eq!(fleet.moved().await, [vec![], vec![100]]);
}

#[tokio::test]
async fn a_persons_word_lets_the_next_be_tried() {
    let fleet = Fleet::new(Capabilities::neither(), able());
    let (world, intent) = left_open(&fleet, Behaviour::TimeoutBefore).await;
    world.let_time_pass(1).await;
    let listed = world
        .payments
        .unresolved(&staff(), None, 10)
        .await
        .expect("lists");
    assert_eq!(listed[0].backend, Some(name("acme")));
    let notice = told(intent.id, declined("never_came"));
    let resolved = world
        .payments
        .resolve(&staff(), notice, &idem("word"))
        .await;
    assert_eq!(resolved.expect("resolves").status, IntentStatus::Succeeded);
    assert_eq!(fleet.moved().await, [vec![], vec![100]]);
}

#[tokio::test]
async fn a_hold_that_fell_over_is_captured_where_it_is_held() {
    let fleet = Fleet::new(able(), able());
    let world = fleet.world();
    fleet.acme.script(processing_error());
    let held = world.pay("pm_ok", true).await;
    assert_eq!(held.status, IntentStatus::RequiresCapture);
    let capture = CaptureIntent::of(held.id).with_amount(eur(80));
    let taken = world
        .payments
        .capture(&staff(), capture, &idem("capture"))
        .await;
    assert_eq!(taken.expect("captures").status, IntentStatus::Succeeded);
    assert_eq!(fleet.moved().await, [vec![], vec![80]]);
}

#[tokio::test]
async fn what_can_only_be_held_goes_on_only_where_it_can_be_held() {
    let fleet = Fleet::new(able(), able().without_separate_capture());
    let world = fleet.world();
    fleet.acme.script(processing_error());
    let held = world.pay("pm_ok", true).await;
    assert_eq!(held.status, IntentStatus::RequiresPaymentMethod);
    assert_eq!(attempts(&world, held.id).await.len(), 1);
}

#[tokio::test]
async fn what_was_taken_after_it_was_declined_goes_back_to_where_it_was_taken() {
    let fleet = Fleet::new(able(), able());
    let world = fleet.with_a_liar();
    let paid = world.pay("pm_ok", false).await;
    assert_eq!(paid.status, IntentStatus::Succeeded);
    assert_eq!(fleet.moved().await, [vec![100], vec![100]]);
    let reference = Reference::new("late").expect("a reference");
    let notice = told(paid.id, Outcome::settled(reference));
    for _ in 0..2 {
        let heard = world
            .payments
            .observe_from(&staff(), &name("acme"), notice.clone())
            .await;
        assert_eq!(heard.expect("hears").amount_received, eur(100));
    }
    assert_eq!(fleet.moved().await, [vec![100, -100], vec![100]]);
    assert_eq!(world.unresolved().await, 0);
}
