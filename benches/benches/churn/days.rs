use std::{path::PathBuf, sync::Arc, time::Duration};

use indicatif::ProgressBar;
use mp_core::{
    Command, Document, Edits, Engine, Error, Family, Timestamp,
    clock::{Clock, ManualClock, SystemClock},
    entropy::SystemEntropy,
    retention::{AGE_MIN, FileArchive, Retention, Rule},
    store::{Listing, Partition},
    work::{self, Done, HandlerError, Worker, WorkerOptions},
};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::meter::{Meter, Size};

pub(crate) const DAYS: usize = 8;

/// How many commands are under way at once.
const TASKS: usize = 128;

/// A purchase as a capability keeps it: a root, and a journal beside it.
#[derive(Deserialize, Serialize)]
struct Purchase {
    note: String,
    closed: bool,
}

impl Document for Purchase {
    const KIND: &'static str = "purchase";
    const FORMAT: u32 = 1;
}

#[derive(Deserialize, Serialize)]
struct Entry {
    number: usize,
    note: String,
}

impl Document for Entry {
    const KIND: &'static str = "purchase.entry";
    const FORMAT: u32 = 1;
}

/// The work of carrying a purchase out.
#[derive(Deserialize, Serialize)]
struct CarryOut {}

impl Document for CarryOut {
    const KIND: &'static str = "purchase.carry_out";
    const FORMAT: u32 = 1;
}

#[derive(Debug)]
struct ClosedPurchases;

impl Rule for ClosedPurchases {
    fn kind(&self) -> &str {
        "purchase"
    }

    fn is_closed(&self, family: &Family, _: Timestamp) -> Result<bool, Error> {
        let purchase = family.root::<Purchase>()?;
        Ok(purchase.is_some_and(|purchase| purchase.closed))
    }
}

/// What happens in the days.
#[derive(Clone, Debug)]
pub(crate) struct Days {
    pub(crate) each: usize,
    pub(crate) retires: bool,
    pub(crate) archive: PathBuf,
    pub(crate) bar: ProgressBar,
}

impl Days {
    /// Lets the days pass, and returns the size after each.
    pub(crate) async fn pass(&self, store: Arc<dyn Listing>, meter: Meter) -> Vec<Size> {
        let clock = Arc::new(ManualClock::at(SystemClock.now()));
        let engine = Engine::new(store.clone(), clock.clone(), Arc::new(SystemEntropy::new()));
        let worker = worker(&engine);
        let archive = Arc::new(FileArchive::in_folder(&self.archive));
        let retention =
            Retention::new(&engine, store, archive).with(Arc::new(ClosedPurchases), AGE_MIN);
        let mut sizes = Vec::new();
        for day in 0..DAYS {
            self.bar.set_message(format!("day {}", day + 1));
            self.trade(&engine, &worker, day).await;
            clock.advance(Duration::from_secs(24 * 60 * 60));
            if self.retires {
                self.bar.set_message(format!("night {}", day + 1));
                retention.sweep_all().await.expect("sweeps");
            }
            sizes.push(meter.size().await);
        }
        sizes
    }

    /// Has a day's purchases made and carried out, a part of them at a time.
    async fn trade(&self, engine: &Engine, worker: &Worker, day: usize) {
        const PART: usize = 1_000;
        for part in 0..self.each.div_ceil(PART) {
            let numbers = part * PART..self.each.min((part + 1) * PART);
            let count = numbers.len();
            let mut buying = JoinSet::new();
            for number in numbers {
                let engine = engine.clone();
                buying.spawn(async move { buy(&engine, day, number).await });
                if buying.len() >= TASKS {
                    let bought = buying.join_next().await;
                    bought.expect("one buys").expect("without a panic");
                }
            }
            buying.join_all().await;
            let done = worker.drain().await.expect("works");
            assert_eq!(done, count as u64, "every purchase is carried out");
            self.bar.inc(count as u64);
        }
    }
}

async fn buy(engine: &Engine, day: usize, number: usize) {
    let id = format!("market/purchase/pu_{day:02}_{number:08}");
    let command = Command::on(Partition::parse(&id).expect("a valid id"));
    let decide = |_: &Family, now| {
        let mut edits = Edits::new();
        edits.put_root(Purchase::new(false));
        put_entries(&mut edits, 0..3);
        edits.send("1", now, &CarryOut {});
        Ok::<_, Error>(edits.answer(()))
    };
    engine.run(command, decide).await.expect("commits");
}

fn worker(engine: &Engine) -> Worker {
    let carrier = engine.clone();
    let handler = work::on(move |delivery, _: CarryOut| {
        let engine = carrier.clone();
        async move {
            let command = Command::on(delivery.partition).prefix("j/");
            let decide = |_: &Family, _| {
                let mut edits = Edits::new();
                edits.put_root(Purchase::new(true));
                put_entries(&mut edits, 3..6);
                Ok::<_, Error>(edits.answer(()))
            };
            engine
                .run(command, decide)
                .await
                .map_err(HandlerError::from)?;
            Ok(Done::Finished)
        }
    });
    let options = WorkerOptions::default()
        .with_concurrency(512)
        .with_batch(512);
    Worker::new(engine, options).with([handler])
}

fn put_entries(edits: &mut Edits, numbers: std::ops::Range<usize>) {
    for number in numbers {
        let note = "a line of a journal, as long as such lines are".to_owned();
        let key = format!("j/{number:06}");
        edits.declare_new(&key);
        edits.put(&key, Entry { number, note });
    }
}

impl Purchase {
    fn new(closed: bool) -> Self {
        Self {
            note: "two portions of dumplings, one without chilli ".repeat(6),
            closed,
        }
    }
}
