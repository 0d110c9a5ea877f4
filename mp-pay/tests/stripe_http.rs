//! The sandbox over HTTP, asked what no well-behaved client asks.
#![cfg(feature = "http")]

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Method, Request, Response, StatusCode},
};
use mp_core::{
    Engine, Timestamp,
    clock::ManualClock,
    conformance::{Call, HookedStore, Phase},
    entropy::SeededEntropy,
    store::{MemoryStore, Partition, Store, StoreErrorKind},
    work::Worker,
};
use mp_pay::{
    Payments, SandboxBackend,
    backend::sandbox::{
        DELAY,
        http::{self, AMOUNT_MAX, BODY_MAX},
    },
};
use proptest::prelude::*;
use serde_json::Value;
use tower::ServiceExt;

const INTENTS: &str = "/v1/payment_intents";

struct Served {
    router: Router,
    clock: Arc<ManualClock>,
    worker: Worker,
}

impl Served {
    fn new() -> Self {
        Self::on(Arc::new(MemoryStore::new()))
    }

    fn on(store: Arc<dyn Store>) -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::from_micros(
            1_700_000_000_000_000,
        )));
        let engine = Engine::new(store, clock.clone(), Arc::new(SeededEntropy::new(1)));
        let sandbox = SandboxBackend::on(&engine, &"acme".parse().expect("a name"));
        let payments = Payments::new(&engine, Arc::new(sandbox));
        Self {
            router: http::router(&payments, "market".parse().expect("a name")),
            clock,
            worker: Worker::new(&engine, mp_core::work::WorkerOptions::default())
                .with(payments.handlers()),
        }
    }

    async fn ask(&self, request: Request<Body>) -> Response<Body> {
        let answered = self.router.clone().oneshot(request).await;
        answered.expect("a router always answers")
    }

    async fn post(&self, path: &str, body: impl Into<Body>) -> (StatusCode, Value) {
        told(self.ask(request(Method::POST, path, body)).await).await
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        told(self.ask(request(Method::GET, path, "")).await).await
    }
}

fn request(method: Method, path: &str, body: impl Into<Body>) -> Request<Body> {
    let request = Request::builder().method(method).uri(path);
    let request = request.header("authorization", "Bearer sk_test_1");
    request.body(body.into()).expect("a request")
}

