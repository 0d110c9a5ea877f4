//! What becomes of a webhook that was accepted.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use mp_core::{store::MemoryStore, work::DeadLetters};
use mp_pay::{
    backend::sandbox::{Behaviour, SandboxEvent},
    dispute::DisputeStatus,
    intent::IntentStatus,
    operation::Step,
    payments::{ConfirmIntent, CreateIntent, Notice, RefundIntent},
    webhook::{Handling, Observation, Webhooks, stripe::OPERATION_METADATA},
};

use super::{
    sender::{adapter, intake, send, signed, worker},
    support::{CLASSES, World, app, eur, idem, mei, method, staff},
};

const MINUTE: Duration = Duration::from_secs(60);

fn silent() -> (World, Webhooks) {
    let world = World::new(CLASSES[2]);
    let webhooks = intake(&world.engine, &world.payments);
    (world, webhooks)
}

/// Has the provider tell everything that it knows.
pub(crate) async fn tell_all(world: &World, webhooks: &Webhooks) {
    for event in world.sandbox.events(&app()).await.expect("tells") {
        let sent = send(webhooks, &event, world.engine.now()).await;
        sent.expect("is accepted");
    }
}

/// What is open, and what follows, is told by webhooks under the name that the calls were answered
/// with: whoever comes first, there is one name.
#[tokio::test]
async fn an_event_goes_by_the_name_that_was_answered() {
    let (world, _) = silent();
    let sandbox = world.sandbox.clone().with_refunds(Behaviour::Delay(MINUTE));
    let backend = Arc::new(sandbox.clone());
    let world = World::on(world.store.clone(), world.clock.clone(), sandbox, backend);
    let mut names = BTreeMap::new();
    for token in ["pm_action", "pm_slow", "pm_ok"] {
        let intent = world.create(token, false, token).await;
        world.confirm(intent.id, token).await;
        let attempts = world.payments.attempts(&staff(), intent.id).await;
        let name = attempts.expect("reads")[0].charge.reference.clone();
        let name = name.expect("it has one from the beginning");
        assert_eq!(name.as_str(), intent.id.to_string(), "as over HTTP");
        names.insert(intent.id, vec![name]);
        if token == "pm_ok" {
            let refund = RefundIntent::of(intent.id).with_amount(eur(40));
            let refund = world.payments.refund(&staff(), refund, &idem("r")).await;
            let name = refund.expect("asks").operation.reference;
            let of_intent = names.entry(intent.id).or_default();
            of_intent.extend(name);
            assert_eq!(of_intent.len(), 2);
        }
    }
    for _open_and_done in 0..2 {
        for event in world.sandbox.events(&app()).await.expect("tells") {
            let sent = signed(app(), &event.body, world.engine.now());
            for observation in adapter().read(&sent).await.expect("reads") {
                let Observation::Operation(Notice { operation, outcome }) = observation else {
                    panic!("nothing is disputed");
                };
                let refund = usize::from(operation.step != Step::Charge(1));
                let name = &names[&operation.intent][refund];
                assert_eq!(outcome.reference(), Some(name), "{operation} {outcome:?}");
            }
        }
        world.clock.advance(MINUTE);
    }
}

/// Works until whatever is tried again has been tried often enough.
async fn work_through(world: &World, webhooks: &Webhooks) {
    let worker = worker(world, webhooks);
    for _ in 0..40 {
        worker.drain().await.expect("works");
        world.clock.advance(Duration::from_secs(31 * 60));
    }
}

#[tokio::test]
async fn a_payment_lives_on_webhooks_alone() {
    let (world, webhooks) = silent();
    let worker = worker(&world, &webhooks);
    let held = world.pay("pm_slow", true).await;
    world.clock.advance(Duration::from_secs(61));
    tell_all(&world, &webhooks).await;
    worker.drain().await.expect("works");
    let now = world.intent(held.id).await;
    assert_eq!(
        (now.status, now.amount_capturable),
        (IntentStatus::RequiresCapture, eur(100))
    );
    let capture = mp_pay::payments::CaptureIntent::of(held.id);
    let captured = world.payments.capture(&staff(), capture, &idem("k")).await;
    assert_eq!(captured.expect("captures").status, IntentStatus::Succeeded);
    world.sandbox.script(Behaviour::Delay(MINUTE));
    let refund = RefundIntent::of(held.id).with_amount(eur(40));
    world
        .payments
        .refund(&staff(), refund, &idem("r"))
        .await
        .expect("asks");
    assert_eq!(
        world.intent(held.id).await.amount_reserved_for_refund,
        eur(40)
    );
    world.clock.advance(Duration::from_secs(61));
    tell_all(&world, &webhooks).await;
    worker.drain().await.expect("works");
    let now = world.intent(held.id).await;
    assert_eq!(
        (now.amount_refunded, now.amount_refundable()),
        (eur(40), eur(60))
    );
    let name = idem("du_1");
    let dispute =
        |status| SandboxEvent::dispute(&name, held.id, eur(60), status, world.engine.now());
    for (status, disputed) in [
        (DisputeStatus::NeedsResponse, Some(eur(60))),
        (DisputeStatus::Won, None),
        (DisputeStatus::NeedsResponse, None),
    ] {
        let event = dispute(status).expect("an event");
        send(&webhooks, &event, world.engine.now())
            .await
            .expect("is accepted");
        worker.drain().await.expect("works");
        assert_eq!(
            world.intent(held.id).await.amount_disputed,
            disputed,
            "{status:?}"
        );
    }
    assert_eq!(
        webhooks.unhandled(&staff(), None, 10).await.expect("lists"),
        []
    );
}

