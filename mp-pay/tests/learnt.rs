//! What becomes of a payment when something is learnt late, twice, or otherwise than expected.

mod support;

use std::time::Duration;

use mp_core::{amount::JSON_INTEGER_MAX, id::Name};
use mp_pay::{
    IntentId, PayError,
    backend::{
        Capabilities, DeclineCode, NextAction, Outcome, Reference, WebhookTrust, sandbox::Behaviour,
    },
    dispute::DisputeStatus,
    intent::IntentStatus,
    operation::{OperationKey, Stage, Step},
    payments::{
        ACTION_LIFE, CreateIntent, DisputeNotice, LateSuccess, Notice, PaymentsOptions,
        RefundIntent,
    },
    refund::{Refund, RefundReason, RefundStatus},
};

use self::support::{CLASSES, World, eur, idem, mei, method, staff};

fn reference(text: &str) -> Reference {
    Reference::new(text).expect("a reference")
}

fn notice(intent: IntentId, step: Step, outcome: Outcome) -> Notice {
    let operation = OperationKey { intent, step };
    Notice { operation, outcome }
}

async fn observe(world: &World, notice: Notice) {
    let taken = world.payments.observe(&staff(), notice).await;
    taken.expect("takes it in");
}

async fn refund(world: &World, id: IntentId, cents: i64, key: &str) -> Result<Refund, PayError> {
    let request = RefundIntent::of(id).with_amount(eur(cents));
    world.payments.refund(&staff(), request, &idem(key)).await
}

async fn dispute(world: &World, id: IntentId, cents: i64, status: DisputeStatus) {
    let told = DisputeNotice {
        intent: id,
        attempt: None,
        reference: reference("du_1"),
        amount: eur(cents),
        status,
        reason: None,
    };
    let taken = world.payments.observe_dispute(&staff(), told).await;
    taken.expect("takes it in");
}

#[tokio::test]
async fn a_refund_is_accepted_first_and_known_later() {
    let world = World::new(CLASSES[1]);
    let paid = world.pay("pm_ok", false).await;
    world
        .sandbox
        .script(Behaviour::Delay(Duration::from_secs(60)));
    let accepted = refund(&world, paid.id, 60, "a").await.expect("accepts");
    assert_eq!(accepted.status(), RefundStatus::Pending);
    let meanwhile = world.intent(paid.id).await;
    assert_eq!(meanwhile.amount_reserved_for_refund, eur(60));
    let more = refund(&world, paid.id, 60, "b").await;
    assert!(matches!(more, Err(PayError::AmountTooLarge { .. })));
    world.let_time_pass(3).await;
    assert_eq!(world.intent(paid.id).await.amount_refunded, eur(60));
    assert_eq!(world.moved().await, [100, -60]);
}

#[tokio::test]
async fn a_refund_that_fails_after_it_succeeded_can_be_made_again() {
    let world = World::new(CLASSES[1].with_webhooks(WebhookTrust::HintOnly));
    let paid = world.pay("pm_ok", false).await;
    world
        .sandbox
        .script(Behaviour::FailLater(Duration::from_secs(3600)));
    let given = refund(&world, paid.id, 100, "a").await.expect("refunds");
    assert_eq!(given.status(), RefundStatus::Succeeded);
    assert_eq!(world.intent(paid.id).await.amount_refunded, eur(100));
    world.clock.advance(Duration::from_secs(3600));
    let failed = Outcome::declined(DeclineCode::new("a_hint").expect("a code"));
    observe(&world, notice(paid.id, Step::Refund(given.id), failed)).await;
    let after = world.intent(paid.id).await;
    assert_eq!(
        (after.amount_refunded, after.amount_refundable()),
        (eur(0), eur(100))
    );
    let refunds = world
        .payments
        .refunds(&staff(), paid.id)
        .await
        .expect("reads");
    assert_eq!(refunds[0].status(), RefundStatus::Failed);
    let code = refunds[0].operation.code.as_ref().map(DeclineCode::as_str);
    assert_eq!(
        code,
        Some("expired_or_canceled_card"),
        "as was asked, not as was hinted"
    );
    refund(&world, paid.id, 100, "b").await.expect("refunds");
    assert_eq!(world.moved().await.iter().sum::<i64>(), 0);
}

