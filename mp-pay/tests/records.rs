//! How payments stand in a store: in few records, which keep the whole journal, and what earlier
//! releases have left there.

mod support;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use mp_core::store::{
    Batch, CommitId, Key, MemoryStore, Partition, Query, Selection, Store, Version, Write,
};
use mp_pay::{
    IntentId,
    intent::IntentStatus,
    journal::{JournalEntry, replay},
    payments::{CaptureIntent, RefundIntent},
    refund::REFUNDS_MAX,
};
use serde_json::{Value, json};

use self::support::{CLASSES, World, app, eur, idem, staff};

/// What stands in the partition of a payment, remembered answers left out.
type Records = BTreeMap<String, Value>;

fn partition(intent: IntentId) -> Partition {
    Partition::new(&app(), "pay", &intent.to_string()).expect("a partition")
}

async fn records(world: &World, intent: IntentId) -> Records {
    let query = Query {
        select: vec![Selection::Prefix(Key::root())],
        limit: 10_000,
    };
    let view = world.store.read(&partition(intent), &query).await;
    let records = view.expect("reads").records.into_iter();
    records
        .filter(|record| !record.key.as_str().starts_with("i/"))
        .map(|record| {
            let value = serde_json::from_slice(&record.value).expect("is JSON");
            (record.key.as_str().to_owned(), value)
        })
        .collect()
}

async fn journal(world: &World, intent: IntentId) -> Vec<JournalEntry> {
    let journal = world.payments.journal(&staff(), intent).await;
    journal.expect("reads")
}

/// Holds everything that is told of a payment to its journal.
async fn check(world: &World, intent: IntentId) {
    let replayed = replay(&journal(world, intent).await).expect("is whole");
    let payments = &world.payments;
    assert_eq!(replayed.intent, world.intent(intent).await);
    let attempts = payments.attempts(&staff(), intent).await.expect("reads");
    assert_eq!(replayed.attempts, attempts);
    let refunds = payments.refunds(&staff(), intent).await.expect("reads");
    assert_eq!(Vec::from_iter(replayed.refunds.into_values()), refunds);
}

async fn refund(world: &World, intent: IntentId, number: u32) {
    let refund = RefundIntent::of(intent).with_amount(eur(1));
    let key = idem(&format!("refund-{number}"));
    let refunded = world.payments.refund(&staff(), refund, &key).await;
    refunded.expect("refunds");
}

#[tokio::test]
async fn a_payment_that_was_held_and_captured_is_one_record() {
    let world = World::new(CLASSES[0]);
    let id = world.pay("pm_ok", true).await.id;
    let capture = CaptureIntent::of(id);
    let captured = world.payments.capture(&staff(), capture, &idem("c")).await;
    assert_eq!(captured.expect("captures").status, IntentStatus::Succeeded);
    let records = records(&world, id).await;
    assert_eq!(Vec::from_iter(records.keys()), [""]);
    assert_eq!(records[""]["journal"].as_array().map(Vec::len), Some(7));
    check(&world, id).await;
}

#[tokio::test]
async fn a_long_journal_is_whole_and_its_pages_never_change() {
    let world = World::new(CLASSES[0]);
    let id = world.pay("pm_ok", false).await.id;
    let mut pages = Records::new();
    for number in 0..REFUNDS_MAX {
        refund(&world, id, number).await;
        let records = records(&world, id).await;
        let is_page = |(key, _): &(&String, &Value)| key.starts_with("j/");
        let found: Records = records
            .iter()
            .filter(is_page)
            .map(|(key, page)| (key.clone(), page.clone()))
            .collect();
        for (key, page) in &pages {
            assert_eq!(found.get(key), Some(page), "{key} was written once");
        }
        pages = found;
        // Asked of another process, which has to read all of it.
        check(&world.another(), id).await;
    }
    assert_eq!(
        journal(&world, id).await.len(),
        4 + 3 * REFUNDS_MAX as usize
    );
    assert!((4..40).contains(&pages.len()), "{} pages", pages.len());
    for (key, page) in &pages {
        let first = &page["entries"][0]["number"];
        assert_eq!(*key, format!("j/{:06}", first.as_u64().expect("a number")));
    }
}

