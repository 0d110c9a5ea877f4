//! What becomes of a payment at a backend that finds by its own names alone, as Stripe does.
#![cfg(feature = "conformance")]

mod support;

use std::sync::Arc;

use async_trait::async_trait;
use mp_pay::{
    IntentId,
    backend::{
        BackendError, Capabilities, Lookup, LookupRequest, Outcome, Reference, WebhookTrust,
    },
    conformance::broken::{Broken, Bug, Inner},
    intent::IntentStatus,
    operation::{OperationKey, Step},
    payments::{ConfirmIntent, Notice},
};

use self::support::{
    CLASSES, World,
    faulty::Fault,
    idem, mei,
    process::{Outside, Process, Strike, UNHARMED},
    staff,
};

/// Answers a key that comes again as the first time, and finds by its own names alone.
const STRIPE: Capabilities = CLASSES[3];

/// Finds by its own names alone, and what it sends by itself is but a hint.
const HINTS: Capabilities = Capabilities::neither()
    .with_queries_by_reference()
    .with_webhooks(WebhookTrust::HintOnly);

/// Returns how often a backend was called for an intent's first charge.
async fn calls(process: &Process, intent: IntentId) -> u32 {
    let attempts = process.world.payments.attempts(&staff(), intent).await;
    attempts.expect("reads")[0].charge.calls
}

async fn status_later(process: &Process, intent: IntentId) -> IntentStatus {
    process.world.let_time_pass(3).await;
    process.world.intent(intent).await.status
}

#[tokio::test]
async fn what_was_accepted_is_asked_about_by_name_and_not_sent_again() {
    let process = Outside::new(STRIPE).start(UNHARMED);
    let slow = process.world.pay("pm_slow", false).await;
    assert_eq!(slow.status, IntentStatus::Processing);
    assert_eq!(
        status_later(&process, slow.id).await,
        IntentStatus::Succeeded
    );
    assert_eq!(process.world.moved().await, [100]);
    assert_eq!(calls(&process, slow.id).await, 1);
}

/// A negative control: declared as a backend that only replays, it is never heard the end of.
#[tokio::test]
async fn a_key_that_is_answered_as_the_first_time_tells_nothing_new() {
    let mut outside = Outside::new(STRIPE);
    outside.declared = CLASSES[0];
    let process = outside.start(UNHARMED);
    let slow = process.world.pay("pm_slow", false).await;
    assert_eq!(
        status_later(&process, slow.id).await,
        IntentStatus::Processing
    );
}

#[tokio::test]
async fn a_lost_answer_is_learnt_by_the_key_and_its_end_by_the_name() {
    let strike = Strike {
        write: 0,
        call: 1,
        fault: Fault::LostAfter,
    };
    let process = Outside::new(STRIPE).start(strike);
    let slow = process.world.pay("pm_slow", false).await;
    assert_eq!(slow.status, IntentStatus::Processing);
    assert_eq!(
        status_later(&process, slow.id).await,
        IntentStatus::Succeeded
    );
    assert_eq!(process.world.moved().await, [100]);
}

fn hint(intent: IntentId, name: &str) -> Notice {
    let step = Step::Charge(1);
    let name = Reference::new(name).expect("a reference");
    Notice {
        operation: OperationKey { intent, step },
        outcome: Outcome::accepted().with_reference(name),
    }
}

#[tokio::test]
async fn what_has_no_name_is_asked_about_by_the_one_in_a_hint() {
    let world = World::new(HINTS);
    let lost = world.pay("pm_timeout_after", false).await;
    world.let_time_pass(3).await;
    assert_eq!(world.unresolved().await, 1);
    let forged = hint(lost.id, "forged");
    let forged = world.payments.observe(&staff(), forged).await;
    let nothing = mp_core::Error::from(forged.expect_err("tells nothing"));
    assert_eq!(nothing.code(), "backend_cannot_tell");
    let told = hint(lost.id, &lost.id.to_string());
    let heard = world.payments.observe(&staff(), told).await;
    assert_eq!(heard.expect("hears it").status, IntentStatus::Succeeded);
    world.let_time_pass(1).await;
    assert_eq!(
        (world.moved().await, world.unresolved().await),
        (vec![100], 0)
    );
}

#[tokio::test]
async fn a_hint_that_comes_while_a_call_is_out_is_looked_into_all_the_same() {
    let outside = Outside::new(HINTS);
    let dies = Strike {
        write: 0,
        call: 1,
        fault: Fault::DiesAfter,
    };
    let one = outside.start(dies);
    let intent = one.world.create("pm_ok", false, "create").await;
    let confirm = ConfirmIntent::of(intent.id);
    let payments = &one.world.payments;
    let confirmed = payments.confirm(&mei(), confirm, &idem("k")).await;
    confirmed.expect_err("the process has died");

    let other = outside.start(UNHARMED);
    let hint = hint(intent.id, &intent.id.to_string());
    let heard = other.world.payments.observe(&staff(), hint).await;
    assert_eq!(heard.expect("hears it").status, IntentStatus::Succeeded);
    assert_eq!(other.world.moved().await, [100]);
}

/// Reads as "it never came" that nothing has the name which it is asked by.
#[derive(Debug, Default)]
struct FindsNothing;

#[async_trait]
impl Bug for FindsNothing {
    async fn lookup(&self, _: &Inner, _: &LookupRequest) -> Result<Lookup, BackendError> {
        Ok(Lookup::NotFound)
    }
}

/// Returns a world whose backend looks up by a bug, and an intent whose charge got no answer.
async fn lost_at<B: Bug>() -> (World, IntentId) {
    let world = World::new(HINTS);
    let broken = Broken::<B>::new(Arc::new(world.sandbox.clone()));
    let world = World::on(
        world.store.clone(),
        world.clock.clone(),
        world.sandbox.clone(),
        Arc::new(broken),
    );
    let lost = world.pay("pm_timeout_after", false).await;
    world.let_time_pass(1).await;
    (world, lost.id)
}

#[tokio::test]
async fn nothing_is_sent_again_because_a_name_was_not_found() {
    let (world, lost) = lost_at::<FindsNothing>().await;
    let heard = world.payments.observe(&staff(), hint(lost, "forged")).await;
    assert_eq!(heard.expect("hears it").status, IntentStatus::Processing);
    assert_eq!(world.moved().await, [100]);
}

/// Tells of what has another name than it was asked by.
#[derive(Debug, Default)]
struct FindsAnother;

#[async_trait]
impl Bug for FindsAnother {
    async fn lookup(&self, _: &Inner, _: &LookupRequest) -> Result<Lookup, BackendError> {
        let name = Reference::new("another").expect("a reference");
        Ok(Lookup::Found(Outcome::settled(name)))
    }
}

#[tokio::test]
async fn what_has_another_name_than_was_asked_by_is_not_believed() {
    let (world, lost) = lost_at::<FindsAnother>().await;
    for (name, status) in [
        ("forged", IntentStatus::Processing),
        ("another", IntentStatus::Succeeded),
    ] {
        let heard = world.payments.observe(&staff(), hint(lost, name)).await;
        assert_eq!(heard.expect("hears it").status, status, "{name}");
    }
}