#[tokio::test]
async fn a_hint_that_lies_changes_nothing() {
    let world = World::new(CLASSES[1].with_webhooks(WebhookTrust::HintOnly));
    let waiting = world.pay("pm_action", false).await;
    let forged = Outcome::settled(reference("forged"));
    observe(&world, notice(waiting.id, Step::Charge(1), forged.clone())).await;
    let after = world.intent(waiting.id).await;
    assert_eq!(after.status, IntentStatus::RequiresAction);
    world.clock.advance(Duration::from_secs(60));
    observe(&world, notice(waiting.id, Step::Charge(1), forged)).await;
    assert_eq!(
        world.intent(waiting.id).await.status,
        IntentStatus::Succeeded
    );
    assert_eq!(world.moved().await, [100]);
}

#[tokio::test]
async fn an_amount_that_no_record_holds_is_put_before_a_person() {
    let world = World::new(CLASSES[2].with_webhooks(WebhookTrust::Signed));
    let lost = world.pay("pm_timeout_after", false).await;
    let beyond = || eur(JSON_INTEGER_MAX + 1);
    let told = Outcome::settled(reference("ch_1")).with_amount(beyond());
    observe(&world, notice(lost.id, Step::Charge(1), told)).await;
    let after = world.intent(lost.id).await;
    let told = after.conflict.map(|conflict| conflict.told);
    assert_eq!(told, Some(eur(JSON_INTEGER_MAX)));
    world.let_time_pass(1).await;
    assert_eq!(world.unresolved().await, 1);
    let told = DisputeNotice {
        intent: lost.id,
        attempt: None,
        reference: reference("du_1"),
        amount: beyond(),
        status: DisputeStatus::NeedsResponse,
        reason: None,
    };
    let taken = world.payments.observe_dispute(&staff(), told).await;
    let refused = mp_core::Error::from(taken.expect_err("is too large"));
    assert_eq!(refused.field(), Some("amount"));
}

#[tokio::test]
async fn another_amount_than_ours_is_put_before_a_person_and_never_settled_silently() {
    for (told, received, refunded) in [(90, 90, 0), (120, 120, 20)] {
        let world = World::new(CLASSES[1]);
        world.sandbox.script(Behaviour::Misstate(eur(told)));
        let odd = world.pay("pm_ok", false).await;
        assert_eq!(odd.status, IntentStatus::Processing);
        assert_eq!(odd.conflict.map(|conflict| conflict.told), Some(eur(told)));
        assert!(odd.amount_received.is_zero());
        world.let_time_pass(3).await;
        let listed = world
            .payments
            .unresolved(&staff(), None, 10)
            .await
            .expect("lists");
        assert_eq!(listed.len(), 1);
        assert_eq!(
            (listed[0].amount, listed[0].told),
            (eur(100), Some(eur(told)))
        );
        assert_eq!(listed[0].stage, Stage::Conflicted);
        let found = Outcome::settled(reference("seen")).with_amount(eur(told));
        let found = notice(odd.id, Step::Charge(1), found);
        let resolved = world
            .payments
            .resolve(&staff(), found, &idem("resolve"))
            .await;
        let known = resolved.expect("resolves");
        assert_eq!(
            (known.status, known.conflict),
            (IntentStatus::Succeeded, None)
        );
        assert_eq!(known.amount_received, eur(received));
        let refunds = world
            .payments
            .refunds(&staff(), odd.id)
            .await
            .expect("reads");
        let overpaid: i64 = refunds.iter().map(|refund| refund.amount.minor()).sum();
        assert_eq!(overpaid, refunded, "what was paid too much goes back");
        assert!(
            refunds
                .iter()
                .all(|it| it.reason == Some(RefundReason::Overpaid))
        );
        assert_eq!(world.unresolved().await, 0);
    }
}

#[tokio::test]
async fn a_conflict_about_what_was_settled_is_listed_and_takes_nothing_back() {
    let world = World::new(CLASSES[1]);
    let paid = world.pay("pm_ok", false).await;
    let odd = Outcome::settled(reference("odd")).with_amount(eur(99));
    observe(&world, notice(paid.id, Step::Charge(1), odd)).await;
    let after = world.intent(paid.id).await;
    assert_eq!(
        (after.status, after.amount_received),
        (IntentStatus::Succeeded, eur(100))
    );
    assert!(after.conflict.is_some());
    world.let_time_pass(2).await;
    assert_eq!(world.unresolved().await, 1);
}

