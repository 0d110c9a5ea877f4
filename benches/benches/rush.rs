//! A rush on one hot partition: everybody joins one queue, everybody joins one group.
//!
//! Ours, durable on SQLite through the services, against the hand-written `BEGIN; SELECT; UPDATE;
//! INSERT; COMMIT` at its best number of tasks. Half of the commands are admitted and half refused,
//! and the two are told apart.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use mp_benches::{Side, SqliteFloor, Table, Throughput, take_turns};
use mp_core::{
    Caller, Engine, Error, Scope,
    amount::{Currency, Money},
    clock::SystemClock,
    entropy::SystemEntropy,
    id::AppId,
    port::{
        Notification, Notifier, SecureRequest, Secured, Settled, Settlement, SettlementKey,
        SettlementStatus,
    },
    store::{
        DueQuery, Key, Partition, Query, Selection, SlotSet, SqliteOptions, SqliteStore, Store,
    },
};
use mp_queue::{LaneSetup, LineId, LineSetup, QueueError, QueueOptions, Queues};
use mp_share::{GroupError, GroupId, Groups, Offers, Terms};
use tokio::runtime::Runtime;

/// How many places there are; as many commands again are refused.
const PLACES: u32 = 4_000;
const FLOOR_PLACES: u32 = 1_000;
const TASKS: [u32; 3] = [1, 16, 128];
const ROUNDS: usize = 9;

fn main() {
    let runtime = Runtime::new().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let floor = SqliteFloor::create(&folder.path().join("floor.db")).expect("the floor opens");
    let path = folder.path().join("ours.db");
    let store = SqliteStore::open(path, SqliteOptions::default()).expect("the store opens");
    let store: Arc<dyn Store> = Arc::new(store);
    let engine = Engine::new(
        store.clone(),
        Arc::new(SystemClock),
        Arc::new(SystemEntropy::new()),
    );

    for refused in [false, true] {
        let what = if refused { "refusals" } else { "admissions" };
        let rounds = Arc::new(AtomicU64::new(0));
        let tickets = TicketRush {
            engine: engine.clone(),
            round: rounds.clone(),
        };
        let groups = GroupRush::new(&engine, rounds);
        let mut sides = Vec::new();
        for tasks in TASKS {
            let (runtime, floor) = (&runtime, &floor);
            sides.push(Side::new(floor_name(tasks), move || {
                floor_round(runtime, floor, tasks, refused)
            }));
        }
        sides.push(Side::new(TICKETS, || tickets.run(&runtime, refused)));
        sides.push(Side::new(SEATS, || groups.run(&runtime, refused, false)));
        if !refused {
            sides.push(Side::new(JOINS, || groups.run(&runtime, refused, true)));
        }
        let table = take_turns(&format!("A rush on one partition: {what}"), ROUNDS, sides);
        println!("{table}");
        tell_ratios(&table);
    }
}

const TICKETS: &str = "tickets of one line, 128 tasks";
const SEATS: &str = "group seats, to be paid later, 128 tasks";
const JOINS: &str = "group joins with stock and payment, 128 tasks";

fn floor_name(tasks: u32) -> String {
    format!("floor: select, update, insert, {tasks} tasks")
}

fn tell_ratios(table: &Table) {
    let of = |name: &str| table.of(name).map(|throughput| throughput.per_second);
    let floors = TASKS.iter().filter_map(|tasks| of(&floor_name(*tasks)));
    let Some(best) = floors.max_by(f64::total_cmp) else {
        return;
    };
    for side in [TICKETS, SEATS, JOINS] {
        if let Some(per_second) = of(side) {
            println!("  {side}: {:.1}x the floor's best", per_second / best);
        }
    }
    println!();
}

/// Runs `calls` commands from 128 tasks and returns how fast they were.
async fn rush<F, R>(tasks: u32, calls: u32, command: F) -> Throughput
where
    F: Fn(u32) -> R + Send + Sync + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let command = Arc::new(command);
    let started = Instant::now();
    let running: Vec<_> = (0..tasks)
        .map(|task| {
            let command = command.clone();
            tokio::spawn(async move {
                let mut latencies = Vec::new();
                for number in (task..calls).step_by(tasks as usize) {
                    let started = Instant::now();
                    command(number).await;
                    latencies.push(started.elapsed());
                }
                latencies
            })
        })
        .collect();
    let mut latencies: Vec<Duration> = Vec::new();
    for task in running {
        latencies.extend(task.await.expect("a command panicked"));
    }
    let per_second = f64::from(calls) / started.elapsed().as_secs_f64();
    latencies.sort_unstable();
    Throughput {
        per_second,
        p99: latencies[latencies.len() * 99 / 100],
    }
}