#[tokio::test]
async fn every_way_that_a_charge_can_go_is_told() {
    for (token, status) in [
        ("pm_slow", IntentStatus::Succeeded),
        ("pm_action", IntentStatus::Succeeded),
        ("pm_timeout_after", IntentStatus::Succeeded),
        ("pm_declined", IntentStatus::RequiresPaymentMethod),
    ] {
        let (world, webhooks) = silent();
        let intent = world.pay(token, false).await;
        // What is under way is told first, then how it ended.
        tell_all(&world, &webhooks).await;
        world.clock.advance(Duration::from_secs(61));
        tell_all(&world, &webhooks).await;
        worker(&world, &webhooks).drain().await.expect("works");
        assert_eq!(world.intent(intent.id).await.status, status, "{token}");
    }
}

#[tokio::test]
async fn a_webhook_that_comes_before_what_it_is_about_waits_for_it() {
    let (world, webhooks) = silent();
    // The provider's side of a payment whose intent is not in this store yet.
    let ahead = World::on(
        Arc::new(MemoryStore::new()),
        world.clock.clone(),
        world.sandbox.clone(),
        Arc::new(world.sandbox.clone()),
    );
    let there = ahead.pay("pm_slow", false).await;
    world.clock.advance(Duration::from_secs(61));
    tell_all(&world, &webhooks).await;
    let working = worker(&world, &webhooks);
    working.drain().await.expect("works");
    let order = CreateIntent::of(eur(100)).with_payment_method(method("pm_slow"));
    let created = world
        .payments
        .create_intent(&mei(), order, &idem("create"))
        .await;
    let created = created.expect("creates");
    assert_eq!(
        created.id, there.id,
        "the id is that of the caller and the key"
    );
    world.clock.advance(Duration::from_secs(10));
    working.drain().await.expect("works");
    assert_eq!(
        world.intent(there.id).await.status,
        IntentStatus::RequiresConfirmation
    );
    let confirm = ConfirmIntent::of(there.id);
    world
        .payments
        .confirm(&mei(), confirm, &idem("confirm"))
        .await
        .expect("confirms");
    world.clock.advance(Duration::from_secs(60));
    working.drain().await.expect("works");
    assert_eq!(world.intent(there.id).await.status, IntentStatus::Succeeded);
}

#[tokio::test]
async fn a_webhook_about_what_never_comes_is_listed_and_not_dropped() {
    let (world, webhooks) = silent();
    let stranger = mp_pay::IntentId::derived(&["never"]);
    let event = SandboxEvent::dispute(
        &idem("du_1"),
        stranger,
        eur(5),
        DisputeStatus::Lost,
        world.engine.now(),
    );
    let accepted = send(&webhooks, &event.expect("an event"), world.engine.now()).await;
    let accepted = accepted.expect("is accepted");
    work_through(&world, &webhooks).await;
    let listed = webhooks.unhandled(&staff(), None, 10).await.expect("lists");
    let [unhandled] = &listed[..] else {
        panic!("one is listed: {listed:?}");
    };
    assert_eq!(unhandled.webhook, accepted.webhook);
    assert!(
        unhandled
            .event
            .as_ref()
            .is_some_and(|event| event.as_str().starts_with("evt_"))
    );
    assert!(
        unhandled
            .problem
            .as_ref()
            .is_some_and(|it| it.contains("intent"))
    );
    let error = webhooks.handle(&staff(), &accepted.webhook).await;
    assert_eq!(
        error.expect_err("it is still not there").code(),
        "not_found"
    );
    let put_aside = webhooks
        .dismiss(&staff(), &accepted.webhook, &idem("d"))
        .await
        .expect("dismisses");
    assert_eq!(put_aside.outcome, Handling::Dismissed);
    assert_eq!(
        webhooks.unhandled(&staff(), None, 10).await.expect("lists"),
        []
    );
    assert_eq!(
        DeadLetters::of(&world.engine)
            .list(None, 10)
            .await
            .expect("lists"),
        []
    );
}

