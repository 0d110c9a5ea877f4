use serde_json::{Value, json};

use super::super::{
    example::{Example, Foreign},
    setup::Setup,
};

const PUBLIC: Foreign = Foreign::Shared {
    why: "offers and groups are there to be seen and joined by everybody in the app",
};

pub(super) async fn examples(setup: &Setup<'_>) -> Vec<Example> {
    let [offer, other_offer] = [
        setup
            .call("chef", "group.create_offer", terms("Hotpot"))
            .await,
        setup
            .call("chef", "group.create_offer", terms("Claypot"))
            .await,
    ];
    let [closing, other_closing] = [
        setup
            .call("chef", "group.create_offer", terms("Tofu"))
            .await,
        setup
            .call("chef", "group.create_offer", terms("Squid"))
            .await,
    ];
    let on = |offer: &Value| json!({"offer": offer["offer"]});
    let [his, his_other, hers, her_other] = [
        setup.call("lin", "group.open", on(&offer)).await,
        setup.call("lin", "group.open", on(&offer)).await,
        setup.call("mei", "group.open", on(&offer)).await,
        setup.call("mei", "group.open", on(&offer)).await,
    ];
    let [called_off, other_called_off] = [
        setup.call("lin", "group.open", on(&other_offer)).await,
        setup.call("lin", "group.open", on(&other_offer)).await,
    ];
    let group = |group: &Value| json!({"group": group["group"]});
    vec![
        Example::of("group.create_offer", "chef", terms("Congee"))
            .other_body(json!({"pieces": 7, "each_max": 2}))
            .by_another_user(OWN)
            .in_another_app(OWN),
        Example::of("group.close_offer", "chef", on(&closing)).other_target(on(&other_closing)),
        Example::of("group.cancel", "chef", group(&called_off))
            .other_target(group(&other_called_off)),
        Example::of("group.offer", "mei", on(&offer)).by_another_user(PUBLIC),
        Example::of("group.open", "mei", on(&offer))
            .other_target(on(&other_offer))
            .by_another_user(PUBLIC),
        Example::of("group.join", "mei", group(&his))
            .other_target(group(&his_other))
            .by_another_user(PUBLIC),
        Example::of("group.leave", "mei", group(&hers))
            .other_target(group(&her_other))
            .by_another_user(Foreign::RefusedAs {
                code: "not_member",
                why: "the group is there for everybody to see; a seat in it is one's own",
            }),
        Example::of("group.status", "mei", group(&his)).by_another_user(PUBLIC),
    ]
}

const OWN: Foreign = Foreign::Apart {
    why: "whoever sells makes an offer of their own",
};

fn terms(title: &str) -> Value {
    json!({
        "title": title,
        "price": {"amount": 16_800, "currency": "HKD"},
        "group_price": {"amount": 12_800, "currency": "HKD"},
        "group_size": 3,
        "seat_hold_seconds": 600,
        "group_duration_seconds": 3_600,
        "pieces": 100,
        "each_max": 9,
    })
}
