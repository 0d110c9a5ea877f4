//! What is accepted, and what is refused.

use std::{collections::BTreeMap, time::Duration};

use mp_pay::{
    intent::IntentStatus,
    journal::{Event, Source},
    webhook::{
        BODY_MAX, RawWebhook, WebhookRefusal, Webhooks,
        stripe::{SIGNATURE_HEADER, StripeSecret, StripeWebhooks, TOLERANCE},
    },
};

use super::{
    sender::{intake, secret, send, signed, source, worker},
    stores::Shared,
    support::{CLASSES, World, app, staff},
};

/// A backend that can be asked nothing: only webhooks tell.
const SILENT: mp_pay::backend::Capabilities = CLASSES[2];

/// How often webhooks have told of an intent.
pub(crate) async fn notices(world: &World, intent: mp_pay::IntentId) -> usize {
    let journal = world.payments.journal(&staff(), intent).await;
    let told = |event: &Event| matches!(event, Event::Observed { source, .. } if *source == Source::Notice);
    let journal = journal.expect("reads");
    journal.iter().filter(|entry| told(&entry.event)).count()
}

#[tokio::test]
async fn what_is_accepted_is_handled_and_what_comes_again_changes_nothing() {
    for shared in Shared::all("what_is_accepted_is_handled").await {
        let [one, other] = shared.worlds(SILENT);
        let intakes = [&one, &other].map(|world| intake(&world.engine, &world.payments));
        let intent = one.pay("pm_slow", false).await;
        one.clock.advance(Duration::from_secs(61));
        let events = one.sandbox.events(&app()).await.expect("tells");
        assert_eq!(events.len(), 1);
        for (times, webhooks) in [&intakes[0], &intakes[1], &intakes[0]]
            .into_iter()
            .enumerate()
        {
            let accepted = send(webhooks, &events[0], one.engine.now()).await;
            let accepted = accepted.expect("is accepted");
            assert_eq!(accepted.duplicate, times > 0, "{}", shared.name);
        }
        let before = one.intent(intent.id).await;
        assert_eq!(
            before.status,
            IntentStatus::Processing,
            "nobody has worked yet"
        );
        worker(&other, &intakes[1]).drain().await.expect("works");
        let late = send(&intakes[0], &events[0], one.engine.now()).await;
        assert!(late.expect("is accepted").duplicate, "{}", shared.name);
        worker(&one, &intakes[0]).drain().await.expect("works");
        let paid = one.intent(intent.id).await;
        assert_eq!(paid.status, IntentStatus::Succeeded, "{}", shared.name);
        assert_eq!(notices(&one, intent.id).await, 1, "{}", shared.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_that_come_at_once_one_is_the_first() {
    for shared in Shared::all("of_many_that_come_at_once_one_is_the_first").await {
        let worlds = shared.worlds(SILENT);
        let intakes = worlds
            .each_ref()
            .map(|world| intake(&world.engine, &world.payments));
        let webhook = signed(
            app(),
            r#"{"id":"evt_1","type":"ping","data":{"object":{}}}"#,
            worlds[0].engine.now(),
        );
        let mut receiving = tokio::task::JoinSet::new();
        for turn in 0..32 {
            let (webhooks, webhook) = (intakes[turn % 2].clone(), webhook.clone());
            receiving.spawn(async move { webhooks.receive(&webhook).await });
        }
        let answers = receiving.join_all().await;
        let duplicates = answers
            .iter()
            .filter(|it| it.as_ref().expect("is accepted").duplicate);
        assert_eq!(duplicates.count(), 31, "{}", shared.name);
    }
}

#[tokio::test]
async fn those_that_share_a_page_are_kept_apart() {
    for shared in Shared::all("those_that_share_a_page_are_kept_apart").await {
        let [world, _] = shared.worlds(SILENT);
        let webhooks = intake(&world.engine, &world.payments);
        let now = world.engine.now();
        // More than there are pages, handled in between.
        for n in 0..600 {
            let body = format!(r#"{{"id":"evt_{n}","type":"ping","data":{{"object":{{}}}}}}"#);
            let accepted = webhooks.receive(&signed(app(), &body, now)).await;
            assert!(
                !accepted.expect("is accepted").duplicate,
                "{}: {n}",
                shared.name
            );
            if n % 100 == 0 {
                worker(&world, &webhooks).drain().await.expect("works");
            }
        }
        worker(&world, &webhooks).drain().await.expect("works");
        let left = webhooks.unhandled(&staff(), None, 9).await;
        assert_eq!(left.expect("lists"), [], "{}", shared.name);
    }
}

#[tokio::test]
async fn what_is_not_verified_leaves_no_trace() {
    let world = World::new(SILENT);
    let webhooks = intake(&world.engine, &world.payments);
    let now = world.engine.now();
    let body = r#"{"id":"evt_1"}"#;
    let good = || signed(app(), body, now);
    let other = StripeSecret::new("whsec_other_secret").expect("a secret");
    let forged = RawWebhook::new(app(), source(), body)
        .with_header(SIGNATURE_HEADER, other.sign(body.as_bytes(), now));
    let mut elsewhere = good();
    elsewhere.source = "wechat".parse().expect("a name");
    let large = RawWebhook::new(app(), source(), vec![b' '; BODY_MAX + 1]);
    let stale = signed(app(), body, now.minus(TOLERANCE * 2));
    let early = signed(app(), body, now.plus(TOLERANCE * 2));
    for (webhook, code) in [
        (forged, "bad_signature"),
        (RawWebhook::new(app(), source(), body), "malformed"),
        (stale, "outside_window"),
        (early, "outside_window"),
        (elsewhere, "unknown_source"),
        (large, "too_large"),
    ] {
        let refused = webhooks.receive(&webhook).await.expect_err(code);
        assert_eq!(refused.code(), code);
    }
    assert!(
        !webhooks
            .receive(&good())
            .await
            .expect("is accepted")
            .duplicate
    );
}

#[tokio::test]
async fn what_was_signed_for_one_app_is_refused_by_every_other() {
    let world = World::new(SILENT);
    let cinema: mp_core::id::AppId = "cinema".parse().expect("an app");
    let others = StripeSecret::new("whsec_of_the_cinema").expect("a secret");
    let both = StripeWebhooks::new()
        .with_secret(app(), secret())
        .and_then(|it| it.with_secret(cinema.clone(), others));
    let both = std::sync::Arc::new(both.expect("two"));
    let webhooks = Webhooks::new(&world.engine).with_source(source(), both, &world.payments);
    let (body, now) = (r#"{"id":"evt_1"}"#, world.engine.now());
    let refused = webhooks.receive(&signed(cinema, body, now)).await;
    assert_eq!(refused.expect_err("is not theirs").code(), "bad_signature");
    let harbour = "harbour".parse().expect("an app");
    let refused = webhooks.receive(&signed(harbour, body, now)).await;
    assert_eq!(
        refused.expect_err("it has no secret").code(),
        "unknown_source"
    );
    assert!(webhooks.receive(&signed(app(), body, now)).await.is_ok());
}

#[tokio::test]
async fn what_waits_is_bounded_and_makes_room_when_it_is_handled() {
    let world = World::new(SILENT);
    // One on each of the 256 pages: two of 257 share a page.
    let webhooks = intake(&world.engine, &world.payments).with_waiting_max(1);
    let now = world.engine.now();
    let mut pages: BTreeMap<String, RawWebhook> = BTreeMap::new();
    let mut busy = None;
    for n in 0..257 {
        let body = format!(r#"{{"id":"evt_{n}","type":"ping","data":{{"object":{{}}}}}}"#);
        let webhook = signed(app(), &body, now);
        match webhooks.receive(&webhook).await {
            Ok(accepted) => drop(pages.insert(accepted.webhook.to_string(), webhook)),
            Err(refusal) => {
                assert!(matches!(refusal, WebhookRefusal::Busy) && refusal.is_passing());
                busy = Some(webhook);
                break;
            }
        }
    }
    let busy = busy.expect("two share a page");
    for known in pages.values() {
        let again = webhooks.receive(known).await.expect("is known");
        assert!(
            again.duplicate,
            "what is kept already is acknowledged however many wait"
        );
    }
    worker(&world, &webhooks).drain().await.expect("works");
    assert!(
        !webhooks
            .receive(&busy)
            .await
            .expect("there is room")
            .duplicate
    );
}
