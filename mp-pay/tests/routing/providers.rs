//! What each provider tells: by webhooks, of disputes, and in its settlement report.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use mp_core::{
    Error, ErrorKind, Timestamp,
    conformance::{Call, HookedStore, Phase},
    store::{MemoryStore, Partition},
    work::{Worker, WorkerOptions},
};
use mp_pay::{
    backend::{DeclineCode, Outcome, Reference, sandbox::Behaviour},
    dispute::DisputeStatus,
    intent::IntentStatus,
    operation::{OperationKey, Step},
    payments::{DisputeNotice, Notice},
    reconciliation::{LineKind, Reconciliation, ReportLine, Window},
    routing::Routing,
    webhook::{Identity, Observation, RawWebhook, WebhookRefusal, WebhookSource, Webhooks},
};

use super::{
    able, processing_error,
    support::{
        app, eur,
        fleet::{Fleet, name},
        staff,
    },
};

/// A provider whose webhooks are our own notices.
#[derive(Debug)]
struct Plain;

#[async_trait]
impl WebhookSource for Plain {
    fn kept_headers(&self) -> &'static [&'static str] {
        &[]
    }

    async fn verify(&self, _: &RawWebhook, _: Timestamp) -> Result<Identity, WebhookRefusal> {
        Ok(Identity::Bytes)
    }

    async fn read(&self, webhook: &RawWebhook) -> Result<Vec<Observation>, Error> {
        let notice = serde_json::from_slice(&webhook.body);
        let notice = notice.map_err(|error| Error::invalid("body", error.to_string()))?;
        Ok(vec![Observation::Operation(notice)])
    }
}

#[tokio::test]
async fn a_source_of_webhooks_tells_of_its_own_backend_only() {
    let fleet = Fleet::new(able(), able());
    let world = fleet.world();
    let day = Duration::from_secs(24 * 60 * 60);
    fleet.acme.script(Behaviour::Delay(day));
    let waiting = world.pay("pm_ok", false).await;
    let (intent, step) = (waiting.id, Step::Charge(1));
    let notice = Notice {
        operation: OperationKey { intent, step },
        outcome: Outcome::settled(Reference::new("hook").expect("a reference")),
    };
    let body = serde_json::to_vec(&notice).expect("is JSON");
    let webhooks = ["acme", "birch"]
        .into_iter()
        .fold(Webhooks::new(&world.engine), |all, text| {
            all.with_source_of(name(text), name(text), Arc::new(Plain), &world.payments)
        });
    let worker = Worker::new(&world.engine, WorkerOptions::default()).with(webhooks.handlers());
    for (source, status) in [
        ("birch", IntentStatus::Processing),
        ("acme", IntentStatus::Succeeded),
    ] {
        let came = RawWebhook::new(app(), name(source), body.clone());
        webhooks.receive(&came).await.expect("is accepted");
        worker.drain().await.expect("works");
        assert_eq!(world.intent(intent).await.status, status, "{source}");
    }
}

#[tokio::test]
async fn a_dispute_is_told_by_the_backend_that_has_taken_the_money() {
    let fleet = Fleet::new(able(), able());
    let world = fleet.world();
    fleet.acme.script(processing_error());
    let paid = world.pay("pm_ok", false).await;
    let notice = || DisputeNotice {
        intent: paid.id,
        attempt: None,
        reference: Reference::new("dp_1").expect("a reference"),
        amount: eur(80),
        status: DisputeStatus::NeedsResponse,
        reason: None,
    };
    let tell = |text: &'static str| {
        let payments = world.payments.clone();
        let notice = notice();
        async move {
            payments
                .observe_dispute_from(&staff(), &name(text), notice)
                .await
        }
    };
    let refused = tell("acme").await.expect_err("it has taken nothing");
    assert_eq!(Error::from(refused).kind(), ErrorKind::NotFound);
    let disputed = tell("birch").await.expect("hears it");
    assert_eq!(disputed.amount_disputed, Some(eur(80)));
}

