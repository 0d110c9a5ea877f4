//! Known failures of a payment switch, each by the number of its issue at juspay/hyperswitch.

use mp_core::feed::{Cursor, Feed, Feeds};
use mp_core::work::{Worker, WorkerOptions};
use mp_pay::{
    IntentId,
    journal::{Event, Source},
    news::{IntentTurned, REFUNDED, Refunded, SUCCEEDED},
    refund::{Refund, RefundStatus},
};

use super::{support::webhooks::Webhooks, *};

fn sales() -> Feed {
    Feed::new("sales".parse().expect("a name"))
}

async fn told<T>(world: &World, topic: &str) -> Vec<T>
where
    T: serde::de::DeserializeOwned,
{
    let feeds = Feeds::new(&world.engine);
    let worker = Worker::new(&world.engine, WorkerOptions::default()).with(feeds.handlers());
    worker.drain().await.expect("works");
    let read = feeds.read(&app(), &sales(), Cursor::START, 1_000).await;
    let events = read.expect("reads").events.into_iter();
    let of = events.filter(|event| event.topic.as_str() == topic);
    of.map(|event| event.fact().expect("reads")).collect()
}

async fn refund(world: &World, id: IntentId, cents: i64, key: &str) -> Refund {
    let part = RefundIntent::of(id).with_amount(eur(cents));
    let given = world.payments.refund(&staff(), part, &idem(key)).await;
    given.expect("refunds")
}

async fn observe(world: &World, intent: IntentId, step: Step, outcome: Outcome) {
    let operation = OperationKey { intent, step };
    let notice = Notice { operation, outcome };
    let told = world.payments.observe(&staff(), notice).await;
    told.expect("takes");
}

/// #2916: a webhook that came before the answer to the call met a stale attempt.
#[tokio::test]
async fn hyperswitch_2916_a_webhook_may_come_before_the_answer_to_the_call() {
    for can in CLASSES {
        let mut outside = Outside::new(can);
        outside.webhooks = Webhooks::first(1);
        let process = outside.start(UNHARMED);
        let paid = process.world.pay("pm_ok", false).await;
        assert_eq!(paid.status, IntentStatus::Succeeded);
        let journal = process.world.payments.journal(&staff(), paid.id).await;
        let journal = journal.expect("reads");
        let sources = journal.iter().filter_map(|entry| match &entry.event {
            Event::Observed { source, .. } => Some(*source),
            _ => None,
        });
        let sources: Vec<Source> = sources.collect();
        assert_eq!(sources, [Source::Notice, Source::Call], "{can:?}");
        assert_eq!(process.world.moved().await, [100]);
    }
}

/// #3716: a confirmation that was refused left the payment processing.
#[tokio::test]
async fn hyperswitch_3716_what_is_refused_moves_no_status() {
    let world = World::new(CLASSES[0]);
    let request = CreateIntent::of(eur(100));
    let created = world
        .payments
        .create_intent(&mei(), request, &idem("k"))
        .await;
    let created = created.expect("creates");
    let confirm = ConfirmIntent::of(created.id);
    let refused = world.payments.confirm(&mei(), confirm, &idem("a")).await;
    assert_eq!(kind(refused), ErrorKind::Invalid);
    let capture = CaptureIntent::of(created.id);
    let refused = world.payments.capture(&staff(), capture, &idem("b")).await;
    assert_eq!(kind(refused), ErrorKind::Refused);
    assert_eq!(world.intent(created.id).await, created);
    assert_eq!(
        world
            .payments
            .attempts(&staff(), created.id)
            .await
            .expect("reads"),
        []
    );
}

/// #3751: a refund whose call timed out never learnt the provider's name for it.
#[tokio::test]
async fn hyperswitch_3751_a_refund_whose_call_timed_out_learns_the_providers_name_for_it() {
    for can in &CLASSES[..2] {
        let world = World::new(*can);
        let paid = world.pay("pm_ok", false).await;
        world.sandbox.script(Behaviour::TimeoutAfter);
        let unsure = refund(&world, paid.id, 30, "a").await;
        assert_eq!(unsure.operation.reference, None);
        world.let_time_pass(3).await;
        let refunds = world.payments.refunds(&staff(), paid.id).await;
        let [known] = &refunds.expect("reads")[..] else {
            panic!("one refund");
        };
        assert_eq!(known.status(), RefundStatus::Succeeded);
        assert!(known.operation.reference.is_some(), "{can:?}");
    }
}

/// #9278: what was told of a payment carried the status that it had before.
#[tokio::test]
async fn hyperswitch_9278_what_is_told_of_a_turn_is_where_the_payment_stands_after_it() {
    let world = World::new(CLASSES[0]);
    let payments = world.payments.clone().with_feed(sales());
    let world = World { payments, ..world };
    let paid = world.pay("pm_ok", false).await;
    let told: Vec<IntentTurned> = told(&world, SUCCEEDED).await;
    assert_eq!(told.len(), 1);
    assert_eq!(
        (told[0].intent, told[0].status),
        (paid.id, IntentStatus::Succeeded)
    );
}

/// #5298: what was told of one refund named another.
#[tokio::test]
async fn hyperswitch_5298_what_is_told_of_a_refund_names_that_refund() {
    let world = World::new(CLASSES[0]);
    let payments = world.payments.clone().with_feed(sales());
    let world = World { payments, ..world };
    let paid = world.pay("pm_ok", false).await;
    let mut given = Vec::new();
    for (cents, key) in [(30, "a"), (20, "b"), (10, "c")] {
        given.push((refund(&world, paid.id, cents, key).await.id, eur(cents)));
    }
    let told: Vec<Refunded> = told(&world, REFUNDED).await;
    let told: Vec<_> = told.iter().map(|it| (it.refund, it.amount)).collect();
    assert_eq!(told, given);
}

/// #1324: asking the provider failed for what a webhook had told of already.
#[tokio::test]
async fn hyperswitch_1324_a_webhook_and_an_answer_to_a_question_agree_in_any_order() {
    for told_first in [true, false] {
        let world = World::new(CLASSES[1]);
        let slow = world.pay("pm_slow", false).await;
        if told_first {
            observe(&world, slow.id, Step::Charge(1), settled()).await;
        }
        // The worker asks about what is still open, and so does a client that repeats its call.
        world.let_time_pass(3).await;
        let again = world.confirm(slow.id, "confirm").await;
        assert_eq!(again.status, IntentStatus::Succeeded);
        if !told_first {
            observe(&world, slow.id, Step::Charge(1), settled()).await;
        }
        assert_eq!(world.intent(slow.id).await.amount_received, eur(100));
        assert_eq!(world.unresolved().await, 0);
    }
}
