//! The prober of bad input finds nothing wrong with a careful operation, and finds each way of
//! being careless.
#![cfg(feature = "conformance")]

use std::sync::Arc;

use mp_core::{
    Caller, Command, Document, Edits, Engine, Error, ErrorKind, Family, Scope, Timestamp,
    amount::{Amount, Money},
    clock::ManualClock,
    entropy::SeededEntropy,
    host::{
        Host, Operation,
        probe::{BadInputs, CountingStore, TEXT_OVERLONG, probe},
    },
    id::{IdempotencyKey, Name},
    store::{MemoryStore, Partition},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
struct Buy {
    shop: Name,
    price: Money,
    lines: Vec<Line>,
    delivery: Delivery,
    tip: Option<Amount>,
    at: Option<Timestamp>,
}

#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
struct Line {
    item: Name,
    count: u32,
}

#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case", tag = "kind")]
enum Delivery {
    Pickup {
        counter: u8,
    },
    Courier {
        street: Name,
        #[schemars(range(max = 99))]
        floor: u8,
    },
}

fn buy() -> Value {
    json!({
        "shop": "noodles",
        "price": {"amount": 1250, "currency": "EUR"},
        "lines": [{"item": "soup", "count": 2}],
        "delivery": {"kind": "courier", "street": "main", "floor": 3},
        "tip": {"amount": 3, "unit": "noodles:stamps"},
        "at": "2026-11-21T18:00:00Z",
    })
}

#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
struct Note {
    text: String,
}

#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
struct Outer {
    inner: Inner,
}

#[derive(Deserialize, JsonSchema, Serialize)]
struct Inner {
    count: u32,
}

#[derive(Deserialize, Serialize)]
struct Mark {}

impl Document for Mark {
    const KIND: &'static str = "mark";
    const FORMAT: u32 = 1;
}

fn caller() -> Caller {
    let caller = Caller::user("test".parse().expect("app"), "mei".parse().expect("user"));
    caller.with_scope(Scope::of("shop:write"))
}

fn world() -> (Engine, Arc<CountingStore>) {
    let start = Timestamp::from_micros(1_800_000_000_000_000);
    let clock = Arc::new(ManualClock::at(start));
    let store = Arc::new(CountingStore::new(Arc::new(MemoryStore::new())));
    let engine = Engine::new(store.clone(), clock, Arc::new(SeededEntropy::new(1)));
    (engine, store)
}

async fn mark(engine: &Engine) -> Result<(), Error> {
    let command = Command::on(Partition::parse("test/mark/1")?);
    let decide = |_: &Family, _| {
        let mut edits = Edits::new();
        edits.put_root(Mark {});
        Ok::<_, Error>(edits.answer(()))
    };
    engine.run(command, decide).await?;
    Ok(())
}

/// An operation that does what `check` lets pass, and marks that it did.
fn operation<I>(engine: &Engine, check: fn(&I) -> Result<(), Error>) -> Operation
where
    I: serde::de::DeserializeOwned + JsonSchema + Send + Serialize + 'static,
{
    let engine = engine.clone();
    let handler = move |_: Caller, input: I, _: IdempotencyKey| {
        let engine = engine.clone();
        let checked = check(&input);
        async move {
            checked?;
            mark(&engine).await
        }
    };
    Operation::reversible("shop.try", "Tries.", Scope::of("shop:write"), handler)
}

/// Probes one operation and returns what was found.
async fn found<I>(check: fn(&I) -> Result<(), Error>, valid: Value) -> Vec<String>
where
    I: serde::de::DeserializeOwned + JsonSchema + Send + Serialize + 'static,
{
    let (engine, store) = world();
    let host = Host::new(&engine).with([operation(&engine, check)]);
    probed(&host.expect("fits"), &store, &valid).await
}

async fn probed(host: &Host, store: &CountingStore, valid: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for operation in host.operations() {
        let violations = probe(host, store, &caller(), operation, valid).await;
        found.extend(violations.iter().map(ToString::to_string));
    }
    found
}

fn careful(buy: &Buy) -> Result<(), Error> {
    let negative = |field: &'static str| Error::invalid(field, "is negative");
    if buy.price.is_negative() {
        return Err(negative("price.amount"));
    }
    if matches!(buy.delivery, Delivery::Courier { floor: 100.., .. }) {
        return Err(Error::invalid("delivery.floor", "is above 99"));
    }
    match &buy.tip {
        Some(tip) if tip.is_negative() => Err(negative("tip")),
        _ => Ok(()),
    }
}

#[tokio::test]
async fn a_careful_operation_passes() {
    let found = found(careful, buy()).await;
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn every_place_of_the_valid_input_is_tried() {
    let (engine, _) = world();
    let inputs = BadInputs::of(&operation(&engine, careful), &buy());
    let whats: Vec<String> = inputs
        .into_iter()
        .map(|bad| bad.what().to_owned())
        .collect();
    for what in [
        "input that is null",
        "member_that_nobody_knows that nobody knows",
        "shop that is missing",
        "shop that is overlong",
        "price.amount that is negative",
        "price.amount that is a fraction",
        "price.currency that does not exist",
        "price.member_that_nobody_knows that nobody knows",
        "lines of another type",
        "lines[0].item with a control character",
        "lines[0].count below its minimum",
        "delivery.floor above its maximum",
        "lines[0].member_that_nobody_knows that nobody knows",
        "delivery.street that is missing",
        "tip.unit that does not exist",
        "at with a control character",
        "idempotency_key that is missing",
        "idempotency_key that is overlong",
        "idempotency_key with a control character",
    ] {
        assert!(whats.iter().any(|each| each == what), "{what}: {whats:#?}");
    }
    assert!(
        !whats.iter().any(|each| each == "tip that is null"),
        "it may be"
    );
    assert!(whats.len() > 60, "{}", whats.len());
}

#[test]
fn a_member_for_which_some_cases_are_right_is_left_out() {
    let (engine, _) = world();
    let operation = operation(&engine, careful);
    let all = BadInputs::of(&operation, &buy());
    let fewer = all.clone().except("tip.amount");
    assert!(fewer.len() < all.len() && !fewer.is_empty());
    assert!(fewer.into_iter().all(|bad| bad.field() != "tip.amount"));
}

fn expect(found: &[String], what: &str) {
    assert!(
        found.iter().any(|each| each.contains(what)),
        "{what}: {found:#?}"
    );
}

#[tokio::test]
async fn what_is_taken_though_it_is_bad_is_found() {
    let found = found::<Buy>(|_| Ok(()), buy()).await;
    expect(&found, "price.amount that is negative is accepted");
    expect(&found, "tip.amount that is negative is accepted");
    expect(&found, "delivery.floor above its maximum is accepted");
    assert_eq!(found.len(), 3, "{found:#?}");
}

#[tokio::test]
async fn a_text_without_limits_is_found() {
    let found = found::<Note>(|_| Ok(()), json!({"text": "hello"})).await;
    expect(&found, "text that is overlong is accepted");
    expect(&found, "text with a control character is accepted");
}

#[tokio::test]
async fn an_inner_object_that_takes_unknown_members_is_found() {
    let found = found::<Outer>(|_| Ok(()), json!({"inner": {"count": 1}})).await;
    expect(
        &found,
        "inner.member_that_nobody_knows that nobody knows is accepted",
    );
}

#[tokio::test]
async fn a_refusal_of_another_kind_or_of_another_member_or_with_the_payload_is_found() {
    let refused = |note: &Note| {
        Err(Error::new(
            ErrorKind::Refused,
            "no",
            note.text[..1].to_owned(),
        ))
    };
    expect(
        &found(refused, json!({"text": "a"})).await,
        "is refused as Refused no",
    );
    let elsewhere = |_: &Note| Err(Error::invalid("title", "is too long"));
    expect(
        &found(elsewhere, json!({"text": "a"})).await,
        r#"is refused for "title""#,
    );
    let repeats = |note: &Note| Err(Error::invalid("text", note.text.clone()));
    let bytes = format!("is refused in {} bytes", TEXT_OVERLONG + "text ".len());
    expect(&found(repeats, json!({"text": "a"})).await, &bytes);
}

#[tokio::test]
async fn a_valid_input_that_is_not_is_found() {
    let found = found::<Note>(|_| Err(Error::invalid("text", "no")), json!({})).await;
    expect(&found, "the valid input is refused: text is required");
}

#[tokio::test]
async fn a_commit_before_the_refusal_is_found() {
    let (engine, store) = world();
    let hasty = engine.clone();
    let handler = move |_: Caller, _: Note, _: IdempotencyKey| {
        let engine = hasty.clone();
        async move {
            mark(&engine).await?;
            Err::<(), _>(Error::invalid("text", "is refused"))
        }
    };
    let hasty = Operation::money("shop.try", "Tries.", Scope::of("shop:write"), handler);
    let host = Host::new(&engine).with([hasty]).expect("fits");
    let found = probed(&host, &store, &json!({"text": "a"})).await;
    expect(
        &found,
        "text that is overlong is refused, but 1 commits were made",
    );
}
