//! What is asked for late, called for late, or said late.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use mp_core::{
    conformance::{Call, HookedStore, Phase},
    id::IdempotencyKey,
    idempotency::IDEMPOTENCY_MEMORY,
};
use mp_pay::{
    IntentId,
    refund::{Refund, RefundReason},
};

use super::*;

fn declined() -> Outcome {
    Outcome::declined(DeclineCode::new("never_seen").expect("a code"))
}

async fn refund(
    world: &World,
    request: RefundIntent,
    key: &IdempotencyKey,
) -> Result<Refund, PayError> {
    world.payments.refund(&staff(), request, key).await
}

#[tokio::test]
async fn a_refund_asked_for_again_after_its_answer_is_forgotten_is_the_same_refund() {
    for can in CLASSES {
        let world = World::new(can);
        let paid = world.pay("pm_ok", false).await;
        let half = RefundIntent::of(paid.id).with_amount(eur(50));
        let key = idem("a");
        let first = refund(&world, half.clone(), &key).await.expect("refunds");
        for _ in 0..2 {
            world.clock.advance(IDEMPOTENCY_MEMORY * 3);
            world.let_time_pass(1).await;
            let again = refund(&world, half.clone(), &key).await.expect("answers");
            assert_eq!(again, first, "{can:?}");
        }
        let other = RefundIntent::of(paid.id).with_amount(eur(20));
        let reused = refund(&world, other, &key).await;
        assert_eq!(kind(reused), ErrorKind::KeyReused);
        assert_eq!(world.moved().await, [100, -50], "{can:?}");
        assert_eq!(world.intent(paid.id).await.amount_refundable(), eur(50));
    }
}

#[tokio::test]
async fn a_charge_that_never_came_is_not_made_once_its_time_is_over() {
    for can in CLASSES {
        let world = World::new(can);
        world.sandbox.script(Behaviour::Unavailable);
        let waiting = world.pay("pm_ok", false).await;
        assert_eq!(waiting.status, IntentStatus::Processing);
        assert_expires(&world, waiting.id).await;
    }
    // What was lost on its way is found not to have come, and is not sent after it either.
    let world = World::new(CLASSES[1]);
    let unsure = world.pay("pm_timeout_before", false).await;
    assert_expires(&world, unsure.id).await;
}

async fn assert_expires(world: &World, id: IntentId) {
    world.clock.advance(ACTION_LIFE);
    world.let_time_pass(3).await;
    let after = world.intent(id).await;
    assert_eq!(after.status, IntentStatus::RequiresPaymentMethod);
    assert_eq!(
        after.last_error,
        Some(DeclineCode::new("expired").expect("a code"))
    );
    assert_eq!((world.moved().await, world.unresolved().await), (vec![], 0));
}

#[tokio::test]
async fn a_charge_that_did_not_reach_its_backend_can_be_called_off() {
    for can in CLASSES {
        let world = World::new(can);
        world.sandbox.script(Behaviour::Unavailable);
        let waiting = world.pay("pm_ok", false).await;
        let cancel = CancelIntent::of(waiting.id);
        let canceled = world.payments.cancel(&staff(), cancel, &idem("x")).await;
        assert_eq!(canceled.expect("cancels").status, IntentStatus::Canceled);
        world.let_time_pass(5).await;
        assert_eq!((world.moved().await, world.unresolved().await), (vec![], 0));
    }
}

#[tokio::test]
async fn what_may_be_under_way_cannot_be_called_off() {
    let world = World::new(CLASSES[2]);
    for token in ["pm_slow", "pm_timeout_after"] {
        let intent = world.create(token, false, token).await;
        let unsure = world.confirm(intent.id, token).await;
        assert_eq!(unsure.status, IntentStatus::Processing);
        let cancel = CancelIntent::of(unsure.id);
        let refused = world.payments.cancel(&staff(), cancel, &idem("x")).await;
        let refused = matches!(refused, Err(PayError::UnexpectedState { .. }));
        assert!(refused, "{token}");
    }
}

