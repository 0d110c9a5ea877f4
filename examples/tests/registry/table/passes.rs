use serde_json::{Value, json};

use super::super::{
    example::{Example, Foreign, with},
    setup::Setup,
};

pub(super) async fn examples(setup: &Setup<'_>) -> Vec<Example> {
    let coffee = pass(setup, "coffee").await;
    let tea = pass(setup, "tea").await;
    let rewards = |count: u32| json!({"redeem": {"of": "rewards", "count": count}});
    vec![
        Example::of("pass.open", "mei", json!({"program": "cake"}))
            .on_behalf("owner")
            .other_target(json!({"program": "tea"}))
            .names("program", "nothing")
            .by_another_user(OWN)
            .in_another_app(OWN),
        Example::of("pass.stamp", "chef", with(&coffee, json!({"stamps": 3})))
            .other_body(json!({"stamps": 4}))
            .other_target(tea.clone())
            .by_another_user(MANAGED),
        Example::of("pass.earn", "chef", with(&coffee, json!({"points": 3})))
            .other_body(json!({"points": 4}))
            .other_target(tea.clone())
            .by_another_user(MANAGED),
        Example::of("pass.redeem", "mei", with(&coffee, rewards(1)))
            .other_body(rewards(2))
            .other_body(json!({"redeem": {"of": "points", "count": 5}}))
            .other_target(tea),
        Example::of("pass.balance", "mei", coffee),
    ]
}

const OWN: Foreign = Foreign::Apart {
    why: "the caller opens a pass of their own; a host's apps share its programs",
};

const MANAGED: Foreign = Foreign::Shared {
    why: "pass:manage is the right over every pass of the app",
};

/// Opens a pass with something on it, and returns what names it.
async fn pass(setup: &Setup<'_>, program: &str) -> Value {
    let open = json!({"program": program});
    let opened = setup.call("mei", "pass.open", open).await;
    let pass = json!({"pass": opened["id"]});
    for (operation, members) in [
        ("pass.stamp", json!({"stamps": 25})),
        ("pass.earn", json!({"points": 50})),
    ] {
        setup.call("chef", operation, with(&pass, members)).await;
    }
    pass
}
