//! The host's promises: what a call is checked for, and that a key takes effect once.

mod keys;

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use mp_core::{
    Caller, Command, Document, Edits, Engine, Error, ErrorKind, Family, Scope, Timestamp,
    clock::ManualClock,
    entropy::SeededEntropy,
    error::Advice,
    host::{Effect, Host, Operation},
    id::{IdempotencyKey, Name},
    idempotency::{IDEMPOTENCY_MEMORY, Idempotency, fingerprint},
    store::{Key, Listing, MemoryStore, Partition, Query, Selection, Store},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Value, json};

#[derive(Clone, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
struct Pour {
    glass: Name,
    #[serde(default = "one")]
    measures: u32,
}

fn one() -> u32 {
    1
}

#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
struct Look {
    glass: Name,
}

#[derive(Deserialize, JsonSchema, Serialize)]
struct Lax {
    anything: u32,
}

#[derive(Debug, Default, Deserialize, Serialize)]
struct Glass {
    measures: u32,
}

impl Document for Glass {
    const KIND: &'static str = "glass";
    const FORMAT: u32 = 1;
}

fn partition(caller: &Caller, glass: &Name) -> Result<Partition, Error> {
    Partition::new(caller.app_id(), "glass", glass.as_str())
}

async fn pour(
    engine: Engine,
    caller: Caller,
    pour: Pour,
    key: IdempotencyKey,
) -> Result<u32, Error> {
    let once = Idempotency::new(&caller, "bar.pour", &key, &pour)?;
    let command = Command::on(partition(&caller, &pour.glass)?).once(once);
    let decide = move |family: &Family, _: Timestamp| {
        let poured = family.root::<Glass>()?.map_or(0, |glass| glass.measures);
        let measures = poured + pour.measures;
        let mut edits = Edits::new();
        edits.put_root(Glass { measures });
        Ok::<_, Error>(edits.answer(measures))
    };
    Ok(engine.run(command, decide).await?.answer)
}

async fn look(engine: Engine, caller: Caller, look: Look) -> Result<u32, Error> {
    let command = Command::on(partition(&caller, &look.glass)?);
    let glass = engine.read(command).await?.root::<Glass>()?;
    Ok(glass.map_or(0, |glass| glass.measures))
}

/// A bar with one operation of each effect class, and how often it was asked to pour.
fn bar() -> (Host, Arc<AtomicU32>) {
    let (engine, _, _) = engine();
    bar_on(&engine)
}

fn engine() -> (Engine, Arc<MemoryStore>, Arc<ManualClock>) {
    let start = Timestamp::from_micros(1_800_000_000_000_000);
    let clock = Arc::new(ManualClock::at(start));
    let store = Arc::new(MemoryStore::new());
    let engine = Engine::new(
        store.clone(),
        clock.clone(),
        Arc::new(SeededEntropy::new(1)),
    );
    (engine, store, clock)
}

fn bar_on(engine: &Engine) -> (Host, Arc<AtomicU32>) {
    let poured = Arc::new(AtomicU32::new(0));
    let (looking, pouring, paying) = (engine.clone(), engine.clone(), engine.clone());
    let counted = poured.clone();
    let operations = [
        Operation::read(
            "bar.look",
            "Tells what is in a glass.",
            scope("read"),
            move |caller, input| look(looking.clone(), caller, input),
        ),
        Operation::reversible(
            "bar.pour",
            "Pours into a glass.",
            scope("write"),
            move |caller, input, key| {
                counted.fetch_add(1, Ordering::SeqCst);
                pour(pouring.clone(), caller, input, key)
            },
        ),
        Operation::money(
            "bar.sell",
            "Sells a glass.",
            scope("sell"),
            move |caller, input, key| pour(paying.clone(), caller, input, key),
        ),
    ];
    let host = Host::new(engine).with(operations).expect("fits");
    (host, poured)
}

fn scope(name: &'static str) -> Scope {
    match name {
        "read" => Scope::of("bar:read"),
        "write" => Scope::of("bar:write"),
        _ => Scope::of("bar:sell"),
    }
}

