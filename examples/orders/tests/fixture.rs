//! One stored value of every record kind and format that was ever written. They are never edited
//! and never deleted: a store out there still holds such bytes.

use mp_core::{Document, document};

use crate::orders::{Basket, Order, OrderState, placement::Placement};

const BASKET_1: &str = include_str!("../fixtures/basket.1.json");
const ORDER_1: &str = include_str!("../fixtures/order.1.json");
const PLACEMENT_1: &str = include_str!("../fixtures/order.place.1.json");

pub(super) fn returned_order() -> Order {
    read(ORDER_1)
}

fn read<D: Document>(stored: &str) -> D {
    document::decode(stored.trim_end().as_bytes())
        .expect("reads back")
        .0
}

fn is_written_as_it_was_read<D: Document>(stored: &str) {
    let (value, newer) = document::decode::<D>(stored.trim_end().as_bytes()).expect("reads back");
    let written = document::encode(&value, newer.as_ref()).expect("writes");
    assert_eq!(String::from_utf8_lossy(&written), stored.trim_end());
}

#[test]
fn every_value_that_was_ever_stored_still_reads() {
    let basket: Basket = read(BASKET_1);
    assert_eq!(basket.lines()[0].count(), 2);
    assert_eq!(returned_order().state(), OrderState::Returned);
    assert_eq!(
        read::<Placement>(PLACEMENT_1).order.state(),
        OrderState::Placed
    );
}

#[test]
fn what_is_written_today_is_the_present_format() {
    is_written_as_it_was_read::<Basket>(BASKET_1);
    is_written_as_it_was_read::<Order>(ORDER_1);
    is_written_as_it_was_read::<Placement>(PLACEMENT_1);
}
