//! Every record that was ever written is read for ever: one file per kind, format and shape, named
//! `{kind}@{format}.{shape}.json`. Files are added with a new format and never changed.

use std::collections::BTreeSet;

use mp_core::{Document, Timestamp, conformance::Fixtures, document, steps::Drive};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    attempt::Attempt,
    backend::sandbox::{SandboxCharge, SandboxOperation, SandboxPage, SandboxPayout},
    dispute::Dispute,
    journal::{Event, JournalEntry, JournalPage, Stretch},
    ledger::{
        Account, Book, Closing, Entry, Hold, Transfer,
        kept::{ExpiryDue, FactDue, Fence, ForgetDue, HomeBook, Order},
    },
    operation::OperationDue,
    pass::{LoyaltyPass, PassEntry},
    payment::Root,
    payout::{PayoutDue, PayoutEntry, PayoutOrder},
    refund::Refund,
    settlement::FactLearnt,
    webhook::kept::{Entry as WebhookEntry, HandleDue, LapseDue, Page as WebhookPage, Raw},
};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");

fn fixtures() -> Fixtures {
    Fixtures::in_folder(FOLDER)
        .of_sources(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))
        .with::<Root>()
        .with::<Attempt>()
        .with::<Refund>()
        .with::<Dispute>()
        .with::<JournalPage>()
        .with::<OperationDue>()
        .with::<FactLearnt>()
        .with::<LoyaltyPass>()
        .with::<PassEntry>()
        .with::<Book>()
        .with::<Account>()
        .with::<Entry>()
        .with::<Transfer>()
        .with::<Hold>()
        .with::<Closing>()
        .with::<Fence>()
        .with::<FactDue>()
        .with::<Order>()
        .with::<ExpiryDue>()
        .with::<ForgetDue>()
        .with::<Drive<HomeBook>>()
        .with_value(&["debit", "credit", "amount"])
        .with::<PayoutOrder>()
        .with::<PayoutEntry>()
        .with::<PayoutDue>()
        .with::<WebhookPage>()
        .with::<WebhookEntry>()
        .with::<Raw>()
        .with::<HandleDue>()
        .with::<LapseDue>()
        .with_value(&["stripe-signature"])
        .with::<SandboxPage>()
        .with::<SandboxOperation>()
        .with::<SandboxCharge>()
        .with::<SandboxPayout>()
}

#[test]
fn every_record_ever_written_is_read_for_ever() {
    assert_eq!(fixtures().check(), Ok(257));
}

#[test]
fn what_may_grow_is_what_no_state_machine_moves_on_from() {
    let growing = fixtures().growing();
    let expected = [
        "ledger_entry/act",
        "ledger_hold/state",
        "ledger_order/ruling/ruling",
        "ledger_transfer/status",
        "pass_entry/entry",
        "payment_attempt/captures/1/operation/stage",
        "payment_attempt/captures/2/operation/stage",
        "payment_attempt/charge/breach",
        "payment_attempt/charge/heard",
        "payment_attempt/charge/stage",
        "payment_attempt/increases/1/operation/stage",
        "payment_attempt/increases/2/operation/stage",
        "payment_attempt/next_action/type",
        "payment_attempt/returns/1/operation/heard",
        "payment_attempt/returns/1/operation/stage",
        "payment_attempt/voids/1/stage",
        "payment_dispute/status",
        "payment_intent/state/attempts/1/captures/1/operation/stage",
        "payment_intent/state/attempts/1/captures/2/operation/stage",
        "payment_intent/state/attempts/1/charge/stage",
        "payment_intent/state/attempts/1/increases/1/operation/stage",
        "payment_intent/state/attempts/1/increases/2/operation/stage",
        "payment_intent/state/attempts/1/voids/1/stage",
        "payment_intent/state/attempts/2/charge/heard",
        "payment_intent/state/attempts/2/charge/stage",
        "payment_intent/state/attempts/2/next_action/type",
        "payment_intent/state/attempts/2/returns/1/operation/stage",
        "payment_intent/state/attempts/2/voids/1/stage",
        "payment_intent/state/attempts/3/charge/stage",
        "payment_intent/state/attempts/3/returns/1/operation/found",
        "payment_intent/state/attempts/3/returns/1/operation/heard",
        "payment_intent/state/attempts/3/returns/1/operation/stage",
        "payment_intent/state/attempts/3/voids/1/stage",
        "payment_intent/state/attempts/4/captures/1/operation/stage",
        "payment_intent/state/attempts/4/charge/stage",
        "payment_intent/state/attempts/4/voids/1/stage",
        "payment_intent/state/attempts/5/charge/stage",
        "payment_intent/state/attempts/6/charge/breach",
        "payment_intent/state/attempts/6/charge/stage",
        "payment_intent/state/attempts/7/charge/stage",
        "payment_intent/state/attempts/8/charge/stage",
        "payment_intent/state/attempts/9/charge/stage",
        "payment_intent/state/intent/cancellation_reason",
        "payment_intent/state/intent/next_action/type",
        "payment_intent/state/intent/status",
        "payment_refund/operation/found",
        "payment_refund/operation/heard",
        "payment_refund/operation/stage",
        "payment_refund/reason",
        "payout/operation/breach",
        "payout/operation/found",
        "payout/operation/heard",
        "payout/operation/stage",
        "payout/receiver/type",
        "payout/status",
        "payout_event/event/action/type",
        "payout_event/event/outcome/outcome",
        "payout_event/event/receiver/type",
        "payout_event/event/source",
        "payout_event/event/type",
        "sandbox_operation/first_answer/outcome",
        "sandbox_operation/outcome/outcome",
        "sandbox_payout/first_answer/outcome",
        "sandbox_payout/outcome/outcome",
        "webhook/editions/1/handled/outcome",
    ];
    assert_eq!(Vec::from_iter(growing), expected);
}

