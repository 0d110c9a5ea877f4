use std::{sync::Arc, time::Duration};

use mp_core::{
    Engine, Timestamp,
    clock::ManualClock,
    entropy::SeededEntropy,
    port::Participant,
    steps::{Plan, Standing, Steps},
    store::{MemoryStore, Store, StoreErrorKind},
    work::{LEASE, Worker, WorkerOptions},
};

use super::{
    book::{Book, Entry},
    faults::{Armed, Faults, Mode, Moment, Site},
    life::Life,
    order::{self, Order, PLAN, look, partition},
};
use mp_core::conformance::{Call, HookedStore, Phase};

const NAMES: [&str; 3] = ["stock", "seat", "payment"];

/// How often the worker is given a turn, ten seconds apart, before a life must have ended.
const ROUNDS: u32 = 20;

/// Everything that survives a crash, and the faults to come.
pub(crate) struct World {
    store: Arc<MemoryStore>,
    clock: Arc<ManualClock>,
    books: Vec<Arc<Book>>,
    faults: Arc<Faults>,
    life: Life,
}

impl World {
    pub(crate) fn new(life: Life, armed: Armed, forgetful: bool) -> Self {
        let faults = Arc::new(Faults::new(armed));
        let book = |(name, manner)| Arc::new(Book::new(name, manner, forgetful, faults.clone()));
        let start = Timestamp::from_micros(1_800_000_000_000_000);
        Self {
            store: Arc::new(MemoryStore::new()),
            clock: Arc::new(ManualClock::at(start)),
            books: NAMES.into_iter().zip(life.manners()).map(book).collect(),
            faults,
            life,
        }
    }

    /// Lives through the whole life, restarting after every crash, and returns what is wrong in
    /// the end.
    pub(crate) fn run(&self) -> Result<Vec<Moment>, String> {
        while !self.process() {}
        for book in &self.books {
            book.deliver_late();
        }
        self.judge()?;
        Ok(self.faults.passed())
    }

    /// Runs one process; returns whether it lived to the end. Whatever it had in memory is gone
    /// when its runtime is dropped.
    fn process(&self) -> bool {
        runtime().block_on(async {
            tokio::select! {
                biased;
                () = self.faults.crashed.notified() => false,
                () = self.live() => true,
            }
        })
    }

    async fn live(&self) {
        let engine = self.engine(Arc::new(self.faulty_store()));
        let steps = self.steps(&engine);
        let worker = Worker::new(&engine, WorkerOptions::default()).with([steps.handler()]);
        while order::place(&engine, self.life, NAMES).await.is_err() {}
        for _ in 0..ROUNDS {
            if self.life.is_driven_twice() {
                let place = partition();
                let (_, _) = tokio::join!(steps.drive(&place, PLAN), worker.drain());
            } else {
                // A failure is an outage that the worker outlives.
                let _ = worker.drain().await;
            }
            if self.life.releases() {
                let _ = order::release(&engine).await;
            }
            if self.has_ended().await {
                return;
            }
            self.clock.advance(Duration::from_secs(10));
        }
    }

    fn engine(&self, store: Arc<dyn Store>) -> Engine {
        Engine::new(store, self.clock.clone(), Arc::new(SeededEntropy::new(1)))
    }

    fn steps(&self, engine: &Engine) -> Steps<Order> {
        let books = self.books.iter();
        Steps::new(
            engine,
            books.map(|book| book.clone() as Arc<dyn Participant>),
        )
    }

    fn faulty_store(&self) -> HookedStore {
        let faults = self.faults.clone();
        HookedStore::new(self.store.clone(), move |call, phase, _| {
            let faults = faults.clone();
            async move {
                match faults.pass(Site::Store(call), phase).await {
                    Some(mode) => Err(error(call, phase, mode)),
                    None => Ok(()),
                }
            }
        })
    }

    async fn has_ended(&self) -> bool {
        let looked = look(&self.engine(self.store.clone())).await;
        looked.is_some_and(|(_, plan)| {
            matches!(plan.standing(), Standing::Confirmed | Standing::Released)
        })
    }

    /// Lets a healthy process finish what is left, then compares plan, order and books.
    fn judge(&self) -> Result<(), String> {
        runtime().block_on(async {
            let engine = self.engine(self.store.clone());
            let steps = self.steps(&engine);
            let worker = Worker::new(&engine, WorkerOptions::default()).with([steps.handler()]);
            self.clock.advance(LEASE * 2);
            worker.drain().await.map_err(|error| error.to_string())?;
            let dead = worker.dead(1).await.map_err(|error| error.to_string())?;
            if !dead.is_empty() {
                return Err(format!("a dead letter: {dead:?}"));
            }
            let (order, plan) = look(&engine).await.ok_or("the order is gone")?;
            self.compare(&order, &plan)
        })
    }

    fn compare(&self, order: &Order, plan: &Plan) -> Result<(), String> {
        let end = plan.standing();
        if !self.life.ends().contains(&end) || order.end != Some(end) {
            let ends = self.life.ends();
            return Err(format!(
                "{order:?} and {plan:?} do not end as one of {ends:?}"
            ));
        }
        for (number, book) in self.books.iter().enumerate() {
            let entry = book.entry(&format!("{PLAN}.{number}"));
            let fits = match end {
                Standing::Confirmed => entry == Some(Entry::Kept),
                _ => matches!(entry, None | Some(Entry::LetGo)),
            };
            if !fits {
                return Err(format!("{end:?}, but step {number} is {entry:?}"));
            }
            if let Some(doubled) = book.doubled() {
                return Err(format!("more than once: {doubled}"));
            }
        }
        Ok(())
    }
}

fn error(call: Call, phase: Phase, mode: Mode) -> StoreErrorKind {
    let may_have_written = matches!(call, Call::Commit | Call::Settle);
    if may_have_written && (phase == Phase::After || mode == Mode::Mute) {
        StoreErrorKind::Unknown
    } else {
        StoreErrorKind::Unavailable
    }
}

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime")
}
