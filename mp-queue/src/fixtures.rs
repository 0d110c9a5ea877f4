//! Every record kind this crate has ever written is read for ever.

use mp_core::{conformance::Fixtures, document};
use serde_json::Value;

use crate::{
    desk::Place,
    line::Line,
    ticket::Ticket,
    work::{Called, Near, NoShowDue},
};

#[test]
fn every_record_ever_written_is_read_for_ever() {
    let fixtures = Fixtures::in_folder(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures"))
        .with::<Line>()
        .with::<Ticket>()
        .with::<Place>()
        .with::<Called>()
        .with::<Near>()
        .with::<NoShowDue>();
    assert_eq!(fixtures.check(), Ok(6));
}

#[test]
fn what_a_newer_release_adds_survives_a_rewrite() {
    let stored = include_str!("../tests/fixtures/queue.ticket.1.json");
    let mut fixture: Value = serde_json::from_str(stored).expect("is JSON");
    fixture["format"] = 9.into();
    fixture["table"] = "window".into();
    fixture["state"] = "seated".into();
    let (ticket, newer) =
        document::decode::<Ticket>(fixture.to_string().as_bytes()).expect("reads");
    assert_eq!(ticket.state, crate::TicketState::Unrecognized);
    let written = document::encode(&ticket, newer.as_ref()).expect("writes");
    let written: Value = serde_json::from_slice(&written).expect("is JSON");
    assert_eq!(
        (&written["format"], &written["table"]),
        (&9.into(), &"window".into())
    );
}
