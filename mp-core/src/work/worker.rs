use std::{
    collections::BTreeMap,
    fmt,
    future::pending,
    panic::resume_unwind,
    sync::{Arc, OnceLock},
    time::Duration,
};

use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};

use super::{
    Handler, WorkReport, WorkerOptions,
    attempt::WaysOut,
    lane::Lane,
    room::Room,
    settling::settle_all,
    signals::{Signals, stopped},
};
use crate::{clock::Timestamp, engine::Engine, error::Error};

/// How long a worker that was stopped waits, after its grace, for the store to take the last
/// settlements.
pub const LAST_SETTLEMENTS_MAX: Duration = Duration::from_secs(5);

/// How many settlements wait for the store before handlers wait for it too.
const SETTLES_WAITING_MAX: usize = 1_024;

/// The pause before settlements are tried again that the store did not take.
const SETTLING_PAUSE: Duration = Duration::from_millis(500);

/// The shortest time between two reports.
const REPORT_PAUSE_MIN: Duration = Duration::from_secs(1);

/// Does due work of the kinds it has handlers for.
///
/// Each kind of work goes its own way: a flood, or a handler that hangs, keeps no other kind
/// waiting. Any number of workers in any number of processes may share a store.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::Arc;
/// use mp_core::{Command, Document, Edits, Engine, Error, Family};
/// use mp_core::{clock::SystemClock, entropy::SystemEntropy, store::{MemoryStore, Partition}};
/// use mp_core::work::{self, Done, Worker, WorkerOptions};
/// use serde::{Deserialize, Serialize};
/// use tokio::sync::watch;
///
/// #[derive(Deserialize, Serialize)]
/// struct Remind { whom: String }
/// impl Document for Remind { const KIND: &'static str = "shop.remind"; const FORMAT: u32 = 1; }
/// # #[derive(Deserialize, Serialize)]
/// # struct Shop {}
/// # impl Document for Shop { const KIND: &'static str = "shop"; const FORMAT: u32 = 1; }
///
/// let engine = Engine::new(Arc::new(MemoryStore::new()), Arc::new(SystemClock), Arc::new(SystemEntropy::new()));
/// let (reminded, mut reminders) = tokio::sync::mpsc::unbounded_channel();
/// let handler = work::on(move |_delivery, message: Remind| {
///     let _ = reminded.send(message.whom);
///     async { Ok(Done::Finished) }
/// });
/// let worker = Worker::new(&engine, WorkerOptions::default().with_concurrency(16)).with([handler]);
/// let (stop, stopped) = watch::channel(false); // a host stops it on SIGTERM
/// let running = tokio::spawn(async move { worker.run(stopped).await });
///
/// let shop = Command::on(Partition::new(&"market".parse()?, "shop", "noodles")?);
/// engine.run(shop, |_: &Family, now| {
///     let mut edits = Edits::new();
///     edits.put_root(Shop {});
///     edits.send("ann", now, &Remind { whom: "ann".into() });
///     Ok::<_, Error>(edits.answer(()))
/// }).await?;
/// assert_eq!(reminders.recv().await.as_deref(), Some("ann"));
/// stop.send(true)?;
/// running.await?;
/// # Ok(()) }
/// ```
pub struct Worker {
    pub(super) engine: Engine,
    handlers: BTreeMap<String, Arc<dyn Handler>>,
    options: WorkerOptions,
    hints: Option<watch::Receiver<()>>,
    /// Made when the handlers are known, in the order of their kinds.
    lanes: OnceLock<Vec<Arc<Lane>>>,
}

impl Worker {
    /// Creates a worker without handlers.
    #[must_use]
    pub fn new(engine: &Engine, options: WorkerOptions) -> Self {
        Self {
            engine: engine.clone(),
            handlers: BTreeMap::new(),
            options,
            hints: None,
            lanes: OnceLock::new(),
        }
    }

    /// Adds handlers; a later handler of a kind replaces an earlier one, which is told as a warning
    /// through `tracing`, for it is hardly meant.
    #[must_use]
    pub fn with(mut self, handlers: impl IntoIterator<Item = Arc<dyn Handler>>) -> Self {
        for handler in handlers {
            if let Some(earlier) = self.handlers.insert(handler.kind().to_owned(), handler) {
                tracing::warn!(target: "mp_core::work", kind = earlier.kind(), "a handler replaces one of the same kind");
            }
        }
        self.lanes = OnceLock::new();
        self
    }

