//! What steps promise when processes race, clocks disagree, and releases of the suite mix.
#![cfg(feature = "conformance")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use mp_core::{
    Command, Document, Edits, Engine, Error, Family, Timestamp,
    amount::Money,
    clock::ManualClock,
    entropy::SeededEntropy,
    id::AppId,
    port::{
        Confirmed, Participant, Reserved, SecureRequest, Secured, Settled, Settlement,
        SettlementKey, SettlementStatus,
    },
    steps::{self, Home, PaymentParticipant, Plan, Request, Seen, Standing, Step, Steps, plan_key},
    store::{Batch, CommitId, Key, MemoryStore, Partition, Query, Selection, Store, Write},
    work::{ATTEMPTS_MAX, Done, Worker, WorkerOptions},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use mp_core::conformance::{Call, HookedStore, Phase};

/// A home that confirms whatever is reserved.
#[derive(Deserialize, Serialize)]
struct Basket {}

impl Document for Basket {
    const KIND: &'static str = "basket";
    const FORMAT: u32 = 1;
}

impl Home for Basket {
    const KIND: &'static str = "basket.steps";

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
        match plan.standing() {
            Standing::Reserved => plan.confirm(),
            _ => Ok(plan),
        }
    }
}

/// A participant that reserves and confirms when it is told that it may.
#[derive(Debug, Default)]
struct Till {
    reserves: AtomicBool,
    confirms: AtomicBool,
    calls: AtomicU32,
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
        self.calls.fetch_add(1, Ordering::SeqCst);
        match self.reserves.load(Ordering::SeqCst) {
            true => Ok(Reserved::Reserved),
            false => Ok(Reserved::Pending(Value::Null)),
        }
    }

    async fn confirm(&self, _: &AppId, _: &str) -> Result<Confirmed, Error> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        match self.confirms.load(Ordering::SeqCst) {
            true => Ok(Confirmed::Confirmed),
            false => Ok(Confirmed::Pending),
        }
    }

    async fn release(&self, _: &AppId, _: &str) -> Result<(), Error> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

const PLAN: &str = "p1";

/// For how long the plan of a test may reserve.
const HOLD: Duration = Duration::from_secs(60);

fn partition() -> Partition {
    Partition::parse("test/basket/1").expect("a well-formed id")
}

fn engine(store: Arc<dyn Store>) -> (Engine, Arc<ManualClock>) {
    let start = Timestamp::from_micros(1_800_000_000_000_000);
    let clock = Arc::new(ManualClock::at(start));
    let engine = Engine::new(store, clock.clone(), Arc::new(SeededEntropy::new(1)));
    (engine, clock)
}

fn steps(engine: &Engine, till: &Arc<Till>) -> Steps<Basket> {
    Steps::new(engine, [till.clone() as Arc<dyn Participant>])
}

async fn start(engine: &Engine) {
    begin(engine, "till", Value::Null.into(), HOLD).await;
}

/// Starts a plan of one step.
async fn begin(engine: &Engine, participant: &'static str, request: Request, hold: Duration) {
    let decide = move |_: &Family, now: Timestamp| {
        let step = Step::new(participant, request.clone(), now.plus(hold));
        let mut edits = Edits::new();
        edits.put_root(Basket {});
        steps::put::<Basket>(&mut edits, PLAN, Plan::new(vec![step])?, now)?;
        Ok::<_, Error>(edits.answer(()))
    };
    let command = Command::on(partition()).key(&plan_key(PLAN));
    engine.run(command, decide).await.expect("starts");
}

async fn standing(engine: &Engine) -> Standing {
    plan_of(engine).await.standing()
}

async fn plan_of(engine: &Engine) -> Arc<Plan> {
    let command = Command::on(partition()).key(&plan_key(PLAN));
    let family = engine.read(command).await.expect("reads");
    let plan = family.get::<Plan>(&plan_key(PLAN)).expect("decodes");
    plan.expect("is there")
}

