//! What somebody else gives back before it was settled.

use mp_pay::{IntentId, payments::RefundIntent};

use super::*;

/// Secures a seat at a backend that takes at once, or holds first and has staff take it.
async fn taken(
    holds: bool,
    trust: WebhookTrust,
) -> (World, PaymentsSettlement, SecureRequest, IntentId) {
    let can = CLASSES[1].with_webhooks(trust);
    let world = World::new(match holds {
        true => can,
        false => can.without_separate_capture(),
    });
    let port = settlement(&world, "pm_ok");
    let request = request(&world, "seat");
    port.secure(&request).await.expect("secures");
    let intent = PaymentsSettlement::intent_of(&app(), &request.key);
    if holds {
        let all = CaptureIntent::of(intent);
        let captured = world.payments.capture(&staff(), all, &idem("take")).await;
        captured.expect("takes");
    }
    (world, port, request, intent)
}

async fn refund(world: &World, intent: IntentId, cents: i64) -> OperationKey {
    let (part, key) = (
        RefundIntent::of(intent).with_amount(eur(cents)),
        idem("back"),
    );
    let refunded = world.payments.refund(&staff(), part, &key).await;
    let step = Step::Refund(refunded.expect("refunds").id);
    OperationKey { intent, step }
}

async fn decline(world: &World, operation: OperationKey) {
    let outcome = Outcome::declined(DeclineCode::new("account_closed").expect("a code"));
    let told = Notice { operation, outcome };
    world.payments.observe(&staff(), told).await.expect("hears");
}

#[tokio::test]
async fn what_staff_refund_in_full_before_it_is_settled_is_released_and_told() {
    for holds in BOTH {
        let (world, port, request, intent) = taken(holds, WebhookTrust::Signed).await;
        let ear = Arc::new(Ear::default());
        let handlers = port.handlers(ear.clone());
        let worker = Worker::new(&world.engine, WorkerOptions::default()).with(handlers);
        worker.drain().await.expect("works");
        refund(&world, intent, 100).await;
        worker.drain().await.expect("works");
        let told = ear.0.lock().expect("no panics").last().copied();
        assert_eq!(told, Some(SettlementStatus::Released), "{holds}");
        let status = port.status(&app(), &request.key).await.expect("tells");
        assert_eq!(status, SettlementStatus::Released);
        let settled = port.settle(&app(), &request.key).await.expect("answers");
        assert_eq!(settled, Settled::Declined(declined("released")), "{holds}");
        let secured = port.secure(&request).await.expect("answers");
        assert_eq!(secured, Secured::Declined(declined("released")), "{holds}");
        assert_eq!(world.moved().await, [100, -100]);
    }
}

#[tokio::test]
async fn what_is_on_its_way_back_is_secured_again_only_once_the_refund_is_declined() {
    for declines in BOTH {
        let (world, port, request, intent) = taken(false, WebhookTrust::Signed).await;
        world
            .sandbox
            .script(Behaviour::Delay(Duration::from_secs(60)));
        let operation = refund(&world, intent, 100).await;
        let status = port.status(&app(), &request.key).await.expect("tells");
        assert_eq!(status, SettlementStatus::Released);
        let settled = port.settle(&app(), &request.key).await.expect("answers");
        assert_eq!(settled, Settled::Unknown);
        let secured = port.secure(&request).await.expect("answers");
        assert_eq!(secured, Secured::Unknown);
        match declines {
            true => decline(&world, operation).await,
            false => world.let_time_pass(2).await,
        }
        let settled = port.settle(&app(), &request.key).await.expect("answers");
        let expected = match declines {
            true => Settled::Settled,
            false => Settled::Declined(declined("released")),
        };
        assert_eq!(settled, expected);
    }
}

#[tokio::test]
async fn what_was_told_to_be_released_and_comes_back_to_us_is_given_back_again() {
    for asks in ["secure", "settle"] {
        let (world, port, request, intent) = taken(false, WebhookTrust::HintOnly).await;
        let fails = Behaviour::FailLater(Duration::from_secs(60));
        world.sandbox.script(fails);
        let operation = refund(&world, intent, 100).await;
        match asks {
            "secure" => drop(port.secure(&request).await.expect("answers")),
            _ => drop(port.settle(&app(), &request.key).await.expect("answers")),
        }
        world.let_time_pass(1).await;
        decline(&world, operation).await;
        world.let_time_pass(1).await;
        let after = world.intent(intent).await;
        assert_eq!(after.amount_refunded, eur(100), "{asks}");
        let settled = port.settle(&app(), &request.key).await.expect("answers");
        assert_eq!(settled, Settled::Declined(declined("released")), "{asks}");
        let secured = port.secure(&request).await.expect("answers");
        assert_eq!(secured, Secured::Declined(declined("released")), "{asks}");
    }
}

#[tokio::test]
async fn what_is_refunded_in_part_or_after_it_was_settled_stays_settled() {
    let (world, port, request, intent) = taken(false, WebhookTrust::Signed).await;
    refund(&world, intent, 60).await;
    let settled = port.settle(&app(), &request.key).await.expect("settles");
    assert_eq!(settled, Settled::Settled);
    let rest = RefundIntent::of(intent);
    let refunded = world.payments.refund(&staff(), rest, &idem("rest")).await;
    refunded.expect("refunds");
    let settled = port.settle(&app(), &request.key).await.expect("answers");
    assert_eq!(settled, Settled::Settled);
    let status = port.status(&app(), &request.key).await.expect("tells");
    assert_eq!(status, SettlementStatus::Settled);
}
