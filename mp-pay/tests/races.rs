//! Known failures of other payment systems, with real concurrency, on every store.
//!
//! All of them check what is left, call the provider, and write down what it answered. Here the
//! amount is reserved in the same commit as the operation that will use it.

#[path = "support/stores.rs"]
mod stores;
mod support;

use mp_core::id::Name;
use mp_pay::{
    IntentId, PayError, PaymentIntent,
    intent::IntentStatus,
    payments::{CancelIntent, CaptureIntent, CreateIntent, RefundIntent},
    refund::Refund,
};

use self::{
    stores::Shared,
    support::{CLASSES, World, eur, idem, mei, method, staff},
};

/// How often each race is run on each store, with a payment of its own each time.
const ROUNDS: u32 = 12;

/// Creates and confirms a payment over one euro.
async fn pay(world: &World, manual: bool, round: u32) -> PaymentIntent {
    let key = format!("round-{round}");
    let intent = world.create("pm_ok", manual, &key).await;
    world.confirm(intent.id, &key).await
}

/// Runs two calls on two threads, and returns their answers.
async fn at_once<T: Send + 'static>(
    calls: [impl Future<Output = Result<T, PayError>> + Send + 'static; 2],
) -> [Result<T, PayError>; 2] {
    let [one, two] = calls.map(tokio::spawn);
    [one.await.expect("no panic"), two.await.expect("no panic")]
}

async fn refund(
    world: World,
    intent: IntentId,
    cents: i64,
    key: String,
) -> Result<Refund, PayError> {
    let request = RefundIntent::of(intent).with_amount(eur(cents));
    world.payments.refund(&staff(), request, &idem(&key)).await
}

async fn capture(
    world: World,
    request: CaptureIntent,
    key: String,
) -> Result<PaymentIntent, PayError> {
    let caller = staff();
    world.payments.capture(&caller, request, &idem(&key)).await
}

/// Returns what moved for one intent, in cents.
async fn moved(world: &World, intent: IntentId) -> Vec<i64> {
    let movements = world.movements().await.into_iter();
    let of = movements.filter(|movement| movement.operation.intent == intent);
    of.map(|movement| movement.amount.minor()).collect()
}

/// hyperswitch #13182: two refunds of 60 at once on a capture of 100 both went through.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn hyperswitch_13182_two_concurrent_refunds_never_exceed_the_capture() {
    for shared in Shared::all("hyperswitch_13182").await {
        let worlds = shared.worlds(CLASSES[1]);
        for round in 0..ROUNDS {
            let paid = pay(&worlds[0], false, round).await;
            let [one, two] = worlds.each_ref().map(World::another);
            let answers = at_once([
                refund(one, paid.id, 60, format!("a{round}")),
                refund(two, paid.id, 60, format!("b{round}")),
            ])
            .await;
            let refused: Vec<_> = answers.iter().flat_map(Result::as_ref).collect();
            assert_eq!(
                refused.len(),
                1,
                "{} round {round}: {answers:?}",
                shared.name
            );
            let refusal = answers.iter().find_map(|answer| answer.as_ref().err());
            let left =
                matches!(refusal, Some(PayError::AmountTooLarge { left, .. }) if *left == eur(40));
            assert!(left, "{}: {refusal:?}", shared.name);
            assert_eq!(
                moved(&worlds[0], paid.id).await,
                [100, -60],
                "{}",
                shared.name
            );
        }
    }
}

/// medusa #13301: two captures at once both reached the provider.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn medusa_13301_two_concurrent_captures_take_once() {
    for shared in Shared::all("medusa_13301").await {
        let worlds = shared.worlds(CLASSES[1]);
        for round in 0..ROUNDS {
            let held = pay(&worlds[0], true, round).await;
            let [one, two] = worlds.each_ref().map(World::another);
            let request = CaptureIntent::of(held.id);
            let answers = at_once([
                capture(one, request.clone(), format!("a{round}")),
                capture(two, request, format!("b{round}")),
            ])
            .await;
            let taken = answers.iter().filter(|answer| answer.is_ok()).count();
            assert_eq!(taken, 1, "{} round {round}: {answers:?}", shared.name);
            assert_eq!(moved(&worlds[0], held.id).await, [100], "{}", shared.name);
        }
    }
}

