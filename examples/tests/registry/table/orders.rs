use serde_json::{Value, json};

use super::super::{
    example::{Example, Foreign},
    setup::Setup,
};

/// How far an order is brought.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Stage {
    Placed,
    Paid,
    Fulfilled,
    ReturnRequested,
}

pub(super) async fn examples(setup: &Setup<'_>) -> Vec<Example> {
    let [placed, other_placed] = two(setup, Stage::Placed).await;
    let [paid, other_paid] = two(setup, Stage::Paid).await;
    let [fulfilled, other_fulfilled] = two(setup, Stage::Fulfilled).await;
    let [asked, other_asked] = two(setup, Stage::ReturnRequested).await;
    setup.call("mei", "order.add_line", line()).await;
    let reason = json!({"reason": "It was cold."});
    vec![
        Example::of("order.add_line", "mei", line())
            .other_body(json!({"count": 3}))
            .other_target(json!({"item": "greens"}))
            .names("shop", "nobody")
            .names("item", "nothing")
            .by_another_user(OWN_BASKET)
            .in_another_app(OWN_BASKET),
        Example::of("order.place", "mei", json!({}))
            .by_another_user(OWN_BASKET_EMPTY)
            .in_another_app(OWN_BASKET_EMPTY),
        Example::of("order.pay", "mei", placed.clone()).other_target(other_placed),
        Example::of("order.fulfil", "chef", paid).other_target(other_paid),
        Example::of("order.request_return", "mei", join(&fulfilled, &reason))
            .other_body(json!({"reason": "It was late."}))
            .other_target(other_fulfilled),
        Example::of("order.return", "chef", asked).other_target(other_asked),
        Example::of("order.receipt", "mei", placed),
    ]
}

const OWN_BASKET: Foreign = Foreign::Apart {
    why: "it goes into the caller's own basket; a host's apps share its menu",
};

const OWN_BASKET_EMPTY: Foreign = Foreign::RefusedAs {
    code: "basket_empty",
    why: "it is about the caller's own basket",
};

fn line() -> Value {
    json!({"shop": "noodles", "item": "beef", "count": 2})
}

fn join(order: &Value, members: &Value) -> Value {
    super::super::example::with(order, members.clone())
}

async fn two(setup: &Setup<'_>, stage: Stage) -> [Value; 2] {
    [order(setup, stage).await, order(setup, stage).await]
}

/// Brings an order so far, and returns what names it.
async fn order(setup: &Setup<'_>, stage: Stage) -> Value {
    setup.call("mei", "order.add_line", line()).await;
    let placed = setup.call("mei", "order.place", json!({})).await;
    let order = json!({"order": placed["id"]});
    if stage >= Stage::Paid {
        setup.call("mei", "order.pay", order.clone()).await;
    }
    if stage >= Stage::Fulfilled {
        setup.call("chef", "order.fulfil", order.clone()).await;
    }
    if stage >= Stage::ReturnRequested {
        let wish = join(&order, &json!({"reason": "It was cold."}));
        setup.call("mei", "order.request_return", wish).await;
    }
    order
}