#[tokio::test]
async fn a_dispute_of_an_attempt_that_was_given_up_is_told_by_the_backend_that_it_went_to() {
    let store = Arc::new(MemoryStore::new());
    let fleet = Fleet::on(store.clone(), able(), able());
    let world = fleet.world();
    let opened = world.engine.now();
    let day = Duration::from_secs(24 * 60 * 60);
    world.clock.advance(day / 2);
    fleet.acme.script(processing_error());
    let paid = world.pay("pm_ok", false).await;
    let notice = || DisputeNotice {
        intent: paid.id,
        attempt: Some(1),
        reference: Reference::new("dp_1").expect("a reference"),
        amount: eur(80),
        status: DisputeStatus::NeedsResponse,
        reason: None,
    };
    let (acme, birch, staff) = (name("acme"), name("birch"), staff());
    let payments = &world.payments;
    let refused = payments.observe_dispute_from(&staff, &birch, notice());
    let refused = refused.await.expect_err("it went to the other");
    assert_eq!(Error::from(refused).kind(), ErrorKind::NotFound);
    let told = payments.observe_dispute_from(&staff, &acme, notice());
    let told = told.await.expect("hears it");
    assert_eq!(told.amount_disputed, None, "the other's money is there");

    let window = Window::new(opened, opened.plus(day)).expect("a day");
    for (backend, kinds) in [
        (acme, vec![LineKind::Dispute]),
        (birch, vec![LineKind::Charge]),
    ] {
        let reconciliation = Reconciliation::new(&world.payments, window)
            .with_listing(store.clone())
            .of_backend(backend);
        let empty: [Result<ReportLine, Error>; 0] = [];
        let reconciled = reconciliation.run(&staff, empty).await;
        let missing = reconciled.expect("reconciles").report.missing.items;
        let found = missing.iter().map(|it| it.kind);
        assert_eq!(Vec::from_iter(found), kinds);
    }
}

#[tokio::test]
async fn a_dispute_is_held_against_the_attempt_that_stands_when_it_is_written() {
    let fleet = Fleet::new(able(), able());
    let world = Arc::new(fleet.world());
    let waiting = world.pay("pm_slow", false).await;
    let step = Step::Charge(1);
    let operation = OperationKey {
        intent: waiting.id,
        step,
    };
    let code = DeclineCode::new("processing_error").expect("a code");
    let outcome = Outcome::declined(code);
    let declined = Notice { operation, outcome };
    let reads = Arc::new(AtomicU32::new(0));
    let hook = move |call, phase, _: Option<&Partition>| {
        let (world, declined, reads) = (world.clone(), declined.clone(), reads.clone());
        async move {
            let is_read = (call, phase) == (Call::Read, Phase::After);
            // Once it was looked at, the payment goes on at the other provider.
            if is_read && reads.fetch_add(1, Ordering::SeqCst) == 0 {
                let by = name("acme");
                let told = world.payments.observe_from(&staff(), &by, declined).await;
                told.expect("falls over");
            }
            Ok(())
        }
    };
    let store = Arc::new(HookedStore::new(fleet.store.clone(), hook));
    let routing = Routing::new(fleet.backends(), fleet.rules.clone()).expect("fits");
    let slow = fleet.world_on(store, routing);
    let notice = DisputeNotice {
        intent: waiting.id,
        attempt: None,
        reference: Reference::new("dp_1").expect("a reference"),
        amount: eur(80),
        status: DisputeStatus::NeedsResponse,
        reason: None,
    };
    let by = name("acme");
    let told = slow
        .payments
        .observe_dispute_from(&staff(), &by, notice)
        .await;
    let refused = told.expect_err("it is the other's");
    assert_eq!(Error::from(refused).kind(), ErrorKind::NotFound);
    let disputes = slow.payments.disputes(&staff(), waiting.id).await;
    assert_eq!(disputes.expect("reads"), []);
}

#[tokio::test]
async fn a_settlement_report_is_held_against_what_went_to_its_provider() {
    let store = Arc::new(MemoryStore::new());
    let fleet = Fleet::on(store.clone(), able(), able());
    let world = fleet.world();
    let opened = world.engine.now();
    let day = Duration::from_secs(24 * 60 * 60);
    world.clock.advance(day / 2);
    let here = world.pay("pm_ok", false).await;
    fleet.acme.script(processing_error());
    let there = world.create("pm_ok", false, "there").await;
    world.confirm(there.id, "there").await;
    let window = Window::new(opened, opened.plus(day)).expect("a day");
    let charge = |intent, number| OperationKey {
        intent,
        step: Step::Charge(number),
    };
    for (backend, expected) in [
        ("acme", vec![charge(here.id, 1)]),
        ("birch", vec![charge(there.id, 2)]),
    ] {
        let reconciliation = Reconciliation::new(&world.payments, window)
            .with_listing(store.clone())
            .of_backend(name(backend));
        let empty: [Result<ReportLine, Error>; 0] = [];
        let reconciled = reconciliation.run(&staff(), empty).await;
        let missing = reconciled.expect("reconciles").report.missing;
        let found: Vec<String> = missing
            .items
            .iter()
            .map(|it| it.subject.to_string())
            .collect();
        let expected: Vec<String> = expected.iter().map(ToString::to_string).collect();
        assert_eq!(found, expected, "{backend}");
    }
}
