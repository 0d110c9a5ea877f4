//! Known failures of other payment systems in which the same thing was asked for, or told of, twice
//! at once: two threads, each a process of its own, on every store.

#[path = "support/stores.rs"]
mod stores;
mod support;

use std::{sync::Arc, time::Duration};

use mp_core::{
    feed::{Cursor, Feed, Feeds},
    work::{Worker, WorkerOptions},
};
use mp_pay::{
    IntentId, PayError, PaymentIntent,
    backend::{Outcome, Reference},
    intent::IntentStatus,
    news::CAPTURED,
    operation::{OperationKey, Step},
    payments::{CancelIntent, ConfirmIntent, CreateIntent, Notice, RefundIntent},
};
use tokio::sync::Barrier;

use self::{
    stores::Shared,
    support::{CLASSES, World, app, eur, idem, mei, method, staff},
};

/// How often each is tried on each store, with a payment of its own each time.
const ROUNDS: u32 = 12;

/// Lets two processes do the same at the same moment, and returns their answers.
async fn both<T, F>(worlds: &[World; 2], call: impl Fn(World) -> F) -> [T; 2]
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let gate = Arc::new(Barrier::new(2));
    let [one, two] = worlds.each_ref().map(|world| {
        let (gate, call) = (gate.clone(), call(world.another()));
        tokio::spawn(async move {
            gate.wait().await;
            call.await
        })
    });
    [one.await.expect("no panic"), two.await.expect("no panic")]
}

async fn held(world: &World, round: u32) -> PaymentIntent {
    let key = format!("round-{round}");
    let intent = world.create("pm_ok", true, &key).await;
    world.confirm(intent.id, &key).await
}

async fn paid(world: &World, round: u32) -> PaymentIntent {
    let key = format!("round-{round}");
    let intent = world.create("pm_ok", false, &key).await;
    world.confirm(intent.id, &key).await
}

fn sales() -> Feed {
    Feed::new("sales".parse().expect("a name"))
}

/// Lets a process tell a feed of its payments.
fn telling(world: World) -> World {
    let payments = world.payments.clone().with_feed(sales());
    World { payments, ..world }
}

/// Returns what moved for one intent, in cents.
async fn moved(world: &World, intent: IntentId) -> Vec<i64> {
    let movements = world.movements().await.into_iter();
    let of = movements.filter(|movement| movement.operation.intent == intent);
    of.map(|movement| movement.amount.minor()).collect()
}

/// open-mercato #4035: one checkout that was submitted twice at once under one key opened two
/// sessions at the provider.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn open_mercato_4035_one_checkout_submitted_twice_at_once_is_one_payment() {
    for shared in Shared::all("open_mercato_4035").await {
        let worlds = shared.worlds(CLASSES[0]);
        for round in 0..ROUNDS {
            let checkout = |world: World| async move {
                let (mei, key) = (mei(), idem(&format!("checkout-{round}")));
                let order = CreateIntent::of(eur(100)).with_payment_method(method("pm_ok"));
                let intent = world.payments.create_intent(&mei, order, &key).await?;
                let confirm = ConfirmIntent::of(intent.id);
                world.payments.confirm(&mei, confirm, &key).await
            };
            let answers = both(&worlds, checkout).await;
            let [one, two] = answers.map(|answer| answer.expect("both are answered").id);
            assert_eq!(one, two, "{} round {round}", shared.name);
            worlds[0].let_time_pass(1).await;
            assert_eq!(moved(&worlds[0], one).await, [100], "{}", shared.name);
        }
        let charges = worlds[0].movements().await.len();
        assert_eq!(charges, ROUNDS as usize, "{}", shared.name);
    }
}

