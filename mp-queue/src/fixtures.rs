//! Every record kind this crate has ever written is read for ever.

use mp_core::conformance::Fixtures;

use crate::{
    desk::Place,
    line::Line,
    ticket::Ticket,
    work::{Called, Near, NoShowDue},
};

fn fixtures() -> Fixtures {
    Fixtures::in_folder(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures"))
        .of_sources(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))
        .with::<Line>()
        .with::<Ticket>()
        .with::<Place>()
        .with::<Called>()
        .with::<Near>()
        .with::<NoShowDue>()
}

#[test]
fn every_record_ever_written_is_read_for_ever() {
    assert_eq!(fixtures().check(), Ok(7));
}

#[test]
fn what_may_grow_is_what_no_state_machine_moves_on_from() {
    let growing = fixtures().growing();
    assert_eq!(
        Vec::from_iter(growing),
        ["queue.line/state", "queue.ticket/state"]
    );
}