    /// Has the pauses of an idle worker end early whenever a hint comes that there may be work, from
    /// other processes too.
    ///
    /// Nothing relies on hints: without any, work is found after the pause.
    #[must_use]
    pub fn with_hints(mut self, hints: watch::Receiver<()>) -> Self {
        self.hints = Some(hints);
        self
    }

    /// Returns what was done so far and how late, for whatever collects the host's metrics.
    #[must_use]
    pub fn report(&self) -> WorkReport {
        let report = |lane: &Arc<Lane>| (lane.handler.kind().to_owned(), lane.report());
        self.lanes().iter().map(report).collect()
    }

    /// Works until `stop` turns true or its sender is gone; then leases nothing more, finishes what
    /// is leased, and returns within [`WorkerOptions::grace`] and [`LAST_SETTLEMENTS_MAX`].
    ///
    /// Store failures are retried: a worker outlives an outage.
    pub async fn run(&self, stop: watch::Receiver<bool>) {
        let (settles, coming_in) = mpsc::channel(SETTLES_WAITING_MAX);
        let (off, break_off) = watch::channel(false);
        let ways_out = WaysOut { settles, break_off };
        let (mut lanes, mut telling) = (JoinSet::new(), JoinSet::new());
        telling.spawn(tell_now_and_then(
            self.lanes().to_vec(),
            self.options.report_every,
        ));
        for lane in self.lanes() {
            let signals = Signals::new(stop.clone(), self.hints.clone());
            lanes.spawn(lane.clone().run(ways_out.clone(), signals));
        }
        drop(ways_out);
        tokio::select! {
            biased;
            // What it could not settle it has told, and it comes back.
            _ = settle_all(&self.engine, coming_in, Some(SETTLING_PAUSE)) => {}
            () = self.overtime(stop, &off) => {
                tracing::warn!("stopped before everything was settled: it comes back");
                lanes.abort_all();
            }
            () = async { pass_on_panics(&mut lanes).await; pending().await } => {}
        }
        pass_on_panics(&mut lanes).await;
    }

    /// Waits for the end of the worker's grace, breaks off what is not done, and waits a little for
    /// that to be settled.
    async fn overtime(&self, mut stop: watch::Receiver<bool>, off: &watch::Sender<bool>) {
        stopped(&mut stop).await;
        tokio::time::sleep(self.options.grace).await;
        off.send_replace(true);
        tokio::time::sleep(LAST_SETTLEMENTS_MAX).await;
    }

    /// Works until nothing is due any more, and returns how many deliveries were handled.
    ///
    /// # Errors
    ///
    /// The store's errors.
    pub async fn drain(&self) -> Result<u64, Error> {
        let mut handled = 0;
        loop {
            match self.turn().await? {
                0 => return Ok(handled),
                some => handled += some,
            }
        }
    }

    /// Leases one portion of every kind, handles and settles it, and returns how many deliveries
    /// there were.
    ///
    /// # Errors
    ///
    /// The store's errors.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn turn(&self) -> Result<u64, Error> {
        let mut handled = 0;
        for lane in self.lanes() {
            let (settles, coming_in) = mpsc::channel(SETTLES_WAITING_MAX);
            let (_never, break_off) = watch::channel(false);
            let ways_out = WaysOut { settles, break_off };
            let (leased, settled) = tokio::join!(
                lane.once(ways_out),
                settle_all(&self.engine, coming_in, None)
            );
            handled += leased?;
            settled?;
        }
        Ok(handled)
    }

    fn lanes(&self) -> &[Arc<Lane>] {
        self.lanes.get_or_init(|| {
            let rooms = Room::divide(self.options.concurrency, self.handlers.len());
            let lane = |(handler, room)| Lane::new(&self.engine, handler, room, &self.options);
            let lanes = self.handlers.values().zip(rooms).map(lane);
            lanes.map(Arc::new).collect()
        })
    }

    /// Returns the time the worker goes by.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.engine.now()
    }
}

/// Panics if a lane does, as when the store does: a worker without one of its lanes would look well
/// and not be.
async fn pass_on_panics(lanes: &mut JoinSet<()>) {
    while let Some(ended) = lanes.join_next().await {
        if let Err(error) = ended
            && error.is_panic()
        {
            resume_unwind(error.into_panic());
        }
    }
}

/// Tells for ever what the lanes have done.
async fn tell_now_and_then(lanes: Vec<Arc<Lane>>, pause: Duration) {
    loop {
        tokio::time::sleep(pause.max(REPORT_PAUSE_MIN)).await;
        for lane in &lanes {
            lane.tell();
        }
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("kinds", &self.handlers.keys())
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
