//! A desk that letters are sent from and bells are rung at.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use mp_core::{
    Command, Document, Edits, Engine, Error, ErrorKind, Family, Timestamp,
    clock::ManualClock,
    entropy::SeededEntropy,
    store::{MemoryStore, Partition},
    work::{Handler, HandlerError, Worker, WorkerOptions},
};
use serde::{Deserialize, Serialize};

#[derive(Deserialize, Serialize)]
pub(crate) struct Letter {
    pub(crate) number: u32,
}

impl Document for Letter {
    const KIND: &'static str = "test.letter";
    const FORMAT: u32 = 1;
}

#[derive(Deserialize, Serialize)]
pub(crate) struct Bell {}

impl Document for Bell {
    const KIND: &'static str = "test.bell";
    const FORMAT: u32 = 1;
}

#[derive(Deserialize, Serialize)]
pub(crate) struct Desk {}

impl Document for Desk {
    const KIND: &'static str = "desk";
    const FORMAT: u32 = 1;
}

pub(crate) fn engine() -> (Engine, Arc<ManualClock>) {
    let start = Timestamp::from_micros(1_800_000_000_000_000);
    let clock = Arc::new(ManualClock::at(start));
    let store = Arc::new(MemoryStore::new());
    let engine = Engine::new(store, clock.clone(), Arc::new(SeededEntropy::new(1)));
    (engine, clock)
}

pub(crate) async fn edit(engine: &Engine, make: impl Fn(&mut Edits, Timestamp) + Send + 'static) {
    let partition = Partition::parse("test/desk/1").expect("a well-formed id");
    let decide = move |_: &Family, now: Timestamp| {
        let mut edits = Edits::new();
        edits.put_root(Desk {});
        make(&mut edits, now);
        Ok::<_, Error>(edits.answer(()))
    };
    let run = engine.run(Command::on(partition), decide);
    run.await.expect("commits");
}

/// Sends letters with these numbers, due now.
pub(crate) async fn send(engine: &Engine, numbers: std::ops::Range<u32>) {
    edit(engine, move |edits, now| {
        for number in numbers.clone() {
            edits.send(&number.to_string(), now, &Letter { number });
        }
    })
    .await;
}

pub(crate) fn worker(engine: &Engine, handler: Arc<dyn Handler>) -> Worker {
    Worker::new(engine, WorkerOptions::default()).with([handler])
}

pub(crate) fn down() -> HandlerError {
    Error::new(ErrorKind::Unavailable, "down", "the line is down").into()
}

/// How often each letter was handled.
pub(crate) type Counts = Arc<Mutex<BTreeMap<u32, u32>>>;

pub(crate) fn count(counts: &Counts, number: u32) {
    *counts.lock().expect("no panic").entry(number).or_default() += 1;
}
