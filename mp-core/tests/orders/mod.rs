//! Orders with lines, some of them closed, for tests of retention.
#![allow(dead_code)] // each test program uses some of it

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use mp_core::{
    Command, Document, Edits, Engine, Error, Family, Timestamp,
    clock::ManualClock,
    document,
    entropy::SeededEntropy,
    retention::{Archive, Archived, Retention, Retired, Rule},
    store::{Key, Listing, MemoryStore, Partition, Query, Record, Selection, Store, Version, View},
};
use serde::{Deserialize, Serialize};

pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);
pub(crate) const AGE: Duration = Duration::from_secs(30 * 24 * 60 * 60);
pub(crate) const LINES: usize = 7;

#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Order {
    pub(crate) closed: bool,
}

impl Document for Order {
    const KIND: &'static str = "order";
    const FORMAT: u32 = 1;
}

#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Line {
    pub(crate) number: usize,
}

impl Document for Line {
    const KIND: &'static str = "order.line";
    const FORMAT: u32 = 1;
}

#[derive(Debug)]
pub(crate) struct ClosedOrders;

impl Rule for ClosedOrders {
    fn kind(&self) -> &str {
        "order"
    }

    fn is_closed(&self, family: &Family, _: Timestamp) -> Result<bool, Error> {
        Ok(family.root::<Order>()?.is_some_and(|order| order.closed))
    }
}

/// Keeps aggregates in memory, as what outlives any process would.
#[derive(Debug, Default)]
pub(crate) struct Shelf(pub(crate) Mutex<BTreeMap<(Partition, Version), Archived>>);

#[async_trait]
impl Archive for Shelf {
    async fn keep(&self, aggregates: Vec<Archived>, _: Timestamp) -> Result<String, Error> {
        let mut shelf = self.0.lock().expect("no panic");
        for each in aggregates {
            shelf.insert((each.partition.clone(), each.head), each);
        }
        Ok("the shelf".to_owned())
    }
}

/// A store with orders, and a clock.
pub(crate) struct Shop {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) shelf: Arc<Shelf>,
}

impl Shop {
    pub(crate) fn new() -> Self {
        let start = Timestamp::from_micros(1_800_000_000_000_000);
        Self {
            store: Arc::default(),
            clock: Arc::new(ManualClock::at(start)),
            shelf: Arc::default(),
        }
    }

    pub(crate) fn engine_over(&self, store: Arc<dyn Store>) -> Engine {
        Engine::new(store, self.clock.clone(), Arc::new(SeededEntropy::new(1)))
    }

    pub(crate) fn engine(&self) -> Engine {
        self.engine_over(self.store.clone())
    }

    pub(crate) fn retention(&self) -> Retention {
        self.retention_over(self.store.clone(), self.shelf.clone())
    }

    pub(crate) fn retention_over(
        &self,
        store: Arc<dyn Store>,
        archive: Arc<dyn Archive>,
    ) -> Retention {
        let listing: Arc<dyn Listing> = self.store.clone();
        Retention::new(&self.engine_over(store), listing, archive).with(Arc::new(ClosedOrders), AGE)
    }

    /// Writes an order with its lines.
    pub(crate) async fn put(&self, number: usize, closed: bool) {
        let decide = move |_: &Family, _| {
            let mut edits = Edits::new();
            edits.put_root(Order { closed });
            for number in 0..LINES {
                edits.put(&format!("l/{number}"), Line { number });
            }
            Ok::<_, Error>(edits.answer(()))
        };
        let command = Command::on(partition(number)).prefix("l/");
        self.engine().run(command, decide).await.expect("commits");
    }

    pub(crate) async fn look(&self, partition: &Partition) -> View {
        let select = vec![Selection::Prefix(Key::root())];
        let query = Query {
            select,
            limit: 1_000,
        };
        self.store.read(partition, &query).await.expect("reads")
    }

    /// Returns the records of all aggregates, whether they are in the store or in the archive that
    /// their marks name: what an auditor would go by.
    pub(crate) async fn all(&self) -> BTreeMap<Partition, Vec<Record>> {
        let mut all = BTreeMap::new();
        for partition in self.store.partitions(None, 1_000).await.expect("lists") {
            let view = self.look(&partition).await;
            let records = match mark(&view) {
                None => view.records,
                Some(mark) => {
                    let shelf = self.shelf.0.lock().expect("no panic");
                    let archived = shelf.get(&(partition.clone(), mark.version()));
                    let archived = archived.unwrap_or_else(|| panic!("{partition} is lost"));
                    archived.records.clone()
                }
            };
            all.insert(partition, records);
        }
        all
    }
}

pub(crate) fn partition(number: usize) -> Partition {
    Partition::parse(&format!("market/order/{number:03}")).expect("a valid id")
}

/// Returns the mark, if nothing else is left.
pub(crate) fn mark(view: &View) -> Option<Retired> {
    let root = view.records.first()?;
    let (mark, _) = document::decode::<Retired>(&root.value).ok()?;
    Some(mark)
}
