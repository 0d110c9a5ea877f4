//! Links and groups as a host offers them: JSON in, JSON out.

mod world;

use std::collections::BTreeSet;

use mp_core::{
    Caller, Error, ErrorKind, Scope,
    host::{Effect, Host},
    idempotency::IDEMPOTENCY_MEMORY,
    sign::{KeyId, KeyRing, Secret},
};
use mp_share::{
    GROUP_READ, GROUP_SELL, GROUP_WRITE, GroupError, Links, SHARE_READ, SHARE_WRITE, ShareError,
};
use serde_json::{Value, json};

use self::world::{World, user};

const SCOPES: [Scope; 5] = [SHARE_READ, SHARE_WRITE, GROUP_READ, GROUP_WRITE, GROUP_SELL];

fn host(world: &World) -> Host {
    let process = world.process();
    let secret = Secret::new([7; 32]).expect("32 bytes");
    let ring = KeyRing::new(KeyId::new(1).expect("below 16"), &secret);
    let links = Links::new(&process.engine, ring, "https://m.example/").expect("a base URL");
    let operations = links
        .operations()
        .into_iter()
        .chain(process.groups.operations());
    Host::new(&process.engine)
        .with(operations)
        .expect("names and types fit")
}

fn member(name: &str) -> Caller {
    SCOPES.into_iter().fold(user(name), Caller::with_scope)
}

async fn ask(host: &Host, name: &str, operation: &str, input: Value) -> Value {
    let answer = host.call(&member(name), operation, input).await;
    answer.unwrap_or_else(|error| error.to_json())
}

fn offer() -> Value {
    json!({
        "idempotency_key": "offer",
        "title": "Dumplings",
        "price": { "amount": 1200, "currency": "EUR" },
        "group_price": { "amount": 900, "currency": "EUR" },
        "group_size": 2,
        "seat_hold_seconds": 600,
        "group_duration_seconds": 3600,
        "pieces": 10,
    })
}

#[tokio::test]
async fn every_scope_that_an_operation_asks_for_has_a_name() {
    let host = host(&World::new());
    let asked: BTreeSet<Scope> = host.operations().map(|it| it.scope().clone()).collect();
    assert_eq!(asked, BTreeSet::from(SCOPES));
}

#[tokio::test]
async fn every_operation_says_what_it_may_do() {
    let host = host(&World::new());
    let effects: Vec<_> = host
        .operations()
        .map(|each| (each.name(), each.effect()))
        .collect();
    let expected = [
        ("group.cancel", Effect::Money),
        ("group.close_offer", Effect::Reversible),
        ("group.create_offer", Effect::Reversible),
        ("group.join", Effect::Money),
        ("group.leave", Effect::Money),
        ("group.offer", Effect::Read),
        ("group.open", Effect::Money),
        ("group.status", Effect::Read),
        ("share.mint_link", Effect::Reversible),
        ("share.open_link", Effect::Reversible),
        ("share.qr", Effect::Read),
    ];
    assert_eq!(effects, expected);
}

#[tokio::test]
async fn a_group_is_shared_and_filled_in_json() {
    let host = host(&World::new());
    let offer = ask(&host, "merchant", "group.create_offer", offer()).await;
    let open = json!({ "idempotency_key": "open", "offer": offer["offer"] });
    let group = ask(&host, "mei", "group.open", open).await;
    let mint = json!({
        "idempotency_key": "mint",
        "subject": { "kind": "group", "id": group["group"] },
        "expires_at": group["deadline"],
    });
    let minted = ask(&host, "mei", "share.mint_link", mint).await;
    let qr = ask(&host, "mei", "share.qr", json!({ "link": minted["url"] })).await;
    assert_eq!((&qr["version"], &qr["url"]), (&json!(4), &minted["url"]));

    let open = json!({ "idempotency_key": "open", "link": qr["url"] });
    let opened = ask(&host, "ada", "share.open_link", open.clone()).await;
    assert_eq!(opened["is_first"], true);
    let again = ask(&host, "ada", "share.open_link", open).await;
    assert_eq!(again, opened, "repeated, answered alike");
    let join = json!({ "idempotency_key": "join", "group": opened["link"]["subject"]["id"] });
    let joined = ask(&host, "ada", "group.join", join.clone()).await;
    assert_eq!(joined["state"], "filled");
    assert_eq!(joined["membership"]["state"], "confirmed");
    assert_eq!(
        ask(&host, "ada", "group.join", join).await,
        joined,
        "repeated, answered alike"
    );

    let seen = ask(
        &host,
        "bo",
        "group.offer",
        json!({ "offer": offer["offer"] }),
    )
    .await;
    assert_eq!((&seen["free"], &seen["group_size"]), (&json!(8), &json!(2)));
    let seen = ask(
        &host,
        "bo",
        "group.status",
        json!({ "group": group["group"] }),
    )
    .await;
    assert_eq!(
        (&seen["secured"], &seen["membership"]),
        (&json!(2), &Value::Null)
    );
}