async fn told(response: Response<Body>) -> (StatusCode, Value) {
    let status = response.status();
    let body = to_bytes(response.into_body(), usize::MAX).await;
    let body = serde_json::from_slice(&body.expect("a body"));
    (status, body.expect("every answer is JSON"))
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_in_stripes_envelope() {
    let served = Served::new();
    let (status, told) = served.post(INTENTS, "a".repeat(BODY_MAX + 1)).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(told["error"]["type"], "invalid_request_error");
}

#[tokio::test]
async fn nobody_is_let_in_without_a_test_key() {
    let served = Served::new();
    for key in [
        None,
        Some("Bearer sk_live_1"),
        Some("Bearer sk_test_"),
        Some("sk_test_1"),
    ] {
        for (method, path) in [(Method::POST, INTENTS), (Method::GET, "/v1/refunds/re_1")] {
            let mut request = request(method, path, "");
            request.headers_mut().remove("authorization");
            if let Some(key) = key {
                let key = key.parse().expect("a header");
                request.headers_mut().insert("authorization", key);
            }
            let response = served.ask(request).await;
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{key:?}");
        }
    }
}

#[tokio::test]
async fn an_amount_over_eight_digits_is_refused() {
    let served = Served::new();
    let order = |amount: i64| format!("currency=eur&amount={amount}");
    let (status, _) = served.post(INTENTS, order(AMOUNT_MAX)).await;
    assert_eq!(status, StatusCode::OK);
    let (status, told) = served.post(INTENTS, order(AMOUNT_MAX + 1)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(told["error"]["code"], "amount_too_large");
}

#[tokio::test]
async fn a_key_may_be_of_any_visible_characters_and_255_long() {
    let served = Served::new();
    for (key, status) in [
        ("a/b {c} %2F~".to_owned(), StatusCode::OK),
        ("k".repeat(255), StatusCode::OK),
        ("k".repeat(256), StatusCode::BAD_REQUEST),
        (String::new(), StatusCode::BAD_REQUEST),
    ] {
        let mut request = request(Method::POST, INTENTS, "currency=eur&amount=5");
        let header = key.parse().expect("a header");
        request.headers_mut().insert("idempotency-key", header);
        assert_eq!(served.ask(request).await.status(), status, "{key}");
    }
}

#[tokio::test]
async fn a_key_is_answered_as_the_first_time_and_is_of_one_request() {
    let served = Served::new();
    let pay = |method: &str, amount: u32| {
        let form = format!("currency=eur&amount={amount}&confirm=true&payment_method={method}");
        let mut request = request(Method::POST, INTENTS, form);
        let key = format!("order of {method}").parse().expect("a header");
        request.headers_mut().insert("idempotency-key", key);
        served.ask(request)
    };
    for (method, status) in [
        ("pm_card_visa", StatusCode::OK),
        ("pm_card_chargeDeclined", StatusCode::PAYMENT_REQUIRED),
    ] {
        let (first, again) = (pay(method, 5).await, pay(method, 5).await);
        assert_eq!(first.status(), status);
        assert!(!first.headers().contains_key("idempotent-replayed"));
        assert_eq!(again.headers()["idempotent-replayed"], "true");
        assert_eq!(told(first).await, told(again).await);
        let (status, other) = told(pay(method, 6).await).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert_eq!(other["error"]["type"], "idempotency_error");
    }
}

#[tokio::test]
async fn stripes_test_cards_decline_with_their_codes() {
    let served = Served::new();
    for (card, code, reason) in [
        ("chargeDeclined", "card_declined", "generic_decline"),
        ("visa_chargeDeclined", "card_declined", "generic_decline"),
        (
            "chargeDeclinedInsufficientFunds",
            "card_declined",
            "insufficient_funds",
        ),
        ("chargeDeclinedExpiredCard", "expired_card", "expired_card"),
        (
            "chargeDeclinedIncorrectCvc",
            "incorrect_cvc",
            "incorrect_cvc",
        ),
        (
            "chargeDeclinedProcessingError",
            "processing_error",
            "processing_error",
        ),
    ] {
        let form = format!("currency=eur&amount=5&confirm=true&payment_method=pm_card_{card}");
        let (status, told) = served.post(INTENTS, form).await;
        assert_eq!(status, StatusCode::PAYMENT_REQUIRED, "{card}");
        assert_eq!(told["error"]["type"], "card_error");
        assert_eq!(told["error"]["code"], code);
        assert_eq!(told["error"]["decline_code"], reason);
        assert_eq!(
            told["error"]["payment_intent"]["status"],
            "requires_payment_method"
        );
    }
}

#[tokio::test]
async fn requests_without_a_key_are_each_their_own() {
    let served = Served::new();
    let (_, first) = served.post(INTENTS, "currency=eur&amount=5").await;
    let (_, second) = served.post(INTENTS, "currency=eur&amount=5").await;
    assert_ne!(first["id"], second["id"]);
}

/// A store out of reach for payments once so many more commits of them were made.
fn failing_after(commits: &Arc<AtomicU32>) -> Arc<dyn Store> {
    let commits = commits.clone();
    let hook = move |call, phase, partition: Option<&Partition>| {
        let of_payment = partition.is_some_and(|it| it.to_string().contains("/pay/"));
        let commits = commits.clone();
        async move {
            if (call, phase, of_payment) != (Call::Commit, Phase::Before, true) {
                return Ok(());
            }
            let fewer = |left: u32| left.checked_sub(1);
            let left = commits.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fewer);
            left.map(drop).map_err(|_| StoreErrorKind::Unavailable)
        }
    };
    Arc::new(HookedStore::new(Arc::new(MemoryStore::new()), hook))
}

#[tokio::test]
async fn a_refund_that_broke_off_is_answered_with_the_refund_when_it_comes_again() {
    let commits = Arc::new(AtomicU32::new(u32::MAX));
    let served = Served::on(failing_after(&commits));
    let order = "currency=eur&amount=5&confirm=true&payment_method=pm_card_visa";
    let (_, intent) = served.post(INTENTS, order).await;
    let form = format!("payment_intent={}", intent["id"].as_str().expect("an id"));
    let refund = |key: &str| {
        let mut request = request(Method::POST, "/v1/refunds", form.clone());
        let headers = request.headers_mut();
        headers.insert("idempotency-key", key.parse().expect("a header"));
        served.ask(request)
    };
    // The commit that plans the refund is made, and that of its outcome is not.
    commits.store(1, Ordering::SeqCst);
    let (status, broken_off) = told(refund("a").await).await;
    assert!(status.is_server_error(), "{status}: {broken_off}");
    commits.store(u32::MAX, Ordering::SeqCst);
    let (status, again) = told(refund("a").await).await;
    assert_eq!(status, StatusCode::OK, "{again}");
    assert_eq!(
        (&again["object"], &again["amount"]),
        (&"refund".into(), &5.into())
    );
    let (status, nothing_left) = told(refund("b").await).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(nothing_left["error"]["code"], "charge_already_refunded");
}

/// A store that makes the commits of payments wait while somebody holds the gate.
fn gated(gate: &Arc<tokio::sync::Mutex<()>>) -> Arc<dyn Store> {
    let gate = gate.clone();
    let hook = move |call, phase, partition: Option<&Partition>| {
        let of_payment = partition.is_some_and(|it| it.to_string().contains("/pay/"));
        let gate = gate.clone();
        async move {
            if (call, phase, of_payment) == (Call::Commit, Phase::Before, true) {
                drop(gate.lock().await);
            }
            Ok(())
        }
    };
    Arc::new(HookedStore::new(Arc::new(MemoryStore::new()), hook))
}

#[tokio::test]
async fn a_key_whose_request_is_in_progress_is_in_use() {
    let gate = Arc::default();
    let served = Served::on(gated(&gate));
    let create = || {
        let mut request = request(Method::POST, INTENTS, "currency=eur&amount=5");
        let key = "order 17".parse().expect("a header");
        request.headers_mut().insert("idempotency-key", key);
        served.ask(request)
    };
    let closed = gate.lock().await;
    let (mut first, second) = (pin!(create()), create());
    let second = tokio::select! {
        biased;
        early = &mut first => panic!("the gate is closed: {early:?}"),
        second = second => second,
    };
    let (status, in_use) = told(second).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(in_use["error"]["code"], "idempotency_key_in_use");
    drop(closed);
    let first = told(first.await).await;
    assert_eq!(first.0, StatusCode::OK, "{}", first.1);
    assert_eq!(told(create().await).await, first);
}

#[tokio::test]
async fn a_payer_who_acts_is_found_out_by_the_worker() {
    let served = Served::new();
    let order = "currency=eur&amount=5&confirm=true&payment_method=pm_card_threeDSecure2Required";
    let (_, intent) = served.post(INTENTS, order).await;
    assert_eq!(intent["status"], "requires_action");
    let path = format!("{INTENTS}/{}", intent["id"].as_str().expect("an id"));
    served.clock.advance(DELAY * 2);
    served.worker.drain().await.expect("the work is done");
    let (_, intent) = served.get(&path).await;
    assert_eq!(intent["status"], "succeeded");
}

#[tokio::test]
async fn another_path_or_method_is_unknown() {
    let served = Served::new();
    for path in [
        "/",
        "/v1/customers",
        "/v1/payment_intents/",
        "/v1/payment_intents/%FF/x",
    ] {
        assert_eq!(served.get(path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(served.get(INTENTS).await.0, StatusCode::NOT_FOUND);
}

proptest! {
    /// A panic would end the request without an answer, and is none that a client may see.
    #[test]
    fn whatever_is_asked_is_answered_and_never_as_a_breakdown(
        id in "[ -~]{0,60}|(pi|re|ch)_[0-9A-HJKMNP-TV-Z]{20,54}",
        verb in prop::sample::select(vec!["", "/confirm", "/capture", "/cancel", "/x"]),
        fields in prop::collection::vec((
            prop::sample::select(vec![
                "amount", "currency", "confirm", "payment_method", "customer", "capture_method",
                "payment_intent", "charge", "description", "amount_to_capture", "x[y]",
            ]),
            "eur|jpy|true|manual|pm_card_visa|pi_[0-9]{26}|-?[0-9]{1,20}|\\PC{0,300}",
        ), 0..6),
    ) {
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(fields);
        let body = body.finish();
        let id: String = form_urlencoded::byte_serialize(id.as_bytes()).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let served = Served::new();
            for path in [INTENTS, "/v1/refunds", &format!("{INTENTS}/{id}{verb}")] {
                let (status, _) = served.post(path, body.clone()).await;
                assert!(!status.is_server_error(), "{path} {body}: {status}");
            }
            for path in [format!("{INTENTS}/{id}?{body}"), format!("/v1/refunds/{id}")] {
                assert!(!served.get(&path).await.0.is_server_error(), "{path}");
            }
        });
    }
}