fn floor_round(runtime: &Runtime, floor: &SqliteFloor, tasks: u32, refused: bool) -> Throughput {
    static ROUND: AtomicU64 = AtomicU64::new(0);
    let counter = format!("group-{}", ROUND.fetch_add(1, Ordering::Relaxed));
    let floor = floor.clone();
    runtime.block_on(async move {
        floor.open_counter(counter.clone(), FLOOR_PLACES).await;
        let join = |from: u32| {
            let (floor, counter) = (floor.clone(), counter.clone());
            move |number: u32| {
                let (floor, counter) = (floor.clone(), counter.clone());
                async move {
                    let joined = floor.join(counter, format!("user-{}", from + number)).await;
                    assert_eq!(joined, from + number < FLOOR_PLACES);
                }
            }
        };
        let admissions = rush(tasks, FLOOR_PLACES, join(0)).await;
        if refused {
            rush(tasks, FLOOR_PLACES, join(FLOOR_PLACES)).await
        } else {
            admissions
        }
    })
}

struct TicketRush {
    engine: Engine,
    round: Arc<AtomicU64>,
}

impl TicketRush {
    fn run(&self, runtime: &Runtime, refused: bool) -> Throughput {
        let queue = format!(
            "queue-{refused}-{}",
            self.round.fetch_add(1, Ordering::Relaxed)
        );
        // It is never over, whenever this runs.
        let day = "9999-12-31".parse().expect("a day");
        let line = LineId::new(queue.parse().expect("a name"), day);
        let queues = Queues::new(&self.engine, &QueueOptions::default());
        runtime.block_on(async {
            self.open(&queues, &line).await;
            let before = self.rows(&line).await;
            let admissions = rush(128, PLACES, join(&queues, &line, 0)).await;
            let rows = self.rows(&line).await - before;
            if !refused {
                println!(
                    "  rows written per ticket: {:.2}",
                    rows as f64 / f64::from(PLACES)
                );
                return admissions;
            }
            rush(128, PLACES, join(&queues, &line, PLACES)).await
        })
    }

    async fn open(&self, queues: &Queues, line: &LineId) {
        let app = "market".parse().expect("an app");
        let staff = Caller::user(app, "chef".parse().expect("a user")).with_scope(Scope::STAFF);
        let lane = LaneSetup::new("A".parse().expect("a letter"), 1, 9);
        let mut setup = LineSetup::new(vec![lane]);
        setup.tickets_max = PLACES;
        let key = "open".parse().expect("a key");
        queues
            .open_line(&staff, line, setup, &key)
            .await
            .expect("opens");
    }

    async fn rows(&self, line: &LineId) -> usize {
        records(&self.engine, &format!("market/line/{line}")).await
    }
}

async fn records(engine: &Engine, partition: &str) -> usize {
    let partition = Partition::parse(partition).expect("a partition");
    let query = Query {
        select: vec![Selection::Prefix(Key::root())],
        limit: 100_000,
    };
    let view = engine.store().read(&partition, &query).await;
    view.expect("reads").records.len()
}

/// Counts the work that waits in a group for a worker.
async fn deliveries(engine: &Engine, partition: &str) -> usize {
    let partition = Partition::parse(partition).expect("a partition");
    let mut found = 0;
    for kind in ["group.plan", "group.steps"] {
        let query = DueQuery {
            slots: SlotSet::NONE.with(partition.slot()),
            kind: kind.to_owned(),
            now: engine.now(),
            lease: Duration::ZERO,
            limit: 10_000,
        };
        let due = engine.store().due(&query).await.expect("asks");
        found += due
            .iter()
            .filter(|work| work.partition == partition)
            .count();
    }
    found
}