#[tokio::test]
async fn a_repeated_call_tells_of_the_membership_that_it_was_about() {
    let host = host(&World::new());
    let mut for_three = offer();
    for_three["group_size"] = json!(3);
    let offer = ask(&host, "merchant", "group.create_offer", for_three).await;
    let open = json!({ "idempotency_key": "open", "offer": offer["offer"] });
    let group = ask(&host, "mei", "group.open", open).await;
    let call = async |operation: &str, key: &str| {
        let input = json!({ "idempotency_key": key, "group": group["group"] });
        ask(&host, "ada", operation, input).await["membership"].clone()
    };
    let first = call("group.join", "join-1").await;
    let left = call("group.leave", "leave-1").await;
    assert_eq!(left["number"], first["number"]);
    let second = call("group.join", "join-2").await;
    assert_ne!(second["number"], first["number"]);
    assert_eq!(call("group.leave", "leave-1").await, left);
    assert_eq!(call("group.join", "join-1").await, left);
    let read = json!({ "group": group["group"] });
    let own = ask(&host, "ada", "group.status", read).await;
    assert_eq!(own["membership"], second);
}

#[tokio::test]
async fn opened_again_long_after_a_group_tells_of_the_membership_that_opened_it() {
    let world = World::new();
    let host = host(&world);
    let mut for_three = offer();
    for_three["group_size"] = json!(3);
    let offer = ask(&host, "merchant", "group.create_offer", for_three).await;
    let open = json!({ "idempotency_key": "open", "offer": offer["offer"] });
    let group = ask(&host, "mei", "group.open", open.clone()).await;
    let first = group["membership"]["number"].clone();
    for (operation, key) in [("group.leave", "leave"), ("group.join", "join")] {
        let input = json!({ "idempotency_key": key, "group": group["group"] });
        ask(&host, "mei", operation, input).await;
    }
    // By then the answer is forgotten.
    world.clock.advance(IDEMPOTENCY_MEMORY * 2);
    let again = ask(&host, "mei", "group.open", open).await;
    assert_eq!(again["group"], group["group"]);
    assert_eq!(again["membership"]["number"], first);
}

#[tokio::test]
async fn an_offer_is_closed_and_its_group_called_off_in_json_by_its_merchant() {
    let host = host(&World::new());
    let offer = ask(&host, "merchant", "group.create_offer", offer()).await;
    let named = json!({ "idempotency_key": "close", "offer": offer["offer"] });
    let open = json!({ "idempotency_key": "open", "offer": offer["offer"] });
    let group = ask(&host, "mei", "group.open", open).await;
    let error = ask(&host, "mei", "group.close_offer", named.clone()).await;
    assert_eq!(error["error"]["code"], "not_found");
    for _ in 0..2 {
        let closed = ask(&host, "merchant", "group.close_offer", named.clone()).await;
        assert_eq!(
            (&closed["state"], &closed["free"]),
            (&json!("closed"), &json!(9))
        );
    }
    let late = json!({ "idempotency_key": "late", "offer": offer["offer"] });
    let error = ask(&host, "ada", "group.open", late).await;
    assert_eq!(error["error"]["code"], "offer_closed");

    let named = json!({ "idempotency_key": "cancel", "group": group["group"] });
    let error = ask(&host, "mei", "group.cancel", named.clone()).await;
    assert_eq!(error["error"]["code"], "not_found");
    for _ in 0..2 {
        let canceled = ask(&host, "merchant", "group.cancel", named.clone()).await;
        assert_eq!(canceled["state"], "canceled");
    }
    let read = json!({ "group": group["group"] });
    let own = ask(&host, "mei", "group.status", read).await;
    assert_eq!(own["membership"]["reason"], "group_canceled");
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let host = host(&World::new());
    let mut wrong = offer();
    wrong["each_maximum"] = json!(1);
    let error = ask(&host, "merchant", "group.create_offer", wrong).await;
    assert_eq!(error["error"]["field"], "each_maximum");
    let error = ask(
        &host,
        "mei",
        "share.qr",
        json!({ "link": "https://evil.example/" }),
    )
    .await;
    assert_eq!(error["error"]["code"], "link_malformed");
    let nowhere = json!({ "group": "gb_00000000000000000000000000" });
    let error = ask(&host, "mei", "group.status", nowhere).await;
    assert_eq!(error["error"]["code"], "not_found");
    let poor = host.call(&user("mei"), "group.status", json!({})).await;
    assert_eq!(poor.expect_err("no scope").code(), "forbidden");
}

#[test]
fn an_error_is_of_the_kind_that_its_caller_is_told() {
    for (error, kind) in [
        (ShareError::Malformed, ErrorKind::Invalid),
        (ShareError::Expired, ErrorKind::Refused),
        (Error::forbidden("no").into(), ErrorKind::Forbidden),
    ] {
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!(Error::from(error).kind(), kind);
    }
    for (error, kind) in [
        (GroupError::Full, ErrorKind::Refused),
        (Error::not_found("group").into(), ErrorKind::NotFound),
    ] {
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!(Error::from(error).kind(), kind);
    }
}