/// Returns the records as the third format had them: an intent alone, each attempt and each entry of
/// the journal.
fn in_format_3(records: &Records) -> Records {
    let stamped = |kind: &str, value: &Value| {
        let mut value = value.clone();
        value["kind"] = json!(kind);
        value["format"] = json!(3);
        value
    };
    let root = &records[""];
    let state = &root["state"];
    let mut older = Records::from([(String::new(), stamped("payment_intent", &state["intent"]))]);
    for (number, attempt) in state["attempts"].as_object().expect("attempts") {
        older.insert(format!("a/{number}"), stamped("payment_attempt", attempt));
    }
    for entry in root["journal"].as_array().expect("a journal") {
        let key = format!("j/{:06}", entry["number"].as_u64().expect("a number"));
        let mut entry = stamped("payment_event", entry);
        // Who asked is told by the journal since format 5.
        entry.as_object_mut().expect("an entry").remove("request");
        older.insert(key, entry);
    }
    older
}

/// Puts a payment into a new store as the third format had it, beside the same provider.
async fn left_by_format_3(world: &World, intent: IntentId) -> World {
    let older = in_format_3(&records(world, intent).await);
    let put = |(key, value): (&String, &Value)| {
        Write::put(
            Key::new(key).expect("a key"),
            value.to_string().into_bytes().into(),
        )
    };
    let batch = Batch {
        expect: Version::ABSENT,
        commit_id: CommitId::random(),
        at: world.engine.now(),
        writes: older.iter().map(put).collect(),
    };
    let store = Arc::new(MemoryStore::new());
    let written = store.commit(&partition(intent), batch).await;
    written.expect("writes");
    let (clock, sandbox) = (world.clock.clone(), world.sandbox.clone());
    World::on(store, clock, sandbox.clone(), Arc::new(sandbox))
}

#[tokio::test]
async fn what_earlier_formats_left_is_read_and_taken_in_by_the_next_commit() {
    let world = World::new(CLASSES[0]);
    let id = world.pay("pm_ok", true).await.id;
    let world = left_by_format_3(&world, id).await;
    let before = records(&world, id).await;
    assert_eq!(before.len(), 1 + 1 + 4, "root, attempt, journal");
    check(&world, id).await;
    assert_eq!(records(&world, id).await, before, "reading changes nothing");

    let capture = CaptureIntent::of(id).with_amount(eur(60));
    let captured = world.payments.capture(&staff(), capture, &idem("c")).await;
    assert_eq!(captured.expect("captures").amount_received, eur(60));
    let after = records(&world, id).await;
    assert_eq!(after[""]["format"], 6);
    assert!(!after.contains_key("a/1"), "it stands in the root");
    assert_eq!(after[""]["state"]["attempts"]["1"]["number"], 1);
    for (key, entry) in before.iter().filter(|(key, _)| key.starts_with("j/")) {
        assert_eq!(&after[key], entry, "an entry stays where it was written");
    }
    assert_eq!(journal(&world, id).await.len(), 7);
    check(&world.another(), id).await;
}

#[tokio::test]
async fn a_life_that_earlier_formats_have_begun_goes_on_to_pages() {
    let world = World::new(CLASSES[0]);
    let id = world.pay("pm_ok", false).await.id;
    let world = left_by_format_3(&world, id).await;
    world.clock.advance(Duration::from_secs(1));
    for number in 0..30 {
        refund(&world, id, number).await;
        check(&world.another(), id).await;
    }
    let records = records(&world, id).await;
    let pages = records.keys().filter(|key| key.starts_with("j/"));
    assert!(pages.count() > 4, "entries of their own, and pages");
}
