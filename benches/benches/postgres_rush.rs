//! A rush on one hot row: everybody takes a place and becomes a member, on PostgreSQL.
//!
//! Ours through the engine, from one process, from two and from four, 128 tasks in all; against
//! what is written by hand through the same driver: select for update in a transaction, and the best
//! single statement. The floor is the server alone: the rows of 128 joins in one statement, from two
//! sessions in turn, so that one is made ready while the other's log is flushed; and from one session
//! those of 64, which is what is left for 128 callers of whom half are told, and come again, while
//! the others are committed, and those of 32, for the 64 callers of one process of two in its turn.
//! And a bare combiner, a channel and one compare-and-set for whoever has come, shows what can be
//! had of it: alone, and two of them that know nothing of each other.
//!
//! Promises, durable on acknowledgement, 128 tasks each: at least 100 times select for update and 50
//! times the single statement from one process, and 40 and 20 times select for update from two and
//! four, which know nothing of each other.

use std::{
    env,
    io::{BufRead, BufReader, Write, stdin},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use mp_benches::{
    BATCH, Bound, Combiner, Load, PostgresFloor, Promise, Side, Table, Throughput, postgres,
    take_turns,
};
use mp_core::{
    Command as Decide, Decision, Document, Edits, Engine, Error, Family,
    clock::SystemClock,
    entropy::SystemEntropy,
    store::{Partition, PostgresOptions, PostgresStore},
};
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

const TASKS: [usize; 3] = [1, 16, 128];
const SPAN: Duration = Duration::from_secs(1);
const ROUNDS: usize = 5;

const LOCKED: &str = "select for update, insert, update";
const SINGLE: &str = "single statement";
const SERVER: &str = "the server alone, 128 joins a statement";
const HALVES: &str = "the server alone, 64 joins a statement";
const QUARTERS: &str = "the server alone, 32 joins a statement";
const BARE: &str = "a bare combiner, 128 tasks";
const BARE_TWO: &str = "two bare combiners, 128 tasks";
const KNOWN: &str = "Engine, 128 tasks, members in memory";

/// Where a child finds the database.
const CHILD: &str = "MP_RUSH_DATABASE";

fn main() {
    let runtime = Runtime::new().expect("a runtime");
    if let Ok(url) = env::var(CHILD) {
        return serve(&runtime, &url);
    }
    let database = runtime.block_on(postgres());
    let floor = runtime.block_on(PostgresFloor::create(database.url()));
    let floor = floor.expect("the floor's tables");
    let one = Rush::connect(&runtime, database.url());
    let mut several =
        [2, 4].map(|processes| (processes, Fellows::start(processes, database.url())));
    let client = runtime.block_on(database.client());
    runtime
        .block_on(client.batch_execute("VACUUM ANALYZE"))
        .expect("statistics");

    let rushes = AtomicU64::new(0);
    let next = || rushes.fetch_add(1, Ordering::Relaxed);
    let mut sides = Vec::new();
    for kind in [LOCKED, SINGLE] {
        for tasks in TASKS {
            let (runtime, floor, next) = (&runtime, &floor, &next);
            sides.push(Side::new(by_hand(kind, tasks), move || {
                floor_round(runtime, floor, kind == LOCKED, next(), tasks)
            }));
        }
    }
    for (name, sessions, joins) in [
        (SERVER, 2, BATCH),
        (HALVES, 1, BATCH / 2),
        (QUARTERS, 1, BATCH / 4),
    ] {
        let (runtime, floor, next) = (&runtime, &floor, &next);
        sides.push(Side::new(name, move || {
            server_round(runtime, floor, next(), sessions, joins)
        }));
    }
    for (name, combiners) in [(BARE, 1), (BARE_TWO, 2)] {
        let (runtime, floor, next) = (&runtime, &floor, &next);
        sides.push(Side::new(name, move || {
            bare_round(runtime, floor, next(), combiners)
        }));
    }
    for (name, members) in [
        (ours(1), Members::Asked),
        (KNOWN.to_owned(), Members::Known),
    ] {
        let (runtime, one, next) = (&runtime, &one, &next);
        sides.push(Side::new(name, move || {
            one.round(runtime, next(), 128, members)
        }));
    }
    for (processes, fellows) in &mut several {
        let next = &next;
        sides.push(Side::new(ours(*processes), move || {
            fellows.round(next(), 128)
        }));
    }
    let table = take_turns("A rush on one row of PostgreSQL", ROUNDS, sides);
    println!("{table}");
    for promise in promises(&table) {
        println!("{promise}");
    }
}

fn by_hand(kind: &str, tasks: usize) -> String {
    format!("{kind}, {tasks} tasks")
}

fn ours(processes: usize) -> String {
    let word = if processes == 1 {
        "process"
    } else {
        "processes"
    };
    format!("Engine, 128 tasks in {processes} {word}")
}

fn promises(table: &Table) -> Vec<Promise> {
    let of = |side: String| Some(table.of(&side)?.per_second);
    let ratio = |processes, kind| Some(of(ours(processes))? / of(by_hand(kind, 128))?);
    vec![
        Promise::new(
            "one process, of select for update",
            ratio(1, LOCKED),
            Bound::Times(100.0),
        ),
        Promise::new(
            "one process, of the single statement",
            ratio(1, SINGLE),
            Bound::Times(50.0),
        ),
        Promise::new(
            "two processes, of select for update",
            ratio(2, LOCKED),
            Bound::Times(40.0),
        ),
        Promise::new(
            "four processes, of select for update",
            ratio(4, LOCKED),
            Bound::Times(20.0),
        ),
    ]
}

fn floor_round(
    runtime: &Runtime,
    floor: &PostgresFloor,
    locked: bool,
    number: u64,
    tasks: usize,
) -> Throughput {
    let counter = format!("rush-{number}");
    let opened = floor.open_counter(&counter, i64::MAX);
    runtime.block_on(opened).expect("opens");
    let floor = floor.clone();
    Load { tasks, span: SPAN }.run(runtime, move |task, turn| {
        let (floor, counter) = (floor.clone(), counter.clone());
        async move {
            let user = format!("user-{task}-{turn}");
            let joined = if locked {
                floor.join(&counter, &user).await
            } else {
                floor.join_in_one(&counter, &user).await
            };
            assert!(joined.expect("the floor works"), "there is room for all");
        }
    })
}

fn server_round(
    runtime: &Runtime,
    floor: &PostgresFloor,
    number: u64,
    tasks: usize,
    joins: usize,
) -> Throughput {
    let counter = format!("rush-{number}");
    let opened = floor.open_counter(&counter, i64::MAX);
    runtime.block_on(opened).expect("opens");
    let floor = floor.clone();
    let users = i64::try_from(joins).expect("a few");
    let statements = Load { tasks, span: SPAN }.run(runtime, move |_, _| {
        let (floor, counter) = (floor.clone(), counter.clone());
        async move { floor.joins(&counter, users).await.expect("the floor works") }
    });
    statements.of_many(joins)
}

fn bare_round(
    runtime: &Runtime,
    floor: &PostgresFloor,
    number: u64,
    combiners: usize,
) -> Throughput {
    let counter = format!("rush-{number}");
    let opened = floor.open_counter(&counter, i64::MAX);
    runtime.block_on(opened).expect("opens");
    let entered = runtime.enter();
    let start = |_| Combiner::start(floor.clone(), counter.clone());
    let combiners: Arc<[Combiner]> = (0..combiners).map(start).collect();
    drop(entered);
    let load = Load {
        tasks: 128,
        span: SPAN,
    };
    load.run(runtime, move |task, turn| {
        let combiner = combiners[task % combiners.len()].clone();
        async move {
            combiner.join(format!("user-{task}-{turn}")).await;
        }
    })
}

#[derive(Deserialize, Serialize)]
struct Counter {
    taken: u64,
}

impl Document for Counter {
    const KIND: &'static str = "counter";
    const FORMAT: u32 = 1;
}

#[derive(Deserialize, Serialize)]
struct Member {
    number: u64,
}

impl Document for Member {
    const KIND: &'static str = "member";
    const FORMAT: u32 = 1;
}

/// One process's way to the rush.
struct Rush(Engine);

impl Rush {
    fn connect(runtime: &Runtime, url: &str) -> Self {
        let store = runtime.block_on(PostgresStore::connect(url, PostgresOptions::default()));
        let store = Arc::new(store.expect("connects"));
        let entropy = Arc::new(SystemEntropy::new());
        Self(Engine::new(store, Arc::new(SystemClock), entropy))
    }

    fn round(&self, runtime: &Runtime, number: u64, tasks: usize, members: Members) -> Throughput {
        let rush = Partition::parse(&format!("market/rush/{number}")).expect("an id");
        let process = std::process::id();
        let engine = self.0.clone();
        Load { tasks, span: SPAN }.run(runtime, move |task, turn| {
            let (engine, rush) = (engine.clone(), rush.clone());
            async move {
                let user = format!("user-{process}-{task}-{turn}");
                join(&engine, rush, &user, members).await.expect("joins");
            }
        })
    }
}

/// How a decision knows that a user is no member yet.
#[derive(Clone, Copy, Debug)]
enum Members {
    /// It reads that one record, before each commit those of all who come.
    Asked,
    /// It has read all members once, as the seats of a group are.
    Known,
}

/// Takes a place if the user has none, as the statements of the floor do.
async fn join(
    engine: &Engine,
    rush: Partition,
    user: &str,
    members: Members,
) -> Result<u64, Error> {
    let key = format!("m/{user}");
    let command = Decide::on(rush);
    let command = match members {
        Members::Asked => command.key(&key),
        Members::Known => command.prefix("m/"),
    };
    let decide = move |family: &Family, _| -> Result<Decision<u64>, Error> {
        if let Some(member) = family.get::<Member>(&key)? {
            return Ok(Decision::unchanged(member.number));
        }
        let number = family.root::<Counter>()?.map_or(0, |counter| counter.taken) + 1;
        let mut edits = Edits::new();
        edits.put_root(Counter { taken: number });
        edits.put(&key, Member { number });
        Ok(edits.answer(number))
    };
    Ok(engine.run(command, decide).await?.answer)
}

/// Processes that are this program again.
struct Fellows(Vec<Fellow>);

struct Fellow {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Fellows {
    fn start(processes: usize, url: &str) -> Self {
        let start = |_| {
            let mut child = Command::new(env::current_exe().expect("this program has a file"))
                .env(CHILD, url)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .expect("a process starts");
            let orders = child.stdin.take().expect("a pipe");
            let answers = BufReader::new(child.stdout.take().expect("a pipe"));
            Fellow {
                child,
                orders,
                answers,
            }
        };
        Self((0..processes).map(start).collect())
    }

    /// Lets so many tasks, shared out evenly, join one rush at the same time.
    fn round(&mut self, number: u64, tasks: usize) -> Throughput {
        let each = tasks / self.0.len();
        for fellow in &mut self.0 {
            writeln!(fellow.orders, "{number} {each}").expect("a process listens");
        }
        let rounds = self.0.iter_mut().map(Fellow::answer);
        let nothing = Throughput {
            per_second: 0.0,
            p99: Duration::ZERO,
        };
        rounds.fold(nothing, |sum, one| Throughput {
            per_second: sum.per_second + one.per_second,
            p99: sum.p99.max(one.p99),
        })
    }
}

impl Fellow {
    fn answer(&mut self) -> Throughput {
        let mut line = String::new();
        self.answers
            .read_line(&mut line)
            .expect("a process answers");
        let (per_second, p99) = line.trim().split_once(' ').expect("two figures");
        Throughput {
            per_second: per_second.parse().expect("a rate"),
            p99: Duration::from_secs_f64(p99.parse().expect("seconds")),
        }
    }
}

impl Drop for Fellows {
    fn drop(&mut self) {
        for Fellow { child, .. } in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// In a child: carries out rounds as they are ordered.
fn serve(runtime: &Runtime, url: &str) {
    let rush = Rush::connect(runtime, url);
    for order in stdin().lines().map_while(Result::ok) {
        let (number, tasks) = order.split_once(' ').expect("two numbers");
        let (number, tasks) = (number.parse(), tasks.parse());
        let (number, tasks) = (number.expect("a rush"), tasks.expect("tasks"));
        let round = rush.round(runtime, number, tasks, Members::Asked);
        println!("{} {}", round.per_second, round.p99.as_secs_f64());
    }
}
