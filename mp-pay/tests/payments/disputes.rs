//! What banks take back of what was paid.

use mp_pay::{dispute::DisputeStatus, payments::DisputeNotice};

use super::*;

#[tokio::test]
async fn a_dispute_counts_against_the_attempt_whose_charge_is_disputed_and_no_other() {
    let world = World::new(CLASSES[1]);
    let waiting = world.pay("pm_action", false).await;
    world.clock.advance(ACTION_LIFE);
    world.let_time_pass(2).await;
    let again = ConfirmIntent::of(waiting.id).with_payment_method(method("pm_ok"));
    let paid = world.payments.confirm(&mei(), again, &idem("again")).await;
    assert_eq!(paid.expect("confirms").status, IntentStatus::Succeeded);
    let lost = |attempt, name| DisputeNotice {
        intent: waiting.id,
        attempt,
        reference: Reference::new(name).expect("a reference"),
        amount: eur(60),
        status: DisputeStatus::Lost,
        reason: None,
    };
    let tell = async |notice| world.payments.observe_dispute(&staff(), notice).await;
    let of_first = tell(lost(Some(1), "du_1")).await.expect("hears it");
    assert_eq!(
        (of_first.amount_disputed, of_first.amount_refundable()),
        (None, eur(100))
    );
    let half = RefundIntent::of(waiting.id).with_amount(eur(50));
    let refunded = world.payments.refund(&staff(), half, &idem("a")).await;
    refunded.expect("refunds");
    let receipt = world.payments.receipt(&staff(), waiting.id).await;
    let receipt = receipt.expect("reads");
    assert_eq!(
        (receipt.net, receipt.chargebacks.len()),
        (eur(50), 0),
        "of the money that was paid nothing was taken back"
    );
    let of_none = tell(lost(Some(3), "du_3")).await.expect_err("is none");
    assert_eq!(mp_core::Error::from(of_none).field(), Some("attempt"));

    for (attempt, name) in [(Some(2), "du_2"), (None, "du_4")] {
        tell(lost(attempt, name)).await.expect("hears it");
    }
    let disputed = world.intent(waiting.id).await.amount_disputed;
    assert_eq!(disputed, Some(eur(120)), "of the attempt that counts");
}