/// A process that stands still between the commit that claims a call and the call, for so long that
/// another finds that nothing came, and calls itself.
#[tokio::test]
async fn a_claimed_call_is_not_made_once_another_process_may_have_made_it() {
    for can in &CLASSES[..2] {
        let world = World::new(*can);
        let (other, clock) = (Arc::new(world.another()), world.clock.clone());
        let commits = Arc::new(AtomicU32::new(0));
        let hook = move |call, phase, _: Option<&_>| {
            let (other, clock, commits) = (other.clone(), clock.clone(), commits.clone());
            async move {
                let is_commit = call == Call::Commit && phase == Phase::After;
                // The first creates the intent, the second claims its charge.
                if is_commit && commits.fetch_add(1, Ordering::SeqCst) == 1 {
                    clock.advance(Duration::from_secs(61));
                    other.worker().drain().await.expect("works");
                }
                Ok(())
            }
        };
        let store = Arc::new(HookedStore::new(world.store.clone(), hook));
        let backend = Arc::new(world.sandbox.clone());
        let slow = World::on(store, world.clock.clone(), world.sandbox.clone(), backend);
        let paid = slow.pay("pm_ok", false).await;
        assert_eq!(world.moved().await, [100], "{can:?}");
        let charge = &world
            .payments
            .attempts(&staff(), paid.id)
            .await
            .expect("reads")[0]
            .charge;
        assert_eq!(
            (charge.stage, charge.calls),
            (Stage::Done, 2),
            "by the other alone"
        );
    }
}

#[tokio::test]
async fn what_a_backend_says_against_a_persons_word_is_put_before_a_person() {
    let world = World::new(CLASSES[2]);
    let paid = world.pay("pm_ok", false).await;
    world.sandbox.script(Behaviour::TimeoutAfter);
    let half = RefundIntent::of(paid.id).with_amount(eur(50));
    refund(&world, half, &idem("a"))
        .await
        .expect("is asked for");
    world.let_time_pass(1).await;
    let listed = world.payments.unresolved(&staff(), None, 10).await;
    let operation = listed.expect("lists")[0].operation;
    let outcome = declined();
    let mistaken = Notice { operation, outcome };
    let resolved = world.payments.resolve(&staff(), mistaken, &idem("b")).await;
    assert_eq!(resolved.expect("resolves").amount_refundable(), eur(100));
    assert_eq!(world.unresolved().await, 0);

    let outcome = settled();
    let truth = Notice { operation, outcome };
    for _ in 0..2 {
        let told = world.payments.observe(&staff(), truth.clone()).await;
        told.expect("takes");
        world.let_time_pass(1).await;
        let listed = world.payments.unresolved(&staff(), None, 10).await;
        let listed = listed.expect("lists");
        let [again] = &listed[..] else {
            panic!("a person looks again: {listed:?}");
        };
        assert_eq!((again.operation, again.told), (operation, Some(eur(50))));
    }
    let resolved = world.payments.resolve(&staff(), truth, &idem("c")).await;
    assert_eq!(resolved.expect("resolves").amount_refunded, eur(50));
    assert_eq!(world.unresolved().await, 0);
}

#[tokio::test]
async fn an_overpayment_that_cannot_be_given_back_is_put_before_a_person() {
    let world = World::new(CLASSES[1]);
    world.sandbox.script(Behaviour::Misstate(eur(120)));
    let odd = world.pay("pm_ok", false).await;
    world.let_time_pass(1).await;
    world.sandbox.script(Behaviour::Decline(
        DeclineCode::new("charge_too_old").expect("a code"),
    ));
    let step = Step::Charge(1);
    let operation = OperationKey {
        intent: odd.id,
        step,
    };
    let outcome = settled().with_amount(eur(120));
    let found = Notice { operation, outcome };
    let resolved = world.payments.resolve(&staff(), found, &idem("a")).await;
    resolved.expect("resolves");
    world.let_time_pass(2).await;
    let refunds = world
        .payments
        .refunds(&staff(), odd.id)
        .await
        .expect("reads");
    assert_eq!(refunds[0].reason, Some(RefundReason::Overpaid));
    let listed = world.payments.unresolved(&staff(), None, 10).await;
    let listed = listed.expect("lists");
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].operation.step, Step::Refund(refunds[0].id));

    // What goes back with all the rest is not owed beside it.
    world.sandbox.script(Behaviour::TimeoutBefore);
    let rest = refund(&world, RefundIntent::of(odd.id), &idem("b")).await;
    let rest = rest.expect("is asked for");
    assert_eq!(rest.amount, eur(120));
    assert_eq!(world.unresolved().await, 0, "while it is on its way");
    for (outcome, owed) in [(settled(), 0), (declined(), 1)] {
        let step = Step::Refund(rest.id);
        let operation = OperationKey { step, ..operation };
        let told = Notice { operation, outcome };
        world.payments.observe(&staff(), told).await.expect("hears");
        world.let_time_pass(1).await;
        assert_eq!(world.unresolved().await, owed);
    }
}