fn join(
    queues: &Queues,
    line: &LineId,
    from: u32,
) -> impl Fn(u32) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync + 'static {
    let (queues, line) = (queues.clone(), line.clone());
    move |number| {
        let (queues, line) = (queues.clone(), line.clone());
        Box::pin(async move {
            let user = format!("user-{}", from + number).parse().expect("a user");
            let visitor = Caller::user("market".parse().expect("an app"), user);
            let key = "join".parse().expect("a key");
            match queues.join(&visitor, &line, 2, &key).await {
                Ok(_) => assert!(from == 0),
                Err(QueueError::LineFull { .. }) => assert!(from > 0),
                Err(error) => panic!("{error}"),
            }
        })
    }
}

/// Everybody joins one group of an offer.
struct GroupRush {
    engine: Engine,
    groups: Groups,
    round: Arc<AtomicU64>,
}

impl GroupRush {
    fn new(engine: &Engine, round: Arc<AtomicU64>) -> Self {
        let money = Arc::new(ReadyMoney);
        Self {
            engine: engine.clone(),
            groups: Groups::new(engine, Offers::new(engine), money.clone(), money),
            round,
        }
    }

    fn run(&self, runtime: &Runtime, refused: bool, paid: bool) -> Throughput {
        let round = self.round.fetch_add(1, Ordering::Relaxed);
        runtime.block_on(async {
            let group = self.open(&format!("{refused}-{paid}-{round}")).await;
            let partition = format!("market/group/{group}");
            let before = records(&self.engine, &partition).await;
            let messages = deliveries(&self.engine, &partition).await;
            // The opener has the first of the places.
            let admitted = PLACES - 1;
            let admissions = rush(128, admitted, self.seat(group, 0, paid)).await;
            if !refused && !paid {
                let rows = records(&self.engine, &partition).await - before;
                let rows = rows as f64 / f64::from(admitted);
                let messages = deliveries(&self.engine, &partition).await - messages;
                println!("  rows per seat: {rows:.2} records; for all seats: {messages} delivery");
            }
            if !refused {
                return admissions;
            }
            rush(128, PLACES, self.seat(group, PLACES, paid)).await
        })
    }

    async fn open(&self, round: &str) -> GroupId {
        let key = round.parse().expect("a key");
        let merchant = caller("merchant");
        let terms = Terms {
            title: "Premiere".parse().expect("a label"),
            price: Money::new(1_200, Currency::EUR),
            group_price: Money::new(900, Currency::EUR),
            group_size: PLACES,
            seat_hold: Duration::from_secs(600),
            group_duration: Duration::from_secs(3_600),
            pieces: PLACES,
            each_max: None,
        };
        let offer = self.groups.offers().create(&merchant, &terms, &key).await;
        let offer = offer.expect("creates").id;
        let group = self.groups.open(&caller("opener"), offer, &key).await;
        group.expect("opens").group
    }

    fn seat(
        &self,
        group: GroupId,
        from: u32,
        paid: bool,
    ) -> impl Fn(u32) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync + 'static
    {
        let groups = self.groups.clone();
        move |number| {
            let groups = groups.clone();
            Box::pin(async move {
                let caller = caller(&format!("user-{}", from + number));
                let key = "join".parse().expect("a key");
                let taken = if paid {
                    groups.join(&caller, group, &key).await.map(drop)
                } else {
                    groups.take_seat(&caller, group, &key).await.map(drop)
                };
                match taken {
                    Ok(()) => assert!(from == 0),
                    Err(GroupError::Full) => assert!(from > 0),
                    Err(error) => panic!("{error}"),
                }
            })
        }
    }
}

fn caller(user: &str) -> Caller {
    let app = "market".parse().expect("an app");
    Caller::user(app, user.parse().expect("a user"))
}

/// Money that is there at once: what a join costs without the bank's time.
#[derive(Debug)]
struct ReadyMoney;

#[async_trait]
impl Settlement for ReadyMoney {
    async fn secure(&self, _: &SecureRequest) -> Result<Secured, Error> {
        Ok(Secured::Secured)
    }

    async fn settle(&self, _: &AppId, _: &SettlementKey) -> Result<Settled, Error> {
        Ok(Settled::Settled)
    }

    async fn release(&self, _: &AppId, _: &SettlementKey) -> Result<(), Error> {
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
        Ok(SettlementStatus::Secured)
    }
}

#[async_trait]
impl Notifier for ReadyMoney {
    async fn notify(&self, _: &Notification) -> Result<(), Error> {
        Ok(())
    }
}
