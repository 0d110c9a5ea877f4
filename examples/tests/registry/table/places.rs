use serde_json::{Value, json};

use super::super::{
    example::{Example, Foreign, with},
    setup::Setup,
};

pub(super) async fn examples(setup: &Setup<'_>) -> Vec<Example> {
    let [first, second] = [
        setup
            .call("mei", "location.add_place", stall("Claypot", 22.31))
            .await,
        setup
            .call("mei", "location.add_place", stall("Oyster", 22.32))
            .await,
    ];
    let [moved, other_moved] = [
        setup
            .call("mei", "location.add_place", stall("Tofu", 22.34))
            .await,
        setup
            .call("mei", "location.add_place", stall("Congee", 22.35))
            .await,
    ];
    let place = |place: &Value| json!({"place": place["id"]});
    vec![
        Example::of("location.add_place", "mei", stall("Skewers", 22.33))
            .other_body(json!({"name": "Squid skewers"}))
            .by_another_user(Foreign::Shared {
                why: "the caller adds a place of their own, to the pages that the app's places share",
            })
            .in_another_app(Foreign::Apart {
                why: "the caller adds a place of their own",
            }),
        Example::of("location.replace_place", "mei", replaced(&moved))
            .other_body(json!({"name": "Squid skewers"}))
            .other_target(json!({"place": other_moved["id"]})),
        Example::of("location.remove_place", "mei", place(&first)).other_target(place(&second)),
        Example::of("location.place", "mei", place(&first)).by_another_user(PUBLIC),
        Example::of("location.nearby", "mei", near())
            .by_another_user(PUBLIC)
            .in_another_app(Foreign::Apart {
                why: "it finds the places of the caller's app",
            }),
    ]
}

const PUBLIC: Foreign = Foreign::Shared {
    why: "places are there to be found by everybody in the app",
};

fn stall(name: &str, lat: f64) -> Value {
    json!({"name": name, "category": "food", "point": {"lat": lat, "lon": 114.17}})
}

fn replaced(place: &Value) -> Value {
    with(&stall("Stinky tofu", 22.36), json!({"place": place["id"]}))
}

fn near() -> Value {
    json!({
        "from": {"lat": 22.3, "lon": 114.17},
        "k": 5,
        "within_metres": 5_000.0,
        "category": "food",
        "freshness_ms": 0,
    })
}