fn guest(app: &str, user: &str) -> Caller {
    let caller = Caller::user(app.parse().expect("app"), user.parse().expect("user"));
    ["read", "write", "sell"]
        .map(scope)
        .into_iter()
        .fold(caller, Caller::with_scope)
}

async fn refused(host: &Host, operation: &str, input: Value) -> (ErrorKind, &'static str, String) {
    let error = host
        .call(&guest("pub", "mei"), operation, input.clone())
        .await
        .expect_err(&format!("{operation} takes {input}"));
    let field = error.field().unwrap_or_default().to_owned();
    (error.kind(), error.code(), field)
}

#[tokio::test]
async fn an_operation_that_is_not_there_is_not_found() {
    let (host, _) = bar();
    let long = "x".repeat(10_000);
    for name in ["", "bar.dance", long.as_str()] {
        let (kind, code, field) = refused(&host, name, json!({})).await;
        assert_eq!((kind, code), (ErrorKind::NotFound, "unknown_operation"));
        assert_eq!(field, "operation");
    }
    let error = host.call(&guest("pub", "mei"), &long, json!({})).await;
    assert!(error.expect_err("unknown").to_string().len() < 200);
}

#[tokio::test]
async fn a_missing_scope_is_told_before_anything_else() {
    let (host, poured) = bar();
    let nobody = Caller::user("pub".parse().expect("app"), "mei".parse().expect("user"));
    for operation in host.operations() {
        let call = host.call(&nobody, operation.name(), json!("nonsense"));
        let error = call.await.expect_err("forbidden");
        assert_eq!(
            (error.kind(), error.field()),
            (ErrorKind::Forbidden, Some("scope"))
        );
        assert!(error.to_string().contains(operation.scope().as_str()));
    }
    assert_eq!(poured.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn staff_may_call_what_asks_for_any_scope() {
    let (host, _) = bar();
    let staff = Caller::app("pub".parse().expect("app")).with_scope(Scope::STAFF);
    for operation in host.operations() {
        let call = host.call(&staff, operation.name(), json!("nonsense"));
        let error = call.await.expect_err("is nonsense");
        assert_eq!(error.kind(), ErrorKind::Invalid, "{}", operation.name());
    }
}

#[tokio::test]
async fn an_input_that_does_not_fit_is_refused_with_the_member_named() {
    let (host, poured) = bar();
    for (operation, input, field) in [
        ("bar.look", json!(null), "input"),
        ("bar.look", json!([]), "input"),
        ("bar.look", json!("glass"), "input"),
        ("bar.look", json!(["glass"]), "input"),
        ("bar.pour", json!(null), "input"),
        ("bar.pour", json!(["k"]), "input"),
        ("bar.look", json!({}), "glass"),
        ("bar.look", json!({"glass": 1}), "glass"),
        ("bar.look", json!({"glass": null}), "glass"),
        ("bar.look", json!({"glass": "no/glass"}), "glass"),
        ("bar.look", json!({"glass": "a", "colour": "red"}), "colour"),
        (
            "bar.look",
            json!({"glass": "a", "idempotency_key": "k"}),
            "idempotency_key",
        ),
        ("bar.pour", json!({"idempotency_key": "k"}), "glass"),
        (
            "bar.pour",
            json!({"idempotency_key": "k", "glass": "a", "measures": -1}),
            "measures",
        ),
        (
            "bar.pour",
            json!({"idempotency_key": "k", "glass": "a", "measures": 1.5}),
            "measures",
        ),
        (
            "bar.pour",
            json!({"idempotency_key": "k", "glass": "a", "measures": "1"}),
            "measures",
        ),
        (
            "bar.pour",
            json!({"idempotency_key": "k", "glass": "a", "ice": true}),
            "ice",
        ),
    ] {
        let expected = (ErrorKind::Invalid, "invalid_field", field.to_owned());
        assert_eq!(
            refused(&host, operation, input.clone()).await,
            expected,
            "{operation} {input}"
        );
    }
    assert_eq!(poured.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn an_effect_needs_a_well_formed_key() {
    let (host, poured) = bar();
    let long = "k".repeat(IdempotencyKey::LENGTH_MAX + 1);
    for key in [
        json!(null),
        json!(7),
        json!(""),
        json!("a b"),
        json!("a/b"),
        json!("a\n"),
        json!("ü"),
        json!(long),
    ] {
        for operation in ["bar.pour", "bar.sell"] {
            let input = json!({"glass": "a", "idempotency_key": key});
            let (kind, _, field) = refused(&host, operation, input).await;
            assert_eq!(
                (kind, field.as_str()),
                (ErrorKind::Invalid, "idempotency_key"),
                "{key}"
            );
        }
    }
    let (kind, _, field) = refused(&host, "bar.pour", json!({"glass": "a"})).await;
    assert_eq!(
        (kind, field.as_str()),
        (ErrorKind::Invalid, "idempotency_key")
    );
    assert_eq!(poured.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn what_was_sent_never_comes_back_in_an_error() {
    let (host, _) = bar();
    let mei = guest("pub", "mei");
    let secret = format!("hush, expected nothing {}", "x".repeat(10_000));
    for input in [
        json!({"glass": {"inner": secret}}),
        json!({"glass": "a", "measures": secret, "idempotency_key": "k"}),
        json!({"glass": secret}),
        json!(secret),
    ] {
        for operation in ["bar.look", "bar.pour"] {
            let call = host.call(&mei, operation, input.clone());
            let error = call.await.expect_err("refused").to_json().to_string();
            assert!(!error.contains("hush") && error.len() < 400, "{error}");
        }
    }
    let unknown = json!({"glass": "a", secret: 1});
    let call = host.call(&mei, "bar.look", unknown);
    let error = call.await.expect_err("refused").to_json().to_string();
    assert!(error.len() < 600, "{error}");
}

fn ask(glass: &str, measures: u32, key: &str) -> Value {
    json!({"glass": glass, "measures": measures, "idempotency_key": key})
}

async fn poured(host: &Host, caller: &Caller, glass: &str) -> Value {
    let call = host.call(caller, "bar.look", json!({ "glass": glass }));
    call.await.expect("looks")
}

#[tokio::test]
async fn a_repeated_call_is_answered_alike_and_takes_effect_once() {
    let (host, _) = bar();
    let mei = guest("pub", "mei");
    for operation in ["bar.pour", "bar.sell"] {
        let first = host.call(&mei, operation, ask(operation, 3, "k")).await;
        let again = host.call(&mei, operation, ask(operation, 3, "k")).await;
        assert_eq!(first.expect("pours"), again.expect("is answered"));
        assert_eq!(poured(&host, &mei, operation).await, 3);
    }
}

/// An answer that does not serialise.
#[derive(JsonSchema)]
struct Mute;

impl Serialize for Mute {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("says nothing"))
    }
}

#[tokio::test]
async fn an_effect_that_cannot_be_told_is_unknown_and_happens_once() {
    let (engine, _, _) = engine();
    let mutely = |engine: Engine| {
        move |caller, input, key| {
            let poured = pour(engine.clone(), caller, input, key);
            async move { poured.await.map(|_| Mute) }
        }
    };
    let (write, sell) = (scope("write"), scope("sell"));
    let (pouring, selling) = (mutely(engine.clone()), mutely(engine.clone()));
    let looking = engine.clone();
    let host = Host::new(&engine).with([
        Operation::reversible("bar.pour", "Pours and says nothing.", write, pouring),
        Operation::money("bar.sell", "Sells and says nothing.", sell, selling),
        Operation::read("bar.look", "Tells.", scope("read"), move |caller, input| {
            look(looking.clone(), caller, input)
        }),
    ]);
    let host = host.expect("fits");
    for operation in ["bar.pour", "bar.sell"] {
        for _ in 0..2 {
            let (kind, code, field) = refused(&host, operation, ask(operation, 3, "k")).await;
            assert_eq!((kind, code), (ErrorKind::Unknown, "untold_outcome"));
            assert_eq!(kind.advice(), Advice::AskOutcome);
            assert_eq!(field, "", "nothing in the input is wrong");
        }
        assert_eq!(poured(&host, &guest("pub", "mei"), operation).await, 3);
    }
}

#[test]
fn every_operation_is_described_with_its_schemas() {
    let (host, _) = bar();
    let described = host.describe();
    let list = described.as_array().expect("a list");
    let names: BTreeSet<_> = list
        .iter()
        .map(|each| each["name"].as_str().expect("a name"))
        .collect();
    assert_eq!(names, BTreeSet::from(["bar.look", "bar.pour", "bar.sell"]));
    for (operation, each) in host.operations().zip(list) {
        assert_eq!(each["name"], operation.name());
        assert_eq!(each["scope"], operation.scope().as_str());
        assert_eq!(each["input"]["type"], "object");
        assert_eq!(each["input"]["additionalProperties"], false);
        assert!(each["output"]["type"].is_string());
        let required = each["input"]["required"].as_array().expect("a list");
        let has_effect = operation.effect() != Effect::Read;
        assert_eq!(required.contains(&json!("idempotency_key")), has_effect);
        let key = &each["input"]["properties"]["idempotency_key"];
        assert_eq!(key["maxLength"] == IdempotencyKey::LENGTH_MAX, has_effect);
    }
    let text = described.to_string();
    let read: Value = serde_json::from_str(&text).expect("is JSON");
    assert_eq!(read, described);
}

#[test]
fn an_operation_that_is_registered_twice_or_takes_unknown_members_is_refused() {
    let twice = || {
        Operation::read(
            "bar.look",
            "Looks.",
            scope("read"),
            |_: Caller, _: Look| async { Ok::<_, Error>(0_u32) },
        )
    };
    let (host, _) = bar();
    let error = host.with([twice()]).expect_err("is there already");
    assert_eq!(error.code(), "unfit_operation");
    let lax = Operation::read(
        "bar.lax",
        "Takes anything.",
        scope("read"),
        |_: Caller, _: Lax| async { Ok::<_, Error>(0_u32) },
    );
    let (host, _) = bar();
    let error = host.with([lax]).expect_err("is lax");
    assert!(error.to_string().contains("deny_unknown_fields"), "{error}");
}

/// A host with one more operation, of this name.
fn with_pouring_as(name: &'static str) -> Result<Host, Error> {
    let engine = Engine::new(
        Arc::new(MemoryStore::new()),
        Arc::new(ManualClock::at(Timestamp::MAX)),
        Arc::new(SeededEntropy::new(1)),
    );
    let pouring = engine.clone();
    let operation = Operation::reversible(
        name,
        "Pours into a glass.",
        scope("write"),
        move |caller, input, key| pour(pouring.clone(), caller, input, key),
    );
    Host::new(&engine).with([operation])
}

#[test]
fn a_name_of_an_operation_that_no_key_could_have_in_it_is_refused() {
    for name in ["", "bar pour", "bar.pöur", "bar.pour\n"] {
        let error = with_pouring_as(name).expect_err(name);
        assert_eq!(error.code(), "unfit_operation", "{name:?}");
    }
}

#[tokio::test]
async fn the_longest_name_of_an_operation_does_for_every_caller_and_key() {
    let name = "bar.pour_a_measure_of_something_strong_into_a_glass";
    assert_eq!(name.len(), Operation::NAME_LENGTH_MAX + 1);
    let error = with_pouring_as(name).expect_err("is too long");
    assert_eq!(error.code(), "unfit_operation");

    let longest = &name[..Operation::NAME_LENGTH_MAX];
    let host = with_pouring_as(longest).expect("fits");
    let key = "k".repeat(IdempotencyKey::LENGTH_MAX);
    let input = json!({"glass": "a", "idempotency_key": key});
    let caller = guest("pub", &"u".repeat(64));
    let poured = host.call(&caller, longest, input).await;
    assert_eq!(poured.expect("pours"), 1);
}

#[test]
fn whoever_needs_a_key_is_told_for_how_long_it_is_remembered() {
    let (host, _) = bar();
    for operation in host.operations() {
        let input = operation.input();
        let told = input["properties"]["idempotency_key"]["description"].as_str();
        match operation.effect() {
            Effect::Read => assert_eq!(told, None),
            _ => assert!(told.is_some_and(|told| told.contains("within 24 hours"))),
        }
    }
}
