use serde_json::{Value, json};

use super::super::{
    example::{Example, Foreign},
    setup::Setup,
};

pub(super) async fn examples(setup: &Setup<'_>) -> Vec<Example> {
    let dead = setup.call("chef", "pay.webhooks", json!({})).await;
    let [dead, other_dead] = [&dead[0]["webhook"], &dead[1]["webhook"]];
    let [waiting, other_waiting] = &setup.waiting;
    vec![
        Example::of("pay.webhooks", "chef", json!({"limit": 10}))
            .other_body(json!({"after": dead}))
            .by_another_user(MANAGED)
            .in_another_app(Foreign::Apart {
                why: "staff list what was given up in their own app",
            }),
        Example::of("pay.handle_webhook", "chef", of(waiting))
            .other_target(of(other_waiting))
            .names("webhook", UNSEEN)
            .by_another_user(MANAGED),
        Example::of("pay.dismiss_webhook", "chef", of(dead))
            .other_target(of(other_dead))
            .names("webhook", UNSEEN)
            .by_another_user(MANAGED),
    ]
}

fn of(webhook: &impl serde::Serialize) -> Value {
    json!({"webhook": webhook})
}

const MANAGED: Foreign = Foreign::Shared {
    why: "pay:manage is the right over every webhook of the app",
};

/// Names a webhook that has not come.
const UNSEEN: &str = "bank:2951:00112233445566778899aabbccddeeff:1";
