//! What a host's registry offers of places, in JSON.

use std::collections::BTreeSet;

use mp_core::{
    Caller,
    host::{Effect, Host},
};
use mp_location::{LOCATION_READ, LOCATION_WRITE};
use serde_json::{Value, json};

use crate::market::{Market, user};

fn host() -> Host {
    let market = Market::open();
    let operations = market.process().operations();
    Host::new(&market.engine())
        .with(operations)
        .expect("strict inputs, each name once")
}

fn mei() -> Caller {
    user("mei")
        .with_scope(LOCATION_READ)
        .with_scope(LOCATION_WRITE)
}

fn noodles() -> Value {
    json!({
        "name": "Mei's noodles",
        "category": "noodles",
        "point": {"lat": 22.3075, "lon": 114.1701},
        "idempotency_key": "stall-17",
    })
}

#[test]
fn every_scope_that_an_operation_asks_for_has_a_name() {
    let host = host();
    let asked: BTreeSet<_> = host.operations().map(|it| it.scope().clone()).collect();
    assert_eq!(asked, BTreeSet::from([LOCATION_READ, LOCATION_WRITE]));
}

#[test]
fn each_operation_states_its_effect_and_scope() {
    let host = host();
    let stated: Vec<_> = host
        .operations()
        .map(|operation| {
            (
                operation.name(),
                operation.effect(),
                operation.scope().as_str(),
            )
        })
        .collect();
    assert_eq!(
        stated,
        [
            ("location.add_place", Effect::Reversible, "location:write"),
            ("location.nearby", Effect::Read, "location:read"),
            ("location.place", Effect::Read, "location:read"),
            (
                "location.remove_place",
                Effect::Reversible,
                "location:write"
            ),
            (
                "location.replace_place",
                Effect::Reversible,
                "location:write"
            ),
        ]
    );
}

#[tokio::test]
async fn a_place_is_added_found_shown_replaced_and_removed_in_json() {
    let host = host();
    let call = async |name: &str, input| host.call(&mei(), name, input).await.expect(name);
    let added = call("location.add_place", noodles()).await;
    assert_eq!(added["owner"], "mei");
    assert_eq!(call("location.add_place", noodles()).await, added);

    let hungry = json!({"from": {"lat": 22.3121, "lon": 114.1688}, "category": "noodles"});
    let found = call("location.nearby", hungry).await;
    assert_eq!(found["places"][0]["place"], added);
    assert_eq!(
        found["places"][0]["metres"].as_f64().map(f64::round),
        Some(529.0)
    );
    assert_eq!(
        found["places"][0]["bearing"].as_f64().map(f64::round),
        Some(165.0)
    );

    let mut moved = noodles();
    moved["idempotency_key"] = json!("move");
    moved["place"] = added["id"].clone();
    moved["name"] = json!("Mei's soup");
    let replaced = call("location.replace_place", moved.clone()).await;
    assert_eq!(replaced["name"], "Mei's soup");
    assert_eq!(call("location.replace_place", moved).await, replaced);
    let one = json!({"place": added["id"]});
    assert_eq!(call("location.place", one).await, replaced);
    let mut back = noodles();
    back["idempotency_key"] = json!("back");
    back["place"] = added["id"].clone();
    assert_eq!(call("location.replace_place", back).await, added);

    let one = json!({"place": added["id"]});
    assert_eq!(call("location.place", one).await, added);
    let removal = json!({"place": added["id"], "idempotency_key": "closing"});
    assert_eq!(call("location.remove_place", removal).await, added);
    let far = json!({"from": {"lat": 22.3, "lon": 114.2}, "k": 1, "freshness_ms": 0});
    assert_eq!(call("location.nearby", far).await["places"], json!([]));
}

#[tokio::test]
async fn a_malformed_input_is_refused_by_the_members_name() {
    let host = host();
    let mut elsewhere = noodles();
    elsewhere["point"]["lat"] = json!(91);
    let mut nameless = noodles();
    nameless["name"] = json!(" ");
    for (name, input, field) in [
        ("location.add_place", elsewhere, "point"),
        ("location.add_place", nameless, "name"),
        ("location.nearby", json!({}), "from"),
        (
            "location.nearby",
            json!({"from": {"lat": 1, "lon": 1}, "k": 0}),
            "k",
        ),
        (
            "location.nearby",
            json!({"from": {"lat": 1, "lon": 1}, "limit": 3}),
            "limit",
        ),
        ("location.place", json!({"place": "pl_1"}), "place"),
    ] {
        let error = host
            .call(&mei(), name, input.clone())
            .await
            .expect_err(name);
        assert_eq!(error.field(), Some(field), "{input}: {error}");
    }
}

#[tokio::test]
async fn a_caller_without_the_scope_is_refused() {
    let host = host();
    let error = host
        .call(&user("tom"), "location.add_place", noodles())
        .await;
    assert_eq!(error.expect_err("no scope").field(), Some("scope"));
}