#[tokio::test]
async fn what_a_person_finds_was_never_given_back_is_owed_until_they_say_otherwise() {
    for word in [settled(), declined()] {
        let world = World::new(CLASSES[2]);
        let waiting = world.pay("pm_action", false).await;
        world.clock.advance(ACTION_LIFE);
        // It is given up, and then let go of.
        world.let_time_pass(2).await;
        let step = Step::Charge(1);
        let intent = waiting.id;
        let late = Notice {
            operation: OperationKey { intent, step },
            outcome: settled(),
        };
        world.sandbox.script(Behaviour::TimeoutBefore);
        world.payments.observe(&staff(), late).await.expect("hears");
        world.let_time_pass(1).await;

        let step = Step::Return(1, 1);
        let operation = OperationKey { intent, step };
        let resolve = async |outcome, key| {
            let listed = world.payments.unresolved(&staff(), None, 10).await;
            assert_eq!(listed.expect("lists")[0].operation, operation);
            let found = Notice { operation, outcome };
            let resolved = world.payments.resolve(&staff(), found, &idem(key)).await;
            resolved.expect("resolves");
            world.let_time_pass(1).await;
        };
        resolve(declined(), "a").await;
        assert_eq!(world.unresolved().await, 1, "it is owed");
        resolve(word, "b").await;
        assert_eq!(world.unresolved().await, 0);
    }
}

#[tokio::test]
async fn an_overpayment_of_which_less_was_given_back_is_given_back_to_the_last() {
    let world = World::new(CLASSES[1]);
    for told in [120, 15] {
        world.sandbox.script(Behaviour::Misstate(eur(told)));
    }
    let odd = world.pay("pm_ok", false).await;
    for (told, key) in [(120, "a"), (15, "b")] {
        world.let_time_pass(1).await;
        let listed = world.payments.unresolved(&staff(), None, 10).await;
        let operation = listed.expect("lists")[0].operation;
        let outcome = settled().with_amount(eur(told));
        let found = Notice { operation, outcome };
        let resolved = world.payments.resolve(&staff(), found, &idem(key)).await;
        resolved.expect("resolves");
    }
    world.let_time_pass(1).await;
    assert_eq!(world.intent(odd.id).await.amount_refunded, eur(20));
}

#[tokio::test]
async fn a_charge_that_waits_is_not_sent_again_whenever_somebody_looks() {
    let world = World::new(CLASSES[0]);
    let waiting = world.create("pm_action", false, "k").await;
    for _ in 0..20 {
        world.confirm(waiting.id, "k").await;
    }
    let attempts = world.payments.attempts(&staff(), waiting.id).await;
    assert_eq!(attempts.expect("reads")[0].charge.calls, 1);
    world.let_time_pass(2).await;
    let paid = world.confirm(waiting.id, "k").await;
    assert_eq!(paid.status, IntentStatus::Succeeded);
}

#[tokio::test]
async fn there_is_no_journal_of_an_intent_that_is_not_there() {
    let world = World::new(CLASSES[0]);
    let none = IntentId::from_bytes([9; 16]);
    let journal = world.payments.journal(&staff(), none).await;
    assert_eq!(kind(journal), ErrorKind::NotFound);
}