#[tokio::test]
async fn an_expiry_that_comes_too_late_does_not_undo_what_was_confirmed_meanwhile() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let till = Arc::new(Till::default());
    let (prompt, _) = engine(store.clone());
    start(&prompt).await;
    let other = steps(&prompt, &till);
    other.drive(&partition(), PLAN).await.expect("drives");
    till.reserves.store(true, Ordering::SeqCst);
    till.confirms.store(true, Ordering::SeqCst);

    // The late process finds the plan expired; before it says so, the prompt one confirms.
    let reads = AtomicU32::new(0);
    let meanwhile = move |call: Call, phase: Phase, _: Option<&Partition>| {
        let second = call == Call::Read
            && phase == Phase::Before
            && reads.fetch_add(1, Ordering::SeqCst) == 1;
        let other = other.clone();
        async move {
            if second {
                other.drive(&partition(), PLAN).await.expect("drives");
            }
            Ok(())
        }
    };
    let (late, clock) = engine(Arc::new(HookedStore::new(store, meanwhile)));
    clock.advance(HOLD);
    let done = steps(&late, &till).drive(&partition(), PLAN).await;
    assert_eq!(done.expect("drives"), Done::Finished);
    assert_eq!(standing(&prompt).await, Standing::Confirmed);
}

#[tokio::test]
async fn a_confirmation_that_stays_pending_past_its_time_is_asked_for_now_and_then() {
    let till = Arc::new(Till::default());
    till.reserves.store(true, Ordering::SeqCst);
    let (engine, clock) = engine(Arc::new(MemoryStore::new()));
    start(&engine).await;
    let handler = steps(&engine, &till).handler();
    let worker = Worker::new(&engine, WorkerOptions::default()).with([handler]);
    worker.turn().await.expect("works");
    clock.advance(HOLD * 2);
    for _ in 0..10 {
        worker.turn().await.expect("works");
    }
    let calls = till.calls.swap(0, Ordering::SeqCst);
    assert!(calls <= 3, "{calls} calls at two moments");
    till.confirms.store(true, Ordering::SeqCst);
    clock.advance(HOLD);
    worker.drain().await.expect("works");
    assert_eq!(standing(&engine).await, Standing::Confirmed);
}

/// A participant whose first answer is an error that comes late; it holds what is asked after that.
#[derive(Debug, Default)]
struct SlowTill {
    asked: AtomicU32,
    released: AtomicU32,
    late: tokio::sync::Notify,
}

