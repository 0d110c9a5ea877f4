use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn read(json: &str) -> Result<Amount, String> {
    serde_json::from_str(json).map_err(|error| error.to_string())
}

#[test]
fn both_forms_are_written_and_read() {
    let stamps = OwnUnit::new("shop", "stamps").unwrap();
    for (amount, json) in [
        (
            Amount::new(1250, Currency::EUR),
            r#"{"amount":1250,"currency":"EUR"}"#,
        ),
        (
            Amount::new(-3, stamps),
            r#"{"amount":-3,"unit":"shop:stamps"}"#,
        ),
    ] {
        assert_eq!(serde_json::to_string(&amount).unwrap(), json);
        assert_eq!(read(json), Ok(amount.clone()));
        assert_eq!(
            serde_json::from_value::<Amount>(json.parse().unwrap()).unwrap(),
            amount
        );
    }
}

#[test]
fn every_refusal_names_the_field() {
    for (json, field) in [
        (r#"{"amount":1.0,"currency":"EUR"}"#, "`amount`"),
        (r#"{"amount":1e3,"currency":"EUR"}"#, "`amount`"),
        (r#"{"amount":"1","currency":"EUR"}"#, "`amount`"),
        (r#"{"amount":null,"currency":"EUR"}"#, "`amount`"),
        (
            r#"{"amount":99999999999999999999,"currency":"EUR"}"#,
            "`amount`",
        ),
        (r#"{"currency":"EUR"}"#, "`amount`"),
        (r#"{"amount":1,"amount":1,"currency":"EUR"}"#, "`amount`"),
        (r#"{"amount":1}"#, "`currency` or `unit`"),
        (
            r#"{"amount":1,"currency":"EUR","unit":"a:b"}"#,
            "`currency` and `unit`",
        ),
        (
            r#"{"amount":1,"currency":"EUR","currency":"EUR"}"#,
            "`currency`",
        ),
        (r#"{"amount":1,"currency":"eur"}"#, "`currency`"),
        (r#"{"amount":1,"currency":null}"#, "`currency`"),
        (r#"{"amount":1,"currency":null,"unit":"a:b"}"#, "`currency`"),
        (r#"{"amount":1,"unit":"EUR"}"#, "`unit`"),
        (r#"{"amount":1,"unit":7}"#, "`unit`"),
        (r#"{"amount":1,"currency":"EUR","tax":1}"#, "`tax`"),
        (r#"[1,"EUR"]"#, "`amount`"),
        (r#""1 EUR""#, "`amount`"),
    ] {
        let refusal = read(json).expect_err(json);
        assert!(refusal.contains(field), "{json}: {refusal}");
    }
}

#[test]
fn what_a_double_cannot_hold_is_refused_both_ways() {
    for minor in [JSON_INTEGER_MAX, -JSON_INTEGER_MAX] {
        let amount = Amount::new(minor, Currency::EUR);
        assert_eq!(read(&serde_json::to_string(&amount).unwrap()), Ok(amount));
    }
    for minor in [
        JSON_INTEGER_MAX + 1,
        -JSON_INTEGER_MAX - 1,
        i64::MAX,
        i64::MIN,
    ] {
        let written = serde_json::to_string(&Amount::new(minor, Currency::EUR)).unwrap_err();
        assert!(written.to_string().contains("`amount`"));
        let refusal = read(&format!(r#"{{"amount":{minor},"currency":"EUR"}}"#)).unwrap_err();
        assert!(refusal.contains("`amount`"), "{refusal}");
    }
}

#[test]
fn money_is_read_only_in_a_currency() {
    let price: Money = serde_json::from_str(r#"{"amount":1250,"currency":"EUR"}"#).unwrap();
    assert_eq!(price, Money::new(1250, Currency::EUR));
    assert_eq!(
        serde_json::to_value(price).unwrap(),
        json!({"amount": 1250, "currency": "EUR"})
    );
    let refusal = serde_json::from_str::<Money>(r#"{"amount":3,"unit":"a:b"}"#).unwrap_err();
    assert!(refusal.to_string().contains("`currency`"));
}

#[test]
fn the_schema_says_what_is_read() {
    let schema = Value::from(schemars::schema_for!(Amount));
    let [money, own] = &schema["oneOf"].as_array().unwrap()[..] else {
        panic!("{schema}")
    };
    assert_eq!(
        money["properties"]["amount"]["maximum"],
        json!(JSON_INTEGER_MAX)
    );
    assert_eq!(money["properties"]["amount"]["type"], "integer");
    assert_eq!(money["properties"]["currency"]["pattern"], "^[A-Z]{3}$");
    assert_eq!(money["additionalProperties"], json!(false));
    assert_eq!(own["required"], json!(["amount", "unit"]));
    let money_alone = Value::from(schemars::schema_for!(Money));
    assert_eq!(money_alone["properties"], money["properties"]);
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(minor in -JSON_INTEGER_MAX..=JSON_INTEGER_MAX) {
        let amount = Amount::new(minor, Currency::JPY);
        prop_assert_eq!(read(&serde_json::to_string(&amount).unwrap()), Ok(amount));
    }
}