/// Stripe's own dispute, which names nothing of ours.
#[tokio::test]
async fn a_dispute_that_names_no_payment_of_ours_is_listed_once_with_the_providers_names() {
    let (world, webhooks) = silent();
    let intent = world.pay("pm_ok", false).await;
    let event = |name: &str, metadata: serde_json::Value| {
        let object = serde_json::json!({
            "id": "du_1", "object": "dispute", "amount": 60, "currency": "eur",
            "charge": "ch_1AZtxr2eZvKYlo2CJDX8whov", "payment_intent": "pi_3MtwBwLkdIwHu7ix28a3tqPa",
            "metadata": metadata, "reason": "fraudulent", "status": "needs_response",
        });
        let kind = "charge.dispute.updated";
        let event = serde_json::json!({"id": name, "type": kind, "data": {"object": object}});
        signed(app(), &event.to_string(), world.engine.now())
    };
    let came = webhooks
        .receive(&event("evt_1", serde_json::json!({})))
        .await;
    let came = came.expect("is accepted");
    work_through(&world, &webhooks).await;
    let listed = webhooks.unhandled(&staff(), None, 10).await.expect("lists");
    let [unhandled] = &listed[..] else {
        panic!("one is listed: {listed:?}");
    };
    assert_eq!((&unhandled.webhook, unhandled.attempts), (&came.webhook, 1));
    let problem = unhandled.problem.as_deref().unwrap_or_default();
    for name in [
        "du_1",
        "ch_1AZtxr2eZvKYlo2CJDX8whov",
        "pi_3MtwBwLkdIwHu7ix28a3tqPa",
    ] {
        assert!(problem.contains(name), "{problem}");
    }
    // Its metadata tell whose it is from now on.
    let metadata = serde_json::json!({OPERATION_METADATA: format!("{}-c1", intent.id)});
    let told = webhooks.receive(&event("evt_2", metadata)).await;
    told.expect("is accepted");
    worker(&world, &webhooks).drain().await.expect("works");
    assert_eq!(world.intent(intent.id).await.amount_disputed, Some(eur(60)));
}

#[tokio::test]
async fn what_cannot_be_read_is_put_before_a_person_and_what_is_of_no_use_is_ignored() {
    let (world, webhooks) = silent();
    let now = world.engine.now();
    for body in ["no JSON", r#"{"id":"evt_odd","type":1}"#] {
        webhooks
            .receive(&signed(app(), body, now))
            .await
            .expect("it is signed");
    }
    let ping = r#"{"id":"evt_ping","type":"invoice.paid","data":{"object":{"id":"in_1"}}}"#;
    let ping = webhooks
        .receive(&signed(app(), ping, now))
        .await
        .expect("it is signed");
    worker(&world, &webhooks).drain().await.expect("works");
    let listed = webhooks.unhandled(&staff(), None, 10).await.expect("lists");
    assert_eq!(listed.len(), 2);
    assert!(
        listed
            .iter()
            .all(|it| it.webhook != ping.webhook && it.attempts == 1)
    );
    let page = webhooks
        .unhandled(&staff(), Some(&listed[0].webhook), 10)
        .await;
    assert_eq!(page.expect("lists"), listed[1..]);
    let first = webhooks.unhandled(&staff(), None, 1).await.expect("lists");
    assert_eq!(first, listed[..1]);
    let handled = webhooks
        .handle(&staff(), &ping.webhook)
        .await
        .expect("it is handled");
    assert_eq!(handled.outcome, Handling::Ignored);
}

#[tokio::test]
async fn where_a_person_waits_it_is_handled_at_once_and_the_worker_finds_nothing_to_do() {
    let (world, webhooks) = silent();
    let intent = world.pay("pm_slow", false).await;
    world.clock.advance(Duration::from_secs(61));
    let events = world.sandbox.events(&app()).await.expect("tells");
    let accepted = send(&webhooks, &events[0], world.engine.now())
        .await
        .expect("is accepted");
    let handled = webhooks
        .handle(&staff(), &accepted.webhook)
        .await
        .expect("handles");
    assert_eq!(handled.outcome, Handling::Observed);
    assert_eq!(
        world.intent(intent.id).await.status,
        IntentStatus::Succeeded
    );
    let left = worker(&world, &webhooks).drain().await.expect("works");
    assert_eq!(left, 0, "its outbox record went with the commit");
}
