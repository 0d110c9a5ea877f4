//! Every record kind this crate has ever written is read for ever.

use std::{collections::BTreeSet, fs, path::PathBuf};

use mp_core::{Document, document};
use serde_json::Value;

use crate::{
    desk::Place,
    line::Line,
    ticket::Ticket,
    work::{Called, Near, NoShowDue},
};

/// Reads a fixture as a `D`, and writes it again; `None` if it is of another kind.
fn reads_back<D: Document>(fixture: &Value) -> Option<Value> {
    if fixture["kind"] != D::KIND {
        return None;
    }
    let bytes = fixture.to_string();
    let (document, newer) = document::decode::<D>(bytes.as_bytes()).expect(D::KIND);
    assert_eq!(newer, None, "{} is of no newer release", D::KIND);
    let written = document::encode(&document, None).expect("writes");
    Some(serde_json::from_slice(&written).expect("is JSON"))
}

const READERS: [fn(&Value) -> Option<Value>; 6] = [
    reads_back::<Line>,
    reads_back::<Ticket>,
    reads_back::<Place>,
    reads_back::<Called>,
    reads_back::<Near>,
    reads_back::<NoShowDue>,
];

/// Every kind with its present format.
fn kinds() -> [(&'static str, u32); 6] {
    fn of<D: Document>() -> (&'static str, u32) {
        (D::KIND, D::FORMAT)
    }
    [
        of::<Line>(),
        of::<Ticket>(),
        of::<Place>(),
        of::<Called>(),
        of::<Near>(),
        of::<NoShowDue>(),
    ]
}

fn fixtures() -> Vec<(String, Value)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let entries = fs::read_dir(folder).expect("the folder is there");
    let read = |entry: fs::DirEntry| {
        let text = fs::read_to_string(entry.path()).expect("reads");
        let name = entry.file_name().to_string_lossy().into_owned();
        (name, serde_json::from_str(&text).expect("is JSON"))
    };
    entries.map(|entry| read(entry.expect("lists"))).collect()
}

#[test]
fn every_fixture_is_read_and_the_present_format_is_written_alike() {
    for (name, fixture) in fixtures() {
        let written = READERS.iter().find_map(|read| read(&fixture));
        let written = written.unwrap_or_else(|| panic!("{name} is of a kind nobody reads"));
        if written["format"] == fixture["format"] {
            assert_eq!(written, fixture, "{name}");
        }
    }
}

#[test]
fn every_format_of_every_kind_has_a_fixture() {
    let names: BTreeSet<String> = fixtures().into_iter().map(|(name, _)| name).collect();
    for (kind, present) in kinds() {
        for format in 1..=present {
            assert!(
                names.contains(&format!("{kind}.{format}.json")),
                "{kind} {format}"
            );
        }
    }
}

#[test]
fn what_a_newer_release_adds_survives_a_rewrite() {
    let (_, mut fixture) = fixtures()
        .into_iter()
        .find(|(name, _)| name == "queue.ticket.1.json")
        .expect("is there");
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
