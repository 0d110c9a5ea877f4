//! Every record that was ever written is read for ever: one file per kind, format and shape, named
//! `{kind}@{format}.{shape}.json`. Files are added with a new format and never changed.

use std::{collections::BTreeMap, fs, path::PathBuf};

use mp_core::document::{self, Document};
use serde_json::Value;

use crate::{
    attempt::Attempt,
    backend::sandbox::{SandboxCharge, SandboxOperation, SandboxPage},
    journal::{Event, JournalEntry},
    operation::OperationDue,
    pass::{LoyaltyPass, PassEntry},
    payment::Root,
    refund::Refund,
    settlement::FactLearnt,
};

fn fixtures() -> BTreeMap<String, Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let entries = fs::read_dir(folder).expect("the folder is there");
    let read = entries.map(|entry| {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy();
        (name.into_owned(), fs::read(&path).expect("readable"))
    });
    read.collect()
}

/// Reads every fixture of a kind, writes it again, and returns how many there were.
fn read_back<D: Document>() -> usize {
    let prefix = format!("{}@", D::KIND);
    let of_kind = fixtures()
        .into_iter()
        .filter(|(name, _)| name.starts_with(&prefix));
    let mut formats = Vec::new();
    for (name, bytes) in of_kind {
        let (document, newer) = document::decode::<D>(&bytes).expect(&name);
        assert_eq!(newer, None, "{name} is of a newer format");
        let again = document::encode(&document, None).expect(&name);
        let read = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).expect("JSON");
        let (mut before, mut after) = (read(&bytes), read(&again));
        formats.push(before["format"].take());
        after["format"].take();
        assert_eq!(before, after, "{name} loses something");
    }
    assert!(
        formats.contains(&Value::from(D::FORMAT)),
        "no fixture of {}",
        D::KIND
    );
    formats.len()
}

#[test]
fn every_record_that_was_ever_written_is_read() {
    let read = [
        read_back::<Root>(),
        read_back::<Attempt>(),
        read_back::<Refund>(),
        read_back::<JournalEntry>(),
        read_back::<OperationDue>(),
        read_back::<FactLearnt>(),
        read_back::<LoyaltyPass>(),
        read_back::<PassEntry>(),
        read_back::<SandboxPage>(),
        read_back::<SandboxOperation>(),
        read_back::<SandboxCharge>(),
    ];
    assert_eq!(
        read.iter().sum::<usize>(),
        fixtures().len(),
        "a file is of no kind"
    );
}

#[test]
fn every_kind_of_event_has_a_fixture() {
    let events = fixtures()
        .into_iter()
        .filter(|(name, _)| name.starts_with("payment_event@"));
    let mut kinds: Vec<String> = events
        .map(|(_, bytes)| serde_json::from_slice::<Value>(&bytes).expect("JSON"))
        .map(|entry| {
            entry["event"]["type"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        })
        .collect();
    kinds.sort();
    kinds.dedup();
    let expected = [
        "cancel_asked",
        "capture_asked",
        "confirmed",
        "created",
        "expired",
        "not_sent",
        "observed",
        "refund_asked",
        "release_asked",
        "sent",
        "settle_asked",
    ];
    assert_eq!(kinds, expected);
}

#[test]
fn what_a_newer_release_wrote_is_read_and_moved_on_from_by_nothing() {
    let newer = br#"{"kind":"payment_event","format":2,"number":1,
        "at":"2026-11-21T18:00:00Z","event":{"type":"split","parts":3},"by":"mei"}"#;
    let (entry, kept) = document::decode::<JournalEntry>(newer).expect("reads");
    assert_eq!(entry.event, Event::Unrecognized);
    assert!(kept.is_some());
}
