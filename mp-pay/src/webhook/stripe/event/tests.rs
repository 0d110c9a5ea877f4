use proptest::prelude::*;

use serde_json::json;

use super::*;
use crate::intent::IntentId;

const KINDS: [&str; 7] = [
    "payment_intent.succeeded",
    "payment_intent.amount_capturable_updated",
    "payment_intent.processing",
    "payment_intent.requires_action",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
    "charge.captured",
];

fn key(step: &str) -> String {
    format!("{}-{step}", IntentId::derived(&["a"]))
}

fn event(kind: &str, object: &Value) -> Vec<u8> {
    let event = json!({"id": "evt_1", "object": "event", "type": kind, "data": {"object": object}});
    event.to_string().into_bytes()
}

fn intent_object(step: &str) -> Value {
    json!({
        "id": "pi_3N",
        "currency": "eur",
        "amount": 1_000,
        "amount_capturable": 600,
        "amount_received": 400,
        "latest_charge": "ch_3N",
        "last_payment_error": {"code": "card_declined", "decline_code": "insufficient_funds"},
        "next_action": {"type": "redirect_to_url", "redirect_to_url": {"url": "https://a.example"}},
        "metadata": {OPERATION_METADATA: key(step), "order": "17"},
    })
}

fn outcome(kind: &str, object: &Value) -> Option<Outcome> {
    let read = read(&event(kind, object)).expect("reads");
    read.map(|observation| match observation {
        Observation::Operation(notice) => notice.outcome,
        Observation::Dispute(_) => panic!("it is about an operation"),
    })
}

fn refund_object(status: &str) -> Value {
    json!({
        "id": "re_1",
        "amount": 400,
        "currency": "eur",
        "status": status,
        "failure_reason": "lost_or_stolen_card",
        "metadata": {OPERATION_METADATA: key("rf_01HF7YAT000000000000000000")},
    })
}

fn eur(minor: i64) -> Money {
    Money::new(minor, Currency::EUR)
}

fn reference(text: &str) -> Reference {
    Reference::new(text).expect("a reference")
}

/// Every event of an intent or a charge, for every step that one can be about.
#[test]
fn each_event_is_told_to_the_step_that_it_is_about_and_to_no_other() {
    let [charge, intent] = ["ch_3N", "pi_3N"].map(|name| move || reference(name));
    let code = |code: &str| DeclineCode::new(code).expect("a code");
    let action = NextAction::AwaitNotification { until: None };
    let expected = |kind: &str, step: &str| {
        Some(match (kind, step) {
            ("payment_intent.succeeded", "c1") => Outcome::settled(intent()).with_amount(eur(400)),
            ("payment_intent.succeeded", "k1" | "k1.2") => Outcome::settled(charge()),
            ("payment_intent.amount_capturable_updated", "c1") => {
                Outcome::authorized(intent()).with_amount(eur(1_000))
            }
            ("payment_intent.amount_capturable_updated", "i1") => {
                Outcome::authorized(charge()).with_amount(eur(1_000))
            }
            ("payment_intent.processing", "c1") => Outcome::accepted().with_reference(intent()),
            ("payment_intent.requires_action", "c1") => {
                Outcome::needs_action(action.clone()).with_reference(intent())
            }
            ("payment_intent.payment_failed", "c1") => {
                Outcome::declined(code("insufficient_funds"))
            }
            ("payment_intent.canceled", "c1") => Outcome::declined(code("canceled")),
            ("payment_intent.canceled", "v1") => Outcome::settled(charge()),
            ("charge.captured", "k1" | "k1.2") => Outcome::settled(reference("pi_3N")),
            _ => return None,
        })
    };
    for kind in KINDS {
        for step in ["c1", "i1", "k1", "k1.2", "v1", "x1"] {
            let told = outcome(kind, &intent_object(step));
            assert_eq!(told, expected(kind, step), "{kind} of {step}");
        }
    }
}

#[test]
fn a_refund_is_told_by_its_status() {
    let lost = DeclineCode::new("lost_or_stolen_card").expect("a code");
    let open = Outcome::accepted().with_reference(reference("re_1"));
    for (status, expected) in [
        (
            "succeeded",
            Outcome::settled(reference("re_1")).with_amount(eur(400)),
        ),
        ("pending", open.clone()),
        ("requires_action", open),
        ("failed", Outcome::declined(lost.clone())),
        ("canceled", Outcome::declined(lost)),
    ] {
        for kind in ["refund.created", "refund.updated", "refund.failed"] {
            let told = outcome(kind, &refund_object(status));
            assert_eq!(told.as_ref(), Some(&expected), "{kind} {status}");
        }
    }
    let odd = event("refund.updated", &refund_object("teleported"));
    assert!(
        read(&odd).is_err(),
        "a status that is new is put before a person"
    );
}

#[test]
fn what_is_not_ours_or_not_known_is_ignored() {
    let mut strange = intent_object("c1");
    strange["metadata"] = json!({});
    for kind in KINDS {
        assert_eq!(outcome(kind, &strange), None, "{kind} of somebody else");
    }
    for kind in [
        "invoice.paid",
        "payment_intent.created",
        "charge.succeeded",
        "",
    ] {
        assert_eq!(outcome(kind, &intent_object("c1")), None, "{kind}");
    }
}

#[test]
fn what_is_ours_and_does_not_read_is_an_error_and_not_ignored() {
    let broken = |change: fn(&mut Value)| {
        let mut object = intent_object("c1");
        change(&mut object);
        read(&event("payment_intent.succeeded", &object))
    };
    for change in [
        (|object| object["metadata"][OPERATION_METADATA] = json!("c1")) as fn(&mut Value),
        |object| object["metadata"][OPERATION_METADATA] = json!(1),
        |object| object["currency"] = json!("euro"),
        |object| object["amount_received"] = json!("400"),
        |object| object["amount_received"] = json!(0.5),
        |object| object["id"] = json!(null),
    ] {
        assert!(broken(change).is_err());
    }
    for body in [
        &b""[..],
        b"{}",
        b"[]",
        b"\xff",
        br#"{"type":"x","data":{}}"#,
    ] {
        assert!(read(body).is_err());
    }
}

#[test]
fn amounts_are_counted_as_stripe_does() {
    let mut object = intent_object("c1");
    object["currency"] = json!("jpy");
    let told = outcome("payment_intent.succeeded", &object).and_then(|it| it.amount());
    let yen: Currency = "JPY".parse().expect("a currency");
    assert_eq!(told, Some(Money::new(400, yen)));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>, kind in 0..KINDS.len(), text: String, number: i64) {
        let _ = read(&bytes);
        let mut object = intent_object("c1");
        object["currency"] = json!(text);
        object["amount_received"] = json!(number);
        object["amount_capturable"] = json!(number);
        let _ = read(&event(KINDS[kind], &object));
    }
}
