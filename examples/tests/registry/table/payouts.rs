use serde_json::{Value, json};

use super::super::{
    bank::{FAR_ACCOUNT, ODD_ACCOUNT},
    example::{Example, Foreign, with},
    setup::Setup,
};

pub(super) async fn examples(setup: &Setup<'_>) -> Vec<Example> {
    let paid = payout(setup, reward("paid")).await;
    let [far, other_far] = [
        to(setup, FAR_ACCOUNT, 1).await,
        to(setup, FAR_ACCOUNT, 2).await,
    ];
    let [odd, other_odd] = [
        to(setup, ODD_ACCOUNT, 3).await,
        to(setup, ODD_ACCOUNT, 4).await,
    ];
    let found = json!({"found": {"outcome": "settled", "reference": "bank-1"}});
    let less =
        json!({"found": {"outcome": "settled", "reference": "bank-1"}, "amount": euros(4_99)});
    let declined = json!({"found": {"outcome": "declined", "code": "never_came"}});
    vec![
        Example::of("pay.create_payout", "chef", reward("lunch"))
            .other_body(json!({"amount": euros(6_00)}))
            .other_body(json!({"reason": "for two friends"}))
            .other_target(json!({"key": "dinner"}))
            .in_another_app(Foreign::Apart {
                why: "each app pays its own people under its own names",
            }),
        Example::of("pay.cancel_payout", "chef", far).other_target(other_far),
        Example::of("pay.payout", "mei", paid),
        Example::of("pay.unresolved_payouts", "chef", json!({"limit": 10}))
            .other_body(json!({"after": odd["payout"]}))
            .by_another_user(MANAGED)
            .in_another_app(Foreign::Apart {
                why: "staff list what waits in their own app",
            }),
        Example::of("pay.resolve_payout", "chef", with(&odd, found))
            .other_body(less)
            .other_body(declined)
            .other_target(other_odd),
    ]
}

const MANAGED: Foreign = Foreign::Shared {
    why: "pay:manage is the right over every payout of the app",
};

fn reward(key: &str) -> Value {
    json!({
        "key": key,
        "receiver": {"type": "user", "user": "mei"},
        "amount": euros(5_00),
        "reason": "for bringing a friend",
    })
}

fn euros(cents: i64) -> Value {
    json!({"amount": cents, "currency": "EUR"})
}

/// Has somebody paid at a destination, and returns what names it.
async fn to(setup: &Setup<'_>, destination: &str, number: u32) -> Value {
    let receiver = json!({"type": "destination", "destination": destination});
    let wish = with(
        &reward(&format!("{destination}-{number}")),
        json!({"receiver": receiver}),
    );
    payout(setup, wish).await
}

async fn payout(setup: &Setup<'_>, wish: Value) -> Value {
    let payout = setup.call("chef", "pay.create_payout", wish).await;
    json!({"payout": payout["id"]})
}
