use std::future::Future;

use mp_core::{
    Caller, Scope,
    host::Operation,
    id::{IdempotencyKey, Name},
    label::Label,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{OrderId, Orders};

/// The right to read one's own orders.
pub const ORDER_READ: Scope = Scope::of("order:read");

/// The right to order, to pay and to ask for a return.
pub const ORDER_WRITE: Scope = Scope::of("order:write");

/// The input of `order.add_line`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AddLine {
    /// The shop that sells the item.
    pub shop: Name,
    /// The item's name on the menu.
    pub item: Name,
    /// How many, 1 to 99.
    pub count: u32,
}

/// The input of `order.place`: the basket is known.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
struct Place {}

/// The input of operations on one order.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
struct OfOrder {
    order: OrderId,
}

/// The input of `order.request_return`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
struct RequestReturn {
    order: OrderId,
    /// Why, in a sentence.
    reason: Label,
}

/// Returns every operation of the orders.
pub(super) fn all(orders: &Orders) -> Vec<Operation> {
    [buying(orders), money(orders), returning(orders)].concat()
}

fn buying(orders: &Orders) -> Vec<Operation> {
    vec![
        Operation::reversible(
            "order.add_line",
            "Puts pieces of an item into the caller's basket.",
            ORDER_WRITE,
            with(orders, |orders, caller, input: AddLine, key| async move {
                orders.add_line(&caller, &input, &key).await
            }),
        ),
        Operation::reversible(
            "order.place",
            "Orders what is in the caller's basket, and empties it.",
            ORDER_WRITE,
            with(orders, |orders, caller, _: Place, key| async move {
                orders.place(&caller, &key).await
            }),
        ),
        Operation::reversible(
            "order.fulfil",
            "Hands a paid order over; for staff.",
            Scope::STAFF,
            with(orders, |orders, caller, input: OfOrder, key| async move {
                orders.fulfil(&caller, input.order, &key).await
            }),
        ),
    ]
}

/// Both are once by themselves: their keys at the settlement follow from the order.
fn money(orders: &Orders) -> Vec<Operation> {
    vec![
        Operation::money(
            "order.pay",
            "Takes the money for an order; asking again never takes it twice.",
            ORDER_WRITE,
            with(orders, |orders, caller, input: OfOrder, _| async move {
                orders.pay(&caller, input.order).await
            }),
        ),
        Operation::money(
            "order.return",
            "Takes an order back and gives its money back; for staff.",
            Scope::STAFF,
            with(orders, |orders, caller, input: OfOrder, _| async move {
                orders.take_back(&caller, input.order).await
            }),
        ),
    ]
}

fn returning(orders: &Orders) -> Vec<Operation> {
    let reader = orders.clone();
    vec![
        Operation::reversible(
            "order.request_return",
            "Asks to give a fulfilled order back.",
            ORDER_WRITE,
            with(
                orders,
                |orders, caller, input: RequestReturn, key| async move {
                    let RequestReturn { order, reason } = input;
                    orders.request_return(&caller, order, reason, &key).await
                },
            ),
        ),
        Operation::read(
            "order.receipt",
            "Returns what was ordered, paid and given back.",
            ORDER_READ,
            move |caller: Caller, input: OfOrder| {
                let orders = reader.clone();
                async move { orders.receipt(&caller, input.order).await }
            },
        ),
    ]
}

/// Gives each call of a handler its own clone of the orders.
fn with<I, R>(
    orders: &Orders,
    handler: impl Fn(Orders, Caller, I, IdempotencyKey) -> R + Send + Sync + Clone + 'static,
) -> impl Fn(Caller, I, IdempotencyKey) -> R + Send + Sync + Clone + 'static
where
    R: Future + Send + 'static,
{
    let orders = orders.clone();
    move |caller, input, key| handler(orders.clone(), caller, input, key)
}