/// open-mercato #4036: refunds of a like amount that were asked for at once all reached the
/// provider. Under one key they are one refund; under two, there is not enough for the second.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn open_mercato_4036_equal_refunds_at_once_give_back_once() {
    for shared in Shared::all("open_mercato_4036").await {
        let worlds = shared.worlds(CLASSES[1]);
        for round in 0..ROUNDS {
            let intent = paid(&worlds[0], round).await.id;
            let repeated = both(&worlds, |world| async move {
                let request = RefundIntent::of(intent).with_amount(eur(60));
                let key = idem(&format!("click-{round}"));
                world.payments.refund(&staff(), request, &key).await
            });
            let [one, two] = repeated.await.map(|answer| answer.expect("is answered").id);
            assert_eq!(one, two, "{} round {round}", shared.name);
            let refund = RefundIntent::of(intent).with_amount(eur(60));
            let (staff, key) = (staff(), idem(&format!("another-{round}")));
            let another = worlds[1].payments.refund(&staff, refund, &key).await;
            let too_much = matches!(another, Err(PayError::AmountTooLarge { .. }));
            assert!(too_much, "{}: {another:?}", shared.name);
            assert_eq!(
                moved(&worlds[0], intent).await,
                [100, -60],
                "{}",
                shared.name
            );
        }
    }
}

/// open-mercato #4036: so did cancellations. What was told to the provider is in the journal: one
/// call, however many ask.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn open_mercato_4036_cancellations_at_once_let_go_once() {
    for shared in Shared::all("open_mercato_4036_cancel").await {
        let worlds = shared.worlds(CLASSES[1]);
        for round in 0..ROUNDS {
            let intent = held(&worlds[0], round).await.id;
            let answers = both(&worlds, |world| async move {
                let key = idem(&format!("click-{round}"));
                let request = CancelIntent::of(intent);
                world.payments.cancel(&staff(), request, &key).await
            });
            for answer in answers.await {
                let canceled = answer.expect("both are answered").status;
                assert_eq!(canceled, IntentStatus::Canceled, "{}", shared.name);
            }
            let journal = worlds[0].payments.journal(&staff(), intent).await;
            let journal = serde_json::to_value(journal.expect("reads")).expect("is JSON");
            let sent = journal.to_string().matches("\"sent\"").count();
            assert_eq!(sent, 2, "{}: a charge and a void: {journal}", shared.name);
            assert!(
                moved(&worlds[0], intent).await.is_empty(),
                "{}",
                shared.name
            );
        }
    }
}

/// mollie/magento2 #978: a webhook that was worked on twice at once, while the payer came back from
/// the provider, captured twice, and the order hung.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn mollie_magento2_978_a_payment_that_is_told_of_twice_at_once_is_captured_once() {
    for shared in Shared::all("mollie_978").await {
        let worlds = shared.worlds(CLASSES[1]).map(telling);
        for round in 0..ROUNDS {
            let key = format!("round-{round}");
            let intent = worlds[0].create("pm_slow", false, &key).await.id;
            let waits = worlds[0].confirm(intent, &key).await.status;
            assert_eq!(waits, IntentStatus::Processing, "{}", shared.name);
            let told = both(&worlds, |world| async move {
                let world = telling(world);
                let step = Step::Charge(1);
                let operation = OperationKey { intent, step };
                let reference = Reference::new("tr_978").expect("a reference");
                let outcome = Outcome::settled(reference).with_amount(eur(100));
                let notice = Notice { operation, outcome };
                world.payments.observe(&staff(), notice).await
            });
            for answer in told.await {
                let status = answer.expect("hears it").status;
                assert_eq!(status, IntentStatus::Succeeded, "{}", shared.name);
            }
        }
        let feeds = Feeds::new(&worlds[0].engine);
        let options = WorkerOptions::default();
        let worker = Worker::new(&worlds[0].engine, options).with(feeds.handlers());
        // What comes in before the event ahead of it waits for its turn.
        for _ in 0..5 {
            worker.drain().await.expect("works");
            worlds[0].clock.advance(Duration::from_secs(61));
        }
        let read = feeds.read(&app(), &sales(), Cursor::START, 1_000).await;
        let events = read.expect("reads").events;
        let captured = events
            .iter()
            .filter(|event| event.topic.as_str() == CAPTURED);
        assert_eq!(captured.count(), ROUNDS as usize, "{}", shared.name);
    }
}
