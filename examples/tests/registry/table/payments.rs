use serde_json::{Value, json};

use super::super::{
    bank::ODD,
    example::{Example, Foreign, with},
    setup::Setup,
};

pub(super) async fn examples(setup: &Setup<'_>) -> Vec<Example> {
    let [new, other_new] = [intent(setup).await, intent(setup).await];
    let [held, other_held] = [confirmed(setup).await, confirmed(setup).await];
    let [taken, other_taken] = [captured(setup).await, captured(setup).await];
    let part = |cents: i64| json!({"amount": {"amount": cents, "currency": "EUR"}});
    let soup = json!({"amount": euros(5_00), "lines": {"soup": euros(5_00)}});
    let mut examples = of_staff(setup).await;
    examples.extend([
        Example::of("pay.create_intent", "mei", wish())
            .other_body(part(12_51))
            .other_body(json!({"description": "Another lunch"}))
            .on_behalf("payer")
            .by_another_user(OWN)
            .in_another_app(OWN),
        Example::of("pay.confirm", "mei", with(&new, json!({"country": "NL"})))
            .other_body(json!({"payment_method": "pm_declined"}))
            .other_body(json!({"payment_method_type": "ideal"}))
            .other_target(other_new),
        Example::of("pay.increase", "chef", with(&held, part(20_00)))
            .other_body(part(21_00))
            .other_target(other_held.clone())
            .by_another_user(MANAGED),
        Example::of("pay.capture", "chef", with(&held, part(5_00)))
            .other_body(part(6_00))
            .other_body(json!({"final_capture": false}))
            .other_target(other_held.clone())
            .by_another_user(MANAGED),
        Example::of(
            "pay.cancel",
            "chef",
            with(&held, json!({"reason": "duplicate"})),
        )
        .other_body(json!({"reason": "fraudulent"}))
        .other_target(other_held)
        .by_another_user(MANAGED),
        Example::of("pay.refund", "chef", with(&taken, soup))
            .other_body(json!({"amount": euros(6_00), "lines": {"noodles": euros(6_00)}}))
            .other_body(json!({"reason": "requested_by_customer"}))
            .other_target(other_taken)
            .by_another_user(MANAGED),
        Example::of("pay.intent", "mei", new),
        Example::of("pay.receipt", "mei", taken),
    ]);
    examples
}

/// Returns the examples of what waits for a person.
async fn of_staff(setup: &Setup<'_>) -> Vec<Example> {
    let [odd, other_odd] = [odd(setup).await, odd(setup).await];
    let held = json!({"found": {"outcome": "authorized", "reference": "ch_1"}});
    let taken = json!({"found": {"outcome": "settled", "reference": "ch_1"}});
    let taken = with(&taken, json!({"amount": euros(12_49)}));
    let declined = json!({"found": {"outcome": "declined", "code": "never_paid"}});
    vec![
        Example::of("pay.unresolved", "chef", json!({"limit": 10}))
            .other_body(json!({"after": odd["operation"]}))
            .by_another_user(MANAGED)
            .in_another_app(Foreign::Apart {
                why: "staff list what waits in their own app",
            }),
        Example::of("pay.resolve", "chef", with(&odd, held))
            .other_body(taken)
            .other_body(declined)
            .other_target(other_odd)
            .names("operation", "pi_00000000000000000000000000-c1"),
    ]
}

/// Has an operation wait for a person.
async fn odd(setup: &Setup<'_>) -> Value {
    let intent = intent(setup).await;
    let odd = with(&intent, json!({"payment_method": ODD}));
    setup.call("mei", "pay.confirm", odd).await;
    let id = intent["intent"].as_str().unwrap_or_default();
    json!({"operation": format!("{id}-c1")})
}

const OWN: Foreign = Foreign::Apart {
    why: "the caller creates an intent of their own",
};

const MANAGED: Foreign = Foreign::Shared {
    why: "pay:manage is the right over every intent of the app",
};

fn wish() -> Value {
    json!({
        "amount": {"amount": 12_50, "currency": "EUR"},
        "capture_method": "manual",
        "payment_method": "pm_ok",
        "payment_method_type": "card",
        "country": "DE",
        "description": "Lunch",
        "lines": {"noodles": euros(7_50), "soup": euros(5_00)},
    })
}

fn euros(cents: i64) -> Value {
    json!({"amount": cents, "currency": "EUR"})
}

/// Creates an intent, and returns what names it.
async fn intent(setup: &Setup<'_>) -> Value {
    let intent = setup.call("mei", "pay.create_intent", wish()).await;
    json!({"intent": intent["id"]})
}

/// Has an intent hold money.
async fn confirmed(setup: &Setup<'_>) -> Value {
    let intent = intent(setup).await;
    setup.call("mei", "pay.confirm", intent.clone()).await;
    intent
}

/// Has an intent take what it holds.
async fn captured(setup: &Setup<'_>) -> Value {
    let intent = confirmed(setup).await;
    setup.call("chef", "pay.capture", intent.clone()).await;
    intent
}
