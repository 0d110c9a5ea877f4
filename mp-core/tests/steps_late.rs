//! What steps promise when a refusal comes after its step was held.
#![cfg(feature = "conformance")]

use std::{
    future::pending,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use mp_core::{
    Command, Document, Edits, Engine, Error, Family, Timestamp,
    clock::ManualClock,
    entropy::SeededEntropy,
    id::AppId,
    port::{Confirmed, Participant, Reserved},
    steps::{self, Home, Plan, Standing, Step, Steps, plan_key},
    store::{MemoryStore, Partition},
    work::{Worker, WorkerOptions},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::{sync::Notify, task::yield_now, time::timeout};

/// A home that waits with what is reserved until somebody wants it.
#[derive(Deserialize, Serialize)]
struct Shelf {}

impl Document for Shelf {
    const KIND: &'static str = "shelf";
    const FORMAT: u32 = 1;
}

impl Home for Shelf {
    const KIND: &'static str = "shelf.steps";

    fn reads(command: Command, _: &str) -> Command {
        command
    }

    fn react(
        _: &Family,
        _: &str,
        plan: Plan,
        _: Standing,
        _: Timestamp,
        _: &mut Edits,
    ) -> Result<Plan, Error> {
        Ok(plan)
    }
}

/// A participant whose first answer comes late, when what was held has lapsed; whoever calls its first
/// release dies of it.
#[derive(Debug, Default)]
struct Till {
    asked: AtomicU32,
    late: Notify,
    releases: Mutex<Vec<String>>,
    died: Notify,
}

#[async_trait]
impl Participant for Till {
    fn name(&self) -> &'static str {
        "till"
    }

    async fn reserve(
        &self,
        _: &AppId,
        _: &str,
        _: &Value,
        _: Timestamp,
    ) -> Result<Reserved, Error> {
        if self.asked.fetch_add(1, Ordering::SeqCst) > 0 {
            return Ok(Reserved::Reserved);
        }
        self.late.notified().await;
        Ok(Reserved::Refused("lapsed".into()))
    }

    async fn confirm(&self, _: &AppId, _: &str) -> Result<Confirmed, Error> {
        Ok(Confirmed::Confirmed)
    }

    async fn release(&self, _: &AppId, key: &str) -> Result<(), Error> {
        if self.note(key) == 1 {
            self.died.notify_one();
            pending::<()>().await;
        }
        Ok(())
    }
}

impl Till {
    fn releases(&self) -> MutexGuard<'_, Vec<String>> {
        self.releases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a release; returns how many there were.
    fn note(&self, key: &str) -> usize {
        let mut releases = self.releases();
        releases.push(key.to_owned());
        releases.len()
    }
}

const PLAN: &str = "p1";

fn partition() -> Partition {
    Partition::parse("test/shelf/1").expect("a well-formed id")
}

fn engine() -> Engine {
    let start = Timestamp::from_micros(1_800_000_000_000_000);
    let clock = Arc::new(ManualClock::at(start));
    let store = Arc::new(MemoryStore::new());
    Engine::new(store, clock, Arc::new(SeededEntropy::new(1)))
}

/// Starts a plan of two steps.
async fn start(engine: &Engine) {
    let decide = |_: &Family, now: Timestamp| {
        let minutes = |count: u64| now.plus(Duration::from_secs(60 * count));
        let steps = [2, 1].map(|until| Step::new("till", Value::Null, minutes(until)));
        let mut edits = Edits::new();
        edits.put_root(Shelf {});
        steps::put::<Shelf>(&mut edits, PLAN, Plan::new(steps.into())?, now)?;
        Ok::<_, Error>(edits.answer(()))
    };
    let command = Command::on(partition()).key(&plan_key(PLAN));
    engine.run(command, decide).await.expect("starts");
}

async fn standing(engine: &Engine) -> Standing {
    let command = Command::on(partition()).key(&plan_key(PLAN));
    let family = engine.read(command).await.expect("reads");
    let plan = family.get::<Plan>(&plan_key(PLAN)).expect("decodes");
    plan.expect("is there").standing()
}

#[tokio::test]
async fn what_a_late_refusal_takes_out_of_rest_is_driven_though_its_driver_dies() {
    let (engine, till) = (engine(), Arc::new(Till::default()));
    start(&engine).await;
    let steps = Steps::<Shelf>::new(&engine, [till.clone() as Arc<dyn Participant>]);
    let worker = Worker::new(&engine, WorkerOptions::default()).with([steps.handler()]);
    let late = tokio::spawn(async move { steps.drive(&partition(), PLAN).await });
    while till.asked.load(Ordering::SeqCst) == 0 {
        yield_now().await;
    }
    worker.drain().await.expect("works");
    assert_eq!(standing(&engine).await, Standing::Reserved);

    till.late.notify_one();
    let died = timeout(Duration::from_secs(10), till.died.notified()).await;
    died.expect("it lets go of what was held");
    late.abort();
    assert_eq!(standing(&engine).await, Standing::Releasing);

    worker.drain().await.expect("works");
    assert_eq!(standing(&engine).await, Standing::Released);
    assert_eq!(*till.releases(), ["p1.1", "p1.1"], "once in vain");
}
