//! The endpoint for webhooks, over real connections.
#![cfg(feature = "http")]

#[path = "webhooks/post.rs"]
mod post;
#[path = "webhooks/sender.rs"]
mod sender;
mod support;

use std::{net::SocketAddr, sync::Arc};

use async_trait::async_trait;
use axum::Router;
use mp_core::{Error, Timestamp};
use mp_pay::webhook::{
    BODY_MAX, HEADERS_MAX, Identity, Observation, RawWebhook, Reply, WebhookRefusal, WebhookSource,
    Webhooks, http,
};
use tokio::net::TcpListener;

use self::{
    post::{Answer, post},
    sender::{intake, secret, worker},
    support::{
        CLASSES, World,
        faulty::Fault,
        process::{Outside, Strike},
        staff,
    },
};

const PING: &str = r#"{"id":"evt_1","type":"ping","data":{"object":{}}}"#;

async fn serve(webhooks: &Webhooks) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let router = Router::new().nest("/hooks", http::router(webhooks));
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn send(address: SocketAddr, path: &str, signature: &str, body: &str) -> Answer {
    let headers = [("Stripe-Signature", signature)];
    let answer = post(address, path, &headers, body.as_bytes()).await;
    answer.expect("the endpoint answers")
}

#[tokio::test]
async fn what_is_kept_is_acknowledged_and_nothing_else_is() {
    let world = World::new(CLASSES[2]);
    let webhooks = intake(&world.engine, &world.payments);
    let address = serve(&webhooks).await;
    let now = world.engine.now();
    let signed = |body: &str| secret().sign(body.as_bytes(), now);
    for _ in 0..2 {
        let answer = send(address, "/hooks/market/stripe", &signed(PING), PING).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (200, r#"{"received":true}"#)
        );
    }
    let large = "x".repeat(BODY_MAX + 1);
    let odd = signed("{}");
    for (path, signature, body, status, code) in [
        (
            "/hooks/market/stripe",
            signed("{}"),
            PING,
            403,
            "bad_signature",
        ),
        (
            "/hooks/market/stripe",
            "v1=00".to_owned(),
            PING,
            400,
            "malformed",
        ),
        (
            "/hooks/market/wechat",
            signed(PING),
            PING,
            404,
            "unknown_source",
        ),
        (
            "/hooks/cinema/stripe",
            signed(PING),
            PING,
            404,
            "unknown_source",
        ),
        (
            "/hooks/m%20t/stripe",
            signed(PING),
            PING,
            404,
            "unknown_source",
        ),
        ("/hooks/market/stripe", odd, &large, 413, "too_large"),
    ] {
        let answer = send(address, path, &signature, body).await;
        let expected = format!(r#"{{"error":"{code}"}}"#);
        assert_eq!((answer.status, answer.body), (status, expected), "{path}");
    }
    let kept = worker(&world, &webhooks).drain().await.expect("works");
    assert_eq!(kept, 1, "one was kept, once");
    assert_eq!(
        webhooks.unhandled(&staff(), None, 9).await.expect("lists"),
        []
    );
}

#[tokio::test]
async fn bytes_are_not_changed_on_the_way() {
    let world = World::new(CLASSES[2]);
    let webhooks = intake(&world.engine, &world.payments);
    let address = serve(&webhooks).await;
    for body in [
        "{\"id\":\"evt_2\",\r\n \"note\":\"é ☂\"}\n",
        "",
        "\u{0}\u{1}",
        "[1,  2 ]",
    ] {
        let signature = secret().sign(body.as_bytes(), world.engine.now());
        let answer = send(address, "/hooks/market/stripe", &signature, body).await;
        assert_eq!(answer.status, 200, "{body:?}");
    }
}

#[tokio::test]
async fn too_many_headers_are_refused() {
    let world = World::new(CLASSES[2]);
    let webhooks = intake(&world.engine, &world.payments);
    let address = serve(&webhooks).await;
    let names: Vec<String> = (0..HEADERS_MAX - 1).map(|n| format!("h{n}")).collect();
    let headers: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
    let answer = post(address, "/hooks/market/stripe", &headers, b"{}").await;
    assert_eq!(answer.expect("answers").status, 413);
}

#[tokio::test]
async fn a_commit_that_is_not_known_to_have_happened_is_not_acknowledged() {
    for fault in [Fault::DiesBefore, Fault::DiesAfter] {
        let outside = Outside::new(CLASSES[2]);
        let strike = Strike {
            write: 1,
            call: 0,
            fault,
        };
        let struck = outside.start(strike);
        let webhooks = intake(&struck.world.engine, &struck.world.payments);
        let address = serve(&webhooks).await;
        let signature = secret().sign(PING.as_bytes(), struck.world.engine.now());
        let answer = send(address, "/hooks/market/stripe", &signature, PING).await;
        assert_eq!(answer.status, 503, "{fault:?}");
        assert_eq!(answer.body, r#"{"error":"not_kept"}"#);
    }
}

#[tokio::test]
async fn who_has_to_wait_is_told_for_how_long() {
    let world = World::new(CLASSES[2]);
    let webhooks = intake(&world.engine, &world.payments).with_waiting_max(0);
    let address = serve(&webhooks).await;
    let signature = secret().sign(PING.as_bytes(), world.engine.now());
    let answer = send(address, "/hooks/market/stripe", &signature, PING).await;
    assert_eq!(answer.status, 503);
    assert!(
        answer.head.to_ascii_lowercase().contains("retry-after: 30"),
        "{}",
        answer.head
    );
}

/// Answers in the words of its provider, and fails in them too.
#[derive(Debug)]
struct Particular;

#[async_trait]
impl WebhookSource for Particular {
    fn kept_headers(&self) -> &'static [&'static str] {
        &[]
    }

    async fn verify(&self, it: &RawWebhook, _: Timestamp) -> Result<Identity, WebhookRefusal> {
        let good = it.body == b"good";
        good.then_some(Identity::Bytes)
            .ok_or(WebhookRefusal::BadSignature)
    }

    async fn read(&self, _: &RawWebhook) -> Result<Vec<Observation>, Error> {
        Ok(Vec::new())
    }

    fn reply(&self, refusal: Option<&WebhookRefusal>) -> Reply {
        match refusal {
            None => Reply::text("[accepted]".into()),
            Some(_) => Reply::json(r#"{"code":"FAIL","message":"refused"}"#.into()),
        }
    }
}

#[tokio::test]
async fn a_source_answers_in_the_words_of_its_provider() {
    let world = World::new(CLASSES[2]);
    let name = "adyen".parse().expect("a name");
    let webhooks =
        Webhooks::new(&world.engine).with_source(name, Arc::new(Particular), &world.payments);
    let address = serve(&webhooks).await;
    let good = send(address, "/hooks/market/adyen", "-", "good").await;
    assert_eq!((good.status, good.body.as_str()), (200, "[accepted]"));
    let bad = send(address, "/hooks/market/adyen", "-", "bad").await;
    assert_eq!(
        (bad.status, bad.body.as_str()),
        (403, r#"{"code":"FAIL","message":"refused"}"#)
    );
}
