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
    payments::Notice,
};

use self::support::{
    CLASSES, World,
    faulty::Fault,
    process::{Outside, Process, Strike, UNHARMED},
    staff,
};

/// Answers a key that comes again as the first time, and finds by its own names alone.
const STRIPE: Capabilities = CLASSES[3];

/// Finds by its own names alone, and what it sends by itself is but a hint.
const HINTS: Capabilities = Capabilities::neither()
    .with_queries_by_reference()
    .with_webhooks(WebhookTrust::HintOnly);

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
    for (name, status) in [
        ("forged", IntentStatus::Processing),
        (&lost.id.to_string(), IntentStatus::Succeeded),
    ] {
        let heard = world.payments.observe(&staff(), hint(lost.id, name)).await;
        assert_eq!(heard.expect("hears it").status, status, "{name}");
    }
    world.let_time_pass(1).await;
    assert_eq!(
        (world.moved().await, world.unresolved().await),
        (vec![100], 0)
    );
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

#[tokio::test]
async fn nothing_is_sent_again_because_a_name_was_not_found() {
    let mut world = World::new(HINTS);
    let forgets = Broken::<FindsNothing>::new(Arc::new(world.sandbox.clone()));
    world = World::on(
        world.store.clone(),
        world.clock.clone(),
        world.sandbox.clone(),
        Arc::new(forgets),
    );
    let lost = world.pay("pm_timeout_after", false).await;
    world.let_time_pass(1).await;
    let hint = hint(lost.id, "forged");
    let heard = world.payments.observe(&staff(), hint).await;
    assert_eq!(heard.expect("hears it").status, IntentStatus::Processing);
    assert_eq!(world.moved().await, [100]);
}
