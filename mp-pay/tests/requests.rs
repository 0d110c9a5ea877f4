//! Calls under a key: the journal keeps who asked for what, and tells a repetition by it for as long as
//! the payment stands.

mod support;

use std::{sync::Arc, time::Duration};

use mp_core::{
    idempotency::{IDEMPOTENCY_MEMORY, Idempotency, fingerprint},
    store::{Batch, CommitId, Key, Partition, Query, Selection, Version, Write},
};
use mp_pay::{
    IntentId, PayError, PaymentIntent,
    intent::IntentStatus,
    payments::{CaptureIntent, CreateIntent, RefundIntent},
};
use serde_json::{Value, json};

use self::support::{CLASSES, World, app, eur, idem, mei, method, staff};

const LONG: Duration = Duration::from_secs(5 * 24 * 60 * 60);

fn is_conflict<T>(answer: Result<T, PayError>) -> bool {
    let error = answer.err().map(mp_core::Error::from);
    error.is_some_and(|error| error.code() == "idempotency_conflict")
}

fn part(id: IntentId, cents: i64) -> CaptureIntent {
    CaptureIntent::of(id)
        .with_amount(eur(cents))
        .with_more_to_come()
}

async fn stored(world: &World, id: IntentId) -> (Version, Vec<(String, Value)>) {
    let query = Query {
        select: vec![Selection::Prefix(Key::root())],
        limit: 1_000,
    };
    let view = world
        .store
        .read(&partition(id), &query)
        .await
        .expect("reads");
    let records = view.records.into_iter().map(|record| {
        let value = serde_json::from_slice(&record.value).expect("is JSON");
        (record.key.as_str().to_owned(), value)
    });
    (view.head, records.collect())
}

async fn created(world: &World, order: CreateIntent) -> Result<PaymentIntent, PayError> {
    let payments = &world.payments;
    payments.create_intent(&mei(), order, &idem("create")).await
}

fn partition(id: IntentId) -> Partition {
    Partition::new(&app(), "pay", &id.to_string()).expect("a partition")
}

#[tokio::test]
async fn a_call_is_known_again_for_as_long_as_the_payment_stands() {
    let world = World::new(CLASSES[1]);
    let id = world.pay("pm_ok", true).await.id;
    let capture = |cents, key: &'static str| {
        let payments = world.payments.clone();
        async move {
            payments
                .capture(&staff(), part(id, cents), &idem(key))
                .await
        }
    };
    let first = capture(40, "first").await.expect("captures");
    assert_eq!(first.amount_received, eur(40));
    for _ in 0..2 {
        world.clock.advance(LONG / 2);
        let again = capture(40, "first").await.expect("is known");
        assert_eq!(again.amount_received, eur(40));
        assert!(is_conflict(capture(30, "first").await));
        let create = CreateIntent::of(eur(100)).with_payment_method(method("pm_ok"));
        let other = created(&world, create.clone()).await;
        assert!(is_conflict(other), "it was created to be captured later");
        let same = created(&world, create.with_manual_capture()).await;
        assert_eq!(same.expect("is known").id, id);
    }
    assert_eq!(world.moved().await, [40]);
    let other = capture(60, "second").await.expect("captures");
    assert_eq!(other.status, IntentStatus::Succeeded);
    assert_eq!(world.moved().await, [40, 60]);
}

#[tokio::test]
async fn a_refund_of_all_that_is_left_is_known_again_for_as_long_as_the_payment_stands() {
    let world = World::new(CLASSES[1]);
    let id = world.pay("pm_ok", false).await.id;
    let refund = |refund: RefundIntent, key: &'static str| {
        let payments = world.payments.clone();
        async move { payments.refund(&staff(), refund, &idem(key)).await }
    };
    let part = RefundIntent::of(id).with_amount(eur(30));
    refund(part, "part").await.expect("refunds");
    let rest = refund(RefundIntent::of(id), "rest").await.expect("refunds");
    assert_eq!(rest.amount, eur(70));
    world.clock.advance(LONG);
    let again = refund(RefundIntent::of(id), "rest")
        .await
        .expect("is known");
    assert_eq!(again, rest);
    assert!(is_conflict(
        refund(RefundIntent::of(id).with_amount(eur(70)), "rest").await
    ));
    assert_eq!(world.moved().await.iter().sum::<i64>(), 0);
}

