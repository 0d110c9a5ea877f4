//! What the engine keeps in memory of partitions that are only ever added to.
#![cfg(feature = "conformance")]

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use mp_core::{
    Command, Document, Edits, Engine, Error, Family, Timestamp,
    clock::ManualClock,
    conformance::{Call, HookedStore, Phase},
    entropy::SeededEntropy,
    store::{MemoryStore, Partition, StoreErrorKind},
};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

/// How long the text of a page is: nearly as long as a store takes it.
const LENGTH: usize = 250 * 1024;

/// How much the engine may keep: of a partition that is idle, and of one that is not.
const IDLE_MAX: u64 = 32 * 1024 * 1024;
const BUSY_MAX: u64 = 128 * 1024 * 1024;

/// A book that pages are added to, in volumes that the root numbers.
#[derive(Clone, Deserialize, Serialize)]
struct Book {
    volumes: u64,
}

impl Document for Book {
    const KIND: &'static str = "book";
    const FORMAT: u32 = 1;
}

#[derive(Deserialize, Serialize)]
struct Page {
    text: String,
}

impl Document for Page {
    const KIND: &'static str = "book.page";
    const FORMAT: u32 = 1;
}

/// An engine on a store that counts reads.
struct Desk {
    engine: Engine,
    reads: Arc<AtomicU64>,
}

impl Desk {
    fn new() -> Self {
        let reads = Arc::new(AtomicU64::new(0));
        let counted = reads.clone();
        let count = move |call: Call, phase: Phase, _: Option<&Partition>| {
            if (call, phase) == (Call::Read, Phase::Before) {
                counted.fetch_add(1, Ordering::SeqCst);
            }
            async { Ok::<_, StoreErrorKind>(()) }
        };
        let store = HookedStore::new(Arc::new(MemoryStore::new()), count);
        let clock = ManualClock::at(Timestamp::from_micros(1_800_000_000_000_000));
        let entropy = Arc::new(SeededEntropy::new(1));
        let engine = Engine::new(Arc::new(store), Arc::new(clock), entropy);
        Self { engine, reads }
    }

    fn reads(&self) -> u64 {
        self.reads.load(Ordering::SeqCst)
    }
}

/// Adds so many pages of so many bytes in one commit; returns how many commits there were.
async fn add(engine: Engine, pages: u64, length: usize) -> u64 {
    let book = Partition::parse("test/book/1").expect("a well-formed id");
    let decide = move |family: &Family, _| {
        let volumes = family.root::<Book>()?.map_or(0, |book| book.volumes) + 1;
        let mut edits = Edits::new();
        for page in 0..pages {
            let key = format!("p/{volumes:08}/{page}");
            edits.declare_new(&key);
            let text = "x".repeat(length);
            edits.put(&key, Page { text });
        }
        edits.put_root(Book { volumes });
        Ok::<_, Error>(edits.answer(volumes))
    };
    let added = engine.run(Command::on(book), decide).await;
    added.expect("adds").answer
}

/// How many commits of so many long pages it takes to have more than this.
const fn volumes_over(bytes: u64, pages: u64) -> u64 {
    bytes / (pages * LENGTH as u64) + 1
}

#[tokio::test]
async fn what_is_only_added_to_is_not_kept_whole_while_it_is_idle() {
    let desk = Desk::new();
    let volumes = volumes_over(IDLE_MAX, 16);
    add(desk.engine.clone(), 16, LENGTH).await;
    let begun = desk.reads();
    for _ in 1..volumes {
        add(desk.engine.clone(), 16, LENGTH).await;
    }
    assert_eq!(desk.reads() - begun, 0, "it was all there");
    add(desk.engine.clone(), 16, LENGTH).await;
    assert_eq!(desk.reads() - begun, 1, "it was too much");
    let added = add(desk.engine.clone(), 16, LENGTH).await;
    assert_eq!(desk.reads() - begun, 1, "what is read again is little");
    assert_eq!(added, volumes + 2);
}

#[tokio::test]
async fn what_is_only_added_to_is_not_kept_whole_while_it_is_busy() {
    const CALLERS: u64 = 16;
    let desk = Desk::new();
    add(desk.engine.clone(), 1, 1).await;
    let begun = desk.reads();
    let each = volumes_over(BUSY_MAX, 4 * CALLERS) + 1;
    let mut adding = JoinSet::new();
    for _ in 0..CALLERS {
        let engine = desk.engine.clone();
        adding.spawn(async move {
            for _ in 0..each {
                add(engine.clone(), 4, LENGTH).await;
            }
        });
    }
    adding.join_all().await;
    assert_eq!(desk.reads() - begun, 1);
    let added = add(desk.engine.clone(), 1, 1).await;
    assert_eq!(added, CALLERS * each + 2, "nothing is lost");
}

#[tokio::test]
async fn ten_thousand_short_records_are_kept() {
    let desk = Desk::new();
    add(desk.engine.clone(), 200, 100).await;
    let begun = desk.reads();
    for _ in 0..50 {
        add(desk.engine.clone(), 200, 100).await;
    }
    assert_eq!(desk.reads(), begun);
}
