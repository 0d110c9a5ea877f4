//! One stored value of every record kind and format that was ever written. They are never edited
//! and never deleted: a store out there still holds such bytes.

use mp_core::conformance::Fixtures;

use crate::orders::{Basket, Order, OrderState, placement::Placement};

fn fixtures() -> Fixtures {
    Fixtures::in_folder(concat!(env!("CARGO_MANIFEST_DIR"), "/orders/fixtures"))
        .of_sources(concat!(env!("CARGO_MANIFEST_DIR"), "/orders"))
        .with::<Basket>()
        .with::<Order>()
        .with::<Placement>()
}

pub(super) fn returned_order() -> Order {
    fixtures().of().swap_remove(0)
}

#[test]
fn every_record_ever_written_is_read_for_ever() {
    assert_eq!(fixtures().check(), Ok(4));
    assert_eq!(returned_order().state(), OrderState::Returned);
}

#[test]
fn what_may_grow_is_what_no_state_machine_moves_on_from() {
    let growing = fixtures().growing();
    assert_eq!(
        Vec::from_iter(growing),
        ["order.place/order/state", "order/state"]
    );
}