#[async_trait]
impl Participant for SlowTill {
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
        Err(Error::invalid("request", "is not understood here"))
    }

    async fn confirm(&self, _: &AppId, _: &str) -> Result<Confirmed, Error> {
        Ok(Confirmed::Confirmed)
    }

    async fn release(&self, _: &AppId, _: &str) -> Result<(), Error> {
        self.released.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

#[tokio::test]
async fn an_error_that_comes_too_late_does_not_undo_what_was_confirmed_meanwhile() {
    let till = Arc::new(SlowTill::default());
    let (engine, _) = engine(Arc::new(MemoryStore::new()));
    start(&engine).await;
    let steps = Steps::<Basket>::new(&engine, [till.clone() as Arc<dyn Participant>]);
    let place = partition();
    let prompt = async {
        while till.asked.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        steps.drive(&place, PLAN).await.expect("drives");
        assert_eq!(standing(&engine).await, Standing::Confirmed);
        till.late.notify_one();
    };
    let (late, ()) = tokio::join!(steps.drive(&place, PLAN), prompt);
    assert_eq!(late.expect("drives"), Done::Finished);
    assert_eq!(standing(&engine).await, Standing::Confirmed);
    assert_eq!(till.released.load(Ordering::SeqCst), 0);
}

/// Returns a worker of a process that knows these participants.
fn worker(engine: &Engine, known: &[Arc<dyn Participant>]) -> Worker {
    let steps = Steps::<Basket>::new(engine, known.iter().cloned());
    Worker::new(engine, WorkerOptions::default()).with([steps.handler()])
}

#[tokio::test]
async fn a_participant_that_is_not_known_here_is_left_to_a_process_that_knows_it() {
    let till: Arc<dyn Participant> = Arc::new(Till {
        reserves: true.into(),
        confirms: true.into(),
        calls: AtomicU32::default(),
    });
    let (engine, clock) = engine(Arc::new(MemoryStore::new()));
    start(&engine).await;
    let older = worker(&engine, &[]);
    // As often as a step that pends, and without the growing pauses of what fails.
    for _ in 0..10 {
        assert_eq!(older.turn().await.expect("works"), 1, "the work stays");
        clock.advance(Duration::from_secs(5));
    }
    assert!(older.dead(1).await.expect("lists").is_empty());
    worker(&engine, &[till]).drain().await.expect("works");
    assert_eq!(standing(&engine).await, Standing::Confirmed);
}

#[tokio::test]
async fn a_participant_that_nobody_knows_is_listed_in_the_end() {
    let (engine, clock) = engine(Arc::new(MemoryStore::new()));
    start(&engine).await;
    let worker = worker(&engine, &[]);
    for _ in 0..ATTEMPTS_MAX {
        assert!(worker.dead(1).await.expect("lists").is_empty());
        clock.advance(Duration::from_secs(60 * 60));
        worker.turn().await.expect("works");
    }
    let dead = worker.dead(2).await.expect("lists");
    assert_eq!(dead.len(), 1);
    let error = dead[0].last_error.as_deref().unwrap_or_default();
    assert!(error.contains("no participant is named till"), "{error}");
}

/// Rewrites a piece of the stored plan, as a newer release might.
async fn rewrite(store: &dyn Store, from: &str, to: &str) {
    let key = Key::new(&plan_key(PLAN)).expect("a well-formed key");
    let select = vec![Selection::Key(key.clone())];
    let query = Query { select, limit: 1 };
    let view = store.read(&partition(), &query).await.expect("reads");
    let text = String::from_utf8_lossy(&view.records[1].value).replacen(from, to, 1);
    let value = text.into_bytes().into();
    let batch = Batch {
        expect: view.head,
        commit_id: CommitId::random(),
        at: view.at,
        writes: vec![Write::put(key, value)],
    };
    store.commit(&partition(), batch).await.expect("commits");
}

#[tokio::test]
async fn a_plan_that_a_newer_release_moved_on_is_left_to_it() {
    let newer_state = (r#""state":"planned""#, r#""state":"mortgaged""#);
    let newer_standing = (r#""standing":"reserving""#, r#""standing":"auctioned""#);
    let releasing = (r#""standing":"reserving""#, r#""standing":"releasing""#);
    for changes in [
        vec![newer_state],
        vec![newer_standing],
        vec![newer_state, releasing],
    ] {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let till = Arc::new(Till::default());
        let (engine, clock) = engine(store.clone());
        start(&engine).await;
        for (from, to) in &changes {
            rewrite(&*store, from, to).await;
        }
        let handler = steps(&engine, &till).handler();
        let worker = Worker::new(&engine, WorkerOptions::default()).with([handler]);
        for _ in 0..3 {
            let turn = tokio::time::timeout(Duration::from_secs(5), worker.turn()).await;
            let handled = turn.expect("does not spin").expect("works");
            assert_eq!(handled, 1, "the work stays for the newer release");
            clock.advance(Duration::from_secs(10));
        }
        assert_eq!(till.calls.load(Ordering::SeqCst), 0, "{changes:?}");
    }
}

#[tokio::test]
async fn a_plan_that_no_newer_release_takes_up_is_listed_in_the_end() {
    for newer in [
        (r#""state":"planned""#, r#""state":"mortgaged""#),
        (r#""standing":"reserving""#, r#""standing":"auctioned""#),
    ] {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let (engine, clock) = engine(store.clone());
        start(&engine).await;
        rewrite(&*store, newer.0, newer.1).await;
        let worker = worker(&engine, &[]);
        worker.turn().await.expect("works");
        for _ in 0..ATTEMPTS_MAX {
            assert!(worker.dead(1).await.expect("lists").is_empty());
            clock.advance(Duration::from_secs(60 * 60));
            worker.turn().await.expect("works");
        }
        let dead = worker.dead(2).await.expect("lists");
        assert_eq!(dead.len(), 1, "{newer:?}");
        let error = dead[0].last_error.as_deref().unwrap_or_default();
        assert!(error.contains("a newer release"), "{error}");
    }
}

#[tokio::test]
async fn a_plan_that_a_newer_release_moved_on_is_not_written_again() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let (engine, _) = engine(store.clone());
    start(&engine).await;
    rewrite(&*store, r#""state":"planned""#, r#""state":"mortgaged""#).await;
    let release = |family: &Family, now: Timestamp| {
        let plan = family.get::<Plan>(&plan_key(PLAN))?.expect("is there");
        let mut edits = Edits::new();
        edits.put_root(Basket {});
        steps::put::<Basket>(&mut edits, PLAN, plan.release(), now)?;
        Ok::<_, Error>(edits.answer(()))
    };
    let command = Command::on(partition()).key(&plan_key(PLAN));
    let refused = engine.run(command, release).await.expect_err("is refused");
    assert_eq!(refused.code(), "newer_release");
    let key = Key::new(&plan_key(PLAN)).expect("a well-formed key");
    let select = vec![Selection::Key(key)];
    let view = store.read(&partition(), &Query { select, limit: 1 }).await;
    let text = view.expect("reads").records.remove(1).value;
    assert!(String::from_utf8_lossy(&text).contains("mortgaged"));
}

/// A payment provider that never says what became of anything, and lets go of all.
#[derive(Debug, Default)]
struct Mute {
    asked: AtomicU32,
    released: AtomicU32,
}

#[async_trait]
impl Settlement for Mute {
    async fn secure(&self, _: &SecureRequest) -> Result<Secured, Error> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Ok(Secured::Unknown)
    }

    async fn settle(&self, _: &AppId, _: &SettlementKey) -> Result<Settled, Error> {
        Ok(Settled::Unknown)
    }

    async fn release(&self, _: &AppId, _: &SettlementKey) -> Result<(), Error> {
        self.released.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    async fn give_back(
        &self,
        _: &AppId,
        _: &SettlementKey,
        _: &SettlementKey,
        _: Money,
    ) -> Result<(), Error> {
        Ok(())
    }

    async fn status(&self, _: &AppId, _: &SettlementKey) -> Result<SettlementStatus, Error> {
        Ok(SettlementStatus::Pending)
    }
}

#[tokio::test]
async fn a_payment_that_stays_unknown_for_hours_is_asked_for_until_its_time_and_then_released() {
    let (engine, clock) = engine(Arc::new(MemoryStore::new()));
    let amount = Money::new(12_800, "HKD".parse().expect("a currency"));
    let request = PaymentParticipant::request(&"ann".parse().expect("a user"), amount);
    let hold = Duration::from_secs(6 * 60 * 60);
    begin(
        &engine,
        PaymentParticipant::NAME,
        request.expect("is JSON"),
        hold,
    )
    .await;
    let mute = Arc::new(Mute::default());
    let payments: Arc<dyn Participant> = Arc::new(PaymentParticipant::new(mute.clone()));
    let steps = Steps::<Basket>::new(&engine, [payments]);
    let worker = Worker::new(&engine, WorkerOptions::default()).with([steps.handler()]);
    let minute = Duration::from_secs(60);
    for _ in 0..3 * 60 {
        worker.drain().await.expect("works");
        clock.advance(minute);
    }
    assert!(worker.dead(1).await.expect("lists").is_empty());
    assert_eq!(standing(&engine).await, Standing::Reserving);
    assert_eq!(mute.released.load(Ordering::SeqCst), 0);
    let plan = plan_of(&engine).await;
    assert_eq!(plan.steps()[0].detail, None, "nobody has anything to do");
    for _ in 0..=3 * 60 {
        worker.drain().await.expect("works");
        clock.advance(minute);
    }
    assert!(worker.dead(1).await.expect("lists").is_empty());
    assert_eq!(standing(&engine).await, Standing::Released);
    assert_eq!(mute.released.load(Ordering::SeqCst), 1);
    assert!(mute.asked.load(Ordering::SeqCst) > 6 * 50, "now and then");
}

#[test]
fn what_a_pending_step_waits_for_is_what_was_seen_last() {
    let until = Timestamp::from_micros(1_800_000_000_000_000);
    let plan = Plan::new(vec![Step::new("till", Value::Null, until)]).expect("well-formed");
    let plan = plan.observe(0, &Seen::Pending("sign in".into()));
    let plan = plan.observe(0, &Seen::Pending("enter the code".into()));
    assert_eq!(plan.steps()[0].detail, Some("enter the code".into()));
    let plan = plan.observe(0, &Seen::Reserved);
    assert_eq!(plan.steps()[0].detail, None);
    let late = plan.observe(0, &Seen::Pending("sign in".into()));
    assert_eq!(late, plan, "a late answer changes nothing");
}