#[tokio::test]
async fn money_that_comes_late_is_given_back_or_accepted_as_the_options_say() {
    for (late, status, moved) in [
        (
            LateSuccess::Return,
            IntentStatus::RequiresPaymentMethod,
            &[100, -100][..],
        ),
        (LateSuccess::Accept, IntentStatus::Succeeded, &[100][..]),
    ] {
        let world = World::new(CLASSES[1]);
        let options = PaymentsOptions::default().with_late_success(late);
        let payments = world.payments.clone().with_options(options);
        let world = World { payments, ..world };
        world
            .sandbox
            .script(Behaviour::NeedsAction(ACTION_LIFE * 2));
        let waiting = world.pay("pm_ok", false).await;
        world.clock.advance(ACTION_LIFE);
        // The provider does not let go of what waits for its payer.
        world.sandbox.script(Behaviour::Decline(
            DeclineCode::new("too_late").expect("a code"),
        ));
        world.let_time_pass(3).await;
        let given_up = world.intent(waiting.id).await;
        assert_eq!(given_up.status, IntentStatus::RequiresPaymentMethod);
        world.clock.advance(ACTION_LIFE);
        world.let_time_pass(60).await;
        assert_eq!(world.intent(waiting.id).await.status, status, "{late:?}");
        assert_eq!(world.moved().await, moved, "{late:?}");
        assert_eq!(world.unresolved().await, 0);
    }
}

#[tokio::test]
async fn what_a_bank_has_taken_back_is_not_refunded_too() {
    let world = World::new(CLASSES[0]);
    let paid = world.pay("pm_ok", false).await;
    let (won, open) = (DisputeStatus::Won, DisputeStatus::NeedsResponse);
    dispute(&world, paid.id, 70, DisputeStatus::Inquiry).await;
    assert_eq!(world.intent(paid.id).await.amount_refundable(), eur(100));
    dispute(&world, paid.id, 70, open).await;
    let disputed = world.intent(paid.id).await;
    assert_eq!(
        (disputed.amount_disputed, disputed.amount_refundable()),
        (Some(eur(70)), eur(30))
    );
    let refused = refund(&world, paid.id, 31, "a").await;
    assert!(matches!(refused, Err(PayError::AmountTooLarge { .. })));
    dispute(&world, paid.id, 70, won).await;
    dispute(&world, paid.id, 70, open).await;
    assert_eq!(
        world.intent(paid.id).await.amount_disputed,
        None,
        "late news are no news"
    );
    refund(&world, paid.id, 100, "b").await.expect("refunds");
    let disputes = world
        .payments
        .disputes(&staff(), paid.id)
        .await
        .expect("reads");
    assert_eq!((disputes.len(), disputes[0].status), (1, won));
}

#[tokio::test]
async fn a_receipt_tells_what_a_bank_has_taken_back_for_good() {
    let world = World::new(CLASSES[0]);
    let paid = world.pay("pm_ok", false).await;
    for (status, net) in [
        (DisputeStatus::NeedsResponse, eur(100)),
        (DisputeStatus::Lost, eur(30)),
    ] {
        dispute(&world, paid.id, 70, status).await;
        let receipt = world.payments.receipt(&staff(), paid.id).await;
        assert_eq!(receipt.expect("reads").net, net, "{status:?}");
    }
}

#[tokio::test]
async fn refunds_of_a_line_never_exceed_the_line() {
    let world = World::new(CLASSES[0]);
    let [noodles, tea] = ["noodles", "tea"].map(|name| name.parse::<Name>().expect("a name"));
    let order = CreateIntent::of(eur(100))
        .with_payment_method(method("pm_ok"))
        .with_line(noodles.clone(), eur(70))
        .with_line(tea.clone(), eur(30));
    let created = world
        .payments
        .create_intent(&mei(), order, &idem("k"))
        .await;
    let intent = created.expect("creates");
    world.confirm(intent.id, "confirm").await;
    let back = |name: &Name, cents: i64, key: &'static str| {
        let request = RefundIntent::of(intent.id).with_line(name.clone(), eur(cents));
        let payments = world.payments.clone();
        async move { payments.refund(&staff(), request, &idem(key)).await }
    };
    let given = back(&tea, 30, "a").await.expect("refunds");
    assert_eq!(given.amount, eur(30));
    let again = back(&tea, 1, "b").await;
    assert!(
        matches!(again, Err(PayError::AmountTooLarge { .. })),
        "{again:?}"
    );
    let unknown = back(&"rice".parse().expect("a name"), 1, "c").await;
    assert!(matches!(unknown, Err(PayError::Core(_))), "{unknown:?}");
    back(&noodles, 70, "d").await.expect("refunds");
    let receipt = world
        .payments
        .receipt(&mei(), intent.id)
        .await
        .expect("draws up");
    assert_eq!((receipt.paid, receipt.net), (eur(100), eur(0)));
    assert_eq!((receipt.lines.len(), receipt.refunds.len()), (2, 2));
}

