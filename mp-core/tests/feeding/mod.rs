//! A small world for feeds: stalls that tell what they sell, and a host's own table.

#![allow(dead_code, reason = "each test file uses some of it")]

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use mp_core::{
    Clock, Command, Document, Edits, Engine, Error, ErrorKind, Family, Timestamp,
    clock::ManualClock,
    entropy::SeededEntropy,
    feed::{Cursor, Event, Feed, Feeds, News, Projection, Projector, Stretch},
    id::{AppId, Name},
    store::{MemoryStore, Partition, Store},
    work::{Worker, WorkerOptions},
};
use serde::{Deserialize, Serialize};

pub(crate) const START: Timestamp = Timestamp::from_micros(1_795_000_000_000_000);

/// A process: an engine on a store, a worker with a projector.
pub(crate) struct Process {
    pub(crate) engine: Engine,
    pub(crate) feeds: Feeds,
    pub(crate) projector: Projector,
    pub(crate) worker: Worker,
}

impl Process {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        clock: &Arc<impl Clock>,
        projection: Arc<dyn Projection>,
    ) -> Self {
        let engine = Engine::new(store, clock.clone(), Arc::new(SeededEntropy::new(1)));
        let (feeds, projector) = (
            Feeds::new(&engine),
            Projector::new(&engine, &sales(), projection),
        );
        let worker = Worker::new(&engine, WorkerOptions::default())
            .with(feeds.handlers())
            .with([projector.handler()]);
        Self {
            engine,
            feeds,
            projector,
            worker,
        }
    }

    /// Sells something, `times` in one decision.
    pub(crate) async fn sell(&self, stall: &str, times: u64) -> Result<u64, Error> {
        sell(&self.engine, stall, times, &sales()).await
    }

    pub(crate) async fn events(&self) -> Vec<Event> {
        let (app, sales) = (app(), sales());
        let read = self.feeds.read(&app, &sales, Cursor::START, 10_000);
        read.await.expect("reads").events
    }
}

/// Returns a process on a store in memory of its own.
pub(crate) fn alone() -> (Process, Arc<ManualClock>, Arc<Table>) {
    let clock = Arc::new(ManualClock::at(START));
    let table = Arc::new(Table::default());
    let process = Process::new(Arc::new(MemoryStore::new()), &clock, table.clone());
    (process, clock, table)
}

pub(crate) async fn sell(
    engine: &Engine,
    stall: &str,
    times: u64,
    feed: &Feed,
) -> Result<u64, Error> {
    let (feed, telling) = (feed.clone(), feed);
    let partition = Partition::new(&app(), "stall", stall)?;
    let sell = move |family: &Family, now: Timestamp| {
        let sold = family.root::<Stall>()?.map_or(0, |stall| stall.sold);
        let news = (1..=times).map(|more| News::new("sold", &(sold + more)));
        let mut edits = Edits::new();
        edits.put_root(Stall { sold: sold + times });
        feed.emit(family, now, news.collect::<Result<_, _>>()?, &mut edits)?;
        Ok::<_, Error>(edits.answer(sold + times))
    };
    let command = telling.reads(Command::on(partition));
    Ok(engine.run(command, sell).await?.answer)
}

#[derive(Deserialize, Serialize)]
pub(crate) struct Stall {
    pub(crate) sold: u64,
}

impl Document for Stall {
    const KIND: &'static str = "stall";
    const FORMAT: u32 = 1;
}

pub(crate) fn app() -> AppId {
    "market".parse().expect("a name")
}

pub(crate) fn sales() -> Feed {
    Feed::new("sales".parse().expect("a name"))
}

/// A table of the host's with a transaction of its own: what was seen of each stall, in order.
#[derive(Debug)]
pub(crate) struct Table {
    name: Name,
    committed: Mutex<Rows>,
    /// An event that the table cannot take, by its name.
    pub(crate) poison: Mutex<Option<String>>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Rows {
    pub(crate) cursor: Cursor,
    pub(crate) sold: BTreeMap<String, Vec<u64>>,
}

impl Default for Table {
    fn default() -> Self {
        Self {
            name: "table".parse().expect("a name"),
            committed: Mutex::default(),
            poison: Mutex::default(),
        }
    }
}

impl Table {
    pub(crate) fn rows(&self) -> Rows {
        self.lock().clone()
    }

    /// Writes the rows and the cursor in one transaction, if the cursor is as expected.
    pub(crate) fn commit(&self, stretch: &Stretch) -> Result<bool, Error> {
        let mut committed = self.lock();
        if committed.cursor != stretch.from {
            return Ok(false);
        }
        let mut rows = committed.clone();
        for event in &stretch.events {
            self.check(event)?;
            rows.add(event)?;
        }
        rows.cursor = stretch.to;
        *committed = rows;
        Ok(true)
    }

    /// Writes the rows alone, which no projection may do.
    pub(crate) fn commit_rows(&self, stretch: &Stretch) -> Result<(), Error> {
        let mut rows = self.lock();
        stretch.events.iter().try_for_each(|event| rows.add(event))
    }

    /// Writes the cursor alone.
    pub(crate) fn commit_cursor(&self, stretch: &Stretch) {
        self.lock().cursor = stretch.to;
    }

    fn lock(&self) -> MutexGuard<'_, Rows> {
        self.committed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn check(&self, event: &Event) -> Result<(), Error> {
        let poison = self.poison.lock().unwrap_or_else(PoisonError::into_inner);
        if *poison == Some(event.id()) {
            let message = "the table has no room for it";
            return Err(Error::new(ErrorKind::Refused, "no_room", message));
        }
        Ok(())
    }
}

impl Rows {
    fn add(&mut self, event: &Event) -> Result<(), Error> {
        let sold = self.sold.entry(event.source.clone()).or_default();
        sold.push(event.fact()?);
        Ok(())
    }
}

#[async_trait]
impl Projection for Table {
    fn name(&self) -> &Name {
        &self.name
    }

    async fn cursor(&self, _: &AppId) -> Result<Cursor, Error> {
        Ok(self.rows().cursor)
    }

    async fn apply(&self, stretch: &Stretch) -> Result<bool, Error> {
        self.commit(stretch)
    }
}