/// The same with one key, as a client sends it that asks again: both are told the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_capture_that_is_asked_for_twice_at_once_is_one_capture() {
    for shared in Shared::all("one_key").await {
        let worlds = shared.worlds(CLASSES[1]);
        for round in 0..ROUNDS {
            let held = pay(&worlds[0], true, round).await;
            let [one, two] = worlds.each_ref().map(World::another);
            let request = CaptureIntent::of(held.id);
            let calls =
                [one, two].map(|world| capture(world, request.clone(), format!("k{round}")));
            for answer in at_once(calls).await {
                answer.unwrap_or_else(|error| panic!("{}: {error}", shared.name));
            }
            assert_eq!(moved(&worlds[0], held.id).await, [100], "{}", shared.name);
        }
    }
}

/// A capture and a cancellation at once: the money is either taken or let go, never both.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_capture_and_a_cancellation_at_once_one_is_refused() {
    for shared in Shared::all("capture_and_cancel").await {
        let worlds = shared.worlds(CLASSES[1]);
        for round in 0..ROUNDS {
            let held = pay(&worlds[0], true, round).await;
            let [one, two] = worlds.each_ref().map(World::another);
            let canceling = async move {
                let (caller, request) = (staff(), CancelIntent::of(held.id));
                let key = idem(&format!("b{round}"));
                two.payments.cancel(&caller, request, &key).await
            };
            let capturing = capture(one, CaptureIntent::of(held.id), format!("a{round}"));
            let (captured, canceled) =
                tokio::join!(tokio::spawn(capturing), tokio::spawn(canceling));
            let (captured, canceled) = (captured.expect("no panic"), canceled.expect("no panic"));
            assert_ne!(
                captured.is_ok(),
                canceled.is_ok(),
                "{} {round}",
                shared.name
            );
            let after = worlds[0].intent(held.id).await;
            let taken = after.status == IntentStatus::Succeeded;
            assert_eq!(taken, captured.is_ok(), "{} {round}", shared.name);
            let expected: &[i64] = if taken { &[100] } else { &[] };
            assert_eq!(
                moved(&worlds[0], held.id).await,
                expected,
                "{}",
                shared.name
            );
        }
    }
}

/// Captures of a part each, at once: what they take together is never more than is held.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_partial_captures_never_exceed_the_hold() {
    for shared in Shared::all("partial_captures").await {
        let worlds = shared.worlds(CLASSES[1]);
        for round in 0..ROUNDS {
            let held = pay(&worlds[0], true, round).await;
            let [one, two] = worlds.each_ref().map(World::another);
            let part = CaptureIntent::of(held.id)
                .with_amount(eur(60))
                .with_more_to_come();
            let _ = at_once([
                capture(one, part.clone(), format!("a{round}")),
                capture(two, part, format!("b{round}")),
            ])
            .await;
            let taken: i64 = moved(&worlds[0], held.id).await.iter().sum();
            assert_eq!(taken, 60, "{} round {round}", shared.name);
            let after = worlds[0].intent(held.id).await;
            assert_eq!(after.amount_capturable, eur(40), "{}", shared.name);
        }
    }
}

/// mollie/magento2 #626: a second refund of a like part of one order line was taken for a duplicate
/// of the first. A refund is named by its call, not by what it gives back.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn mollie_magento2_626_equal_parts_of_one_line_are_two_refunds() {
    for shared in Shared::all("mollie_626").await {
        let [world, other] = shared.worlds(CLASSES[1]);
        let tea: Name = "tea".parse().expect("a name");
        let order = CreateIntent::of(eur(100))
            .with_payment_method(method("pm_ok"))
            .with_line(tea.clone(), eur(60));
        let (mei, key) = (mei(), idem("create"));
        let created = world.payments.create_intent(&mei, order, &key).await;
        let intent = created.expect("creates");
        let paid = world.confirm(intent.id, "confirm").await;
        assert_eq!(paid.status, IntentStatus::Succeeded);
        let half = RefundIntent::of(intent.id).with_line(tea.clone(), eur(30));
        for (world, key) in [(&world, "one"), (&other, "two")] {
            let (request, key) = (half.clone(), idem(key));
            let refund = world.payments.refund(&staff(), request, &key).await;
            assert_eq!(refund.expect("refunds").amount, eur(30));
        }
        assert_eq!(moved(&world, intent.id).await, [100, -30, -30]);
        let third = world.payments.refund(&staff(), half, &idem("three")).await;
        let nothing = matches!(third, Err(PayError::AmountTooLarge { left, .. }) if left == eur(0));
        assert!(
            nothing,
            "nothing is left of the line, and 40 of the payment: {third:?}"
        );
    }
}