#[test]
fn every_kind_of_event_has_a_fixture() {
    let pages = fixtures().of::<JournalPage>();
    let entries = pages.iter().map(|page| page.entries().entries());
    let entries = entries.flat_map(|entries| entries.expect("reads"));
    let types: BTreeSet<String> = entries.map(|entry| type_of(&entry.event)).collect();
    let expected = [
        "action_refused",
        "cancel_asked",
        "capture_asked",
        "capture_failed",
        "confirmed",
        "created",
        "dispute_told",
        "exhausted",
        "expired",
        "fell_over",
        "increase_asked",
        "lapsed",
        "late_accepted",
        "not_sent",
        "observed",
        "refund_asked",
        "release_asked",
        "return_asked",
        "sent",
        "settle_asked",
        "void_asked",
    ];
    assert_eq!(Vec::from_iter(types), expected);
}

fn type_of(event: &Event) -> String {
    let event: Value = serde_json::to_value(event).expect("an event is JSON");
    event["type"].as_str().unwrap_or_default().to_owned()
}

/// An entry of a journal in a record of its own, as the formats 1 to 3 wrote each.
#[derive(Debug, Deserialize, Serialize)]
struct Alone(JournalEntry);

impl Document for Alone {
    const KIND: &'static str = JournalPage::KIND;
    const FORMAT: u32 = 3;
}

/// An entry is kept as it was written and read each time anew, wherever it stands.
#[test]
fn what_may_grow_in_an_entry_is_read_for_something_unknown() {
    let growing = Fixtures::in_folder(FOLDER).with::<Alone>().growing();
    let expected = [
        "payment_event/event/action/type",
        "payment_event/event/dispute/status",
        "payment_event/event/outcome/action/type",
        // An outcome that we do not know is one that is not known.
        "payment_event/event/outcome/outcome",
        "payment_event/event/reason",
        "payment_event/event/source",
        "payment_event/event/type",
    ];
    assert_eq!(Vec::from_iter(growing), expected);
}

#[test]
fn what_a_newer_release_wrote_into_a_journal_is_carried_on_as_it_is() {
    let entry = json!({"number": 1, "at": "2026-11-21T18:00:00Z", "by": "mei",
        "event": {"type": "split", "parts": 3}});
    let newer = json!({"kind": "payment_event", "format": 5, "entries": [entry]}).to_string();
    let (page, kept) = document::decode::<JournalPage>(newer.as_bytes()).expect("reads");
    let entries = page.entries().entries().expect("reads");
    assert_eq!(entries[0].event, Event::Unrecognized);
    let settled = |number| JournalEntry::of(number, Timestamp::MIN, Event::SettleAsked);
    let more = (2..200).map(settled);
    let more = Stretch::of(more).expect("is JSON");
    let (cut, _) = page.entries().clone().followed_by(more);
    for (page, kept) in [(&page, kept.as_ref()), (&cut[0], None)] {
        let written = document::encode(page, kept).expect("writes");
        let written: Value = serde_json::from_slice(&written).expect("is JSON");
        assert_eq!(written["entries"], json!([entry]));
    }
}