#[tokio::test]
async fn a_call_is_known_again_once_its_entry_stands_on_a_page() {
    let world = World::new(CLASSES[1]);
    let id = world.pay("pm_ok", true).await.id;
    let capture = || {
        let payments = world.another().payments;
        async move {
            payments
                .capture(&staff(), part(id, 60), &idem("first"))
                .await
        }
    };
    capture().await.expect("captures");
    for number in 0..40 {
        let request = RefundIntent::of(id).with_amount(eur(1));
        let key = idem(&format!("refund-{number}"));
        let refunded = world.payments.refund(&staff(), request, &key).await;
        refunded.expect("refunds");
    }
    let (_, records) = stored(&world, id).await;
    let tail = records[0].1["journal"].to_string();
    assert!(!tail.contains("\"first\""), "its entry has left the tail");
    let again = capture().await.expect("is known");
    assert_eq!(again.amount_received, eur(60));
    assert_eq!(world.moved().await.iter().sum::<i64>(), 20);
}

#[tokio::test]
async fn the_journal_tells_who_asked_for_what_under_which_key() {
    let world = World::new(CLASSES[0]);
    let id = world.pay("pm_ok", true).await.id;
    let capture = CaptureIntent::of(id);
    let captured = world.payments.capture(&staff(), capture, &idem("c")).await;
    captured.expect("captures");
    let journal = world.payments.journal(&staff(), id).await.expect("reads");
    let asked = journal.iter().filter_map(|entry| entry.request.as_ref());
    let asked = asked.map(|it| {
        let by = it.by.as_ref().map_or("the app", |by| by.as_str());
        (
            by.to_owned(),
            it.operation.to_string(),
            it.key.as_str().to_owned(),
        )
    });
    let expected = [
        ("mei", "pay.create_intent", "create"),
        ("mei", "pay.confirm", "confirm"),
        ("the app", "pay.capture", "c"),
    ];
    let expected = expected.map(|(by, what, key)| (by.to_owned(), what.to_owned(), key.to_owned()));
    assert_eq!(Vec::from_iter(asked), expected);
    let (_, records) = stored(&world, id).await;
    let kept = records.iter().filter(|(key, _)| key.starts_with("i/"));
    assert_eq!(kept.count(), 0, "no answer is kept beside the journal");
}

/// An earlier release remembered answers beside the journal, for a day or two.
#[tokio::test]
async fn an_answer_that_an_earlier_release_remembered_is_told_still() {
    let world = World::new(CLASSES[1]);
    let id = world.pay("pm_ok", true).await.id;
    let (staff, first) = (staff(), idem("first"));
    let captured = world.payments.capture(&staff, part(id, 40), &first).await;
    captured.expect("captures");

    let (head, records) = stored(&world, id).await;
    let (_, mut root) = records.into_iter().next().expect("a root");
    for entry in root["journal"].as_array_mut().expect("a journal") {
        entry.as_object_mut().expect("an entry").remove("request");
    }
    let once = Idempotency::new(&staff, "pay.capture", &first, &part(id, 40));
    let once = once.expect("is JSON");
    assert_eq!(
        once.fingerprint(),
        fingerprint(&part(id, 40)).expect("is JSON")
    );
    let period = world.engine.now().as_millis() / 1_000 / IDEMPOTENCY_MEMORY.as_secs();
    let answer = json!({
        "kind": "answer", "format": 1, "fingerprint": once.fingerprint(), "answer": null,
    });
    let put = |key: &str, value: &Value| {
        Write::put(
            Key::new(key).expect("a key"),
            value.to_string().into_bytes().into(),
        )
    };
    let batch = Batch {
        expect: head,
        commit_id: CommitId::random(),
        at: world.engine.now(),
        writes: vec![
            put("", &root),
            put(&format!("i/{period:08}/-/-/pay.capture/first"), &answer),
        ],
    };
    world
        .store
        .commit(&partition(id), batch)
        .await
        .expect("writes");

    let (store, clock) = (world.store.clone(), world.clock.clone());
    let sandbox = world.sandbox.clone();
    let world = World::on(store, clock, sandbox.clone(), Arc::new(sandbox));
    let again = world.payments.capture(&staff, part(id, 40), &first).await;
    assert_eq!(again.expect("is known").amount_received, eur(40));
    assert_eq!(world.moved().await, [40]);
}
