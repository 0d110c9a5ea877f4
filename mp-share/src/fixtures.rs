//! Every record kind this crate has ever written is read for ever.

use mp_core::{conformance::Fixtures, steps::Drive};

use crate::{
    group::Group,
    groups::{Expire, Home, Notice, PlanPayments},
    links::{Book, Opening, OwnNumber, Sharing},
    member::Memberships,
    offer::Offer,
    offers::{Closed, Held, InFlight, LapseDue},
};

fn fixtures() -> Fixtures {
    Fixtures::in_folder(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures"))
        .of_sources(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))
        .with::<Group>()
        .with::<Memberships>()
        .with::<PlanPayments>()
        .with::<Expire>()
        .with::<Notice>()
        .with::<Drive<Home>>()
        .with::<Offer>()
        .with::<InFlight>()
        .with::<Closed>()
        .with::<Held>()
        .with::<LapseDue>()
        .with::<Book>()
        .with::<Sharing>()
        .with::<OwnNumber>()
        .with::<Opening>()
        .with_value(&["kind", "id"])
}

#[test]
fn every_record_ever_written_is_read_for_ever() {
    assert_eq!(fixtures().check(), Ok(19));
}

#[test]
fn what_may_grow_is_what_no_state_machine_moves_on_from() {
    let growing = fixtures().growing();
    let expected = [
        "group.memberships/members/12/seat/state",
        "group.memberships/members/12/state",
        "group.memberships/members/2/seat/state",
        "group.memberships/members/2/state",
        "group/state",
        "offer.closed/reservation/state",
        "offer.reservation/state",
        "offer/state",
    ];
    assert_eq!(Vec::from_iter(growing), expected);
}