#[tokio::test]
async fn a_backend_that_refunds_once_is_asked_once() {
    let world = World::new(CLASSES[0].without_repeated_refund());
    let paid = world.pay("pm_ok", false).await;
    refund(&world, paid.id, 30, "a").await.expect("refunds");
    let second = refund(&world, paid.id, 30, "b").await;
    assert!(matches!(second, Err(PayError::Unsupported(_))));
}

#[tokio::test]
async fn there_is_no_receipt_before_money_was_taken() {
    let world = World::new(Capabilities::neither());
    let held = world.pay("pm_ok", true).await;
    let receipt = world.payments.receipt(&mei(), held.id).await;
    assert!(matches!(receipt, Err(PayError::Core(_))));
}

#[tokio::test]
async fn a_payer_is_shown_what_the_backend_asks_for_and_it_asks_for_nothing_undeclared() {
    let until = Some(World::new(CLASSES[1]).engine.now().plus(ACTION_LIFE));
    let actions = [
        NextAction::Redirect {
            url: "https://bank.invalid".into(),
        },
        NextAction::ClientSdk {
            payload: serde_json::json!({"client_secret": "s"}),
        },
        NextAction::QrCode {
            content: "weixin://pay".into(),
            expires_at: until,
        },
        NextAction::DisplayInstructions {
            text: "IBAN".into(),
            expires_at: until,
        },
        NextAction::AwaitNotification { until },
    ];
    for action in actions {
        let asks = || Behaviour::Asks(action.clone(), Duration::from_secs(60));
        let world = World::new(CLASSES[1]);
        world.sandbox.script(asks());
        let waiting = world.pay("pm_ok", false).await;
        assert_eq!(waiting.status, IntentStatus::RequiresAction);
        assert_eq!(waiting.next_action.as_ref(), Some(&action));
        world.let_time_pass(3).await;
        let paid = world.intent(waiting.id).await;
        assert_eq!(
            (paid.status, paid.next_action),
            (IntentStatus::Succeeded, None)
        );

        let narrow = World::new(CLASSES[1].with_next_actions(&[]));
        narrow.sandbox.script(asks());
        let refused = narrow.pay("pm_ok", false).await;
        assert_eq!(refused.status, IntentStatus::RequiresPaymentMethod);
        assert!(narrow.moved().await.is_empty());
    }
}

#[tokio::test]
async fn a_refund_of_lines_is_of_what_they_come_to() {
    let world = World::new(CLASSES[0]);
    let tea: Name = "tea".parse().expect("a name");
    let order = |line: i64| {
        CreateIntent::of(eur(100))
            .with_payment_method(method("pm_ok"))
            .with_line(tea.clone(), eur(line))
    };
    for wrong in [0, -1, 101] {
        let refused = world
            .payments
            .create_intent(&mei(), order(wrong), &idem("k"))
            .await;
        let refused = mp_core::Error::from(refused.expect_err("refused"));
        assert_eq!(refused.field(), Some("lines"), "{wrong}");
    }
    let created = world
        .payments
        .create_intent(&mei(), order(30), &idem("k"))
        .await;
    let intent = created.expect("creates");
    world.confirm(intent.id, "confirm").await;
    let back = RefundIntent::of(intent.id).with_line(tea, eur(30));
    let other = back.clone().with_amount(eur(31));
    let refused = world.payments.refund(&staff(), other, &idem("a")).await;
    let refused = mp_core::Error::from(refused.expect_err("refused"));
    assert_eq!(refused.field(), Some("amount"));
    let same = back.with_amount(eur(30));
    let given = world.payments.refund(&staff(), same, &idem("b")).await;
    assert_eq!(given.expect("refunds").lines.len(), 1);
}
