use std::{
    env, io,
    process::{Child, Command, Stdio, exit},
    sync::{Arc, Mutex, PoisonError},
};

use mp_core::{
    conformance::broken::{Broken, IgnoresTheHead},
    store::Store,
    work::{Worker, WorkerOptions},
};
use mp_pay::ledger::Ledger;
use tokio::{runtime::Runtime, sync::watch, task::JoinSet};

use crate::{order::Order, target::Target, town};

/// Where a child finds its store.
const STORE: &str = "MP_LEDGER_STORE";

/// Set for a child that ignores which head is expected.
const BLIND: &str = "MP_LEDGER_BLIND";

/// How many commands of one child are under way at once.
const TASKS: usize = 64;

/// What a child says once its store is open.
pub(crate) const READY: &str = "ready";

/// Starts a child: this program again, with nothing but the one test, which must begin with
/// [`run_if_this_is_one`].
pub(crate) fn start(test: &str, target: &Target, blind: bool) -> Child {
    let mut command = Command::new(env::current_exe().expect("this test has a file"));
    command
        .args(["--exact", test, "--nocapture"])
        .env(STORE, &target.0);
    if blind {
        command.env(BLIND, "");
    }
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the child starts")
}

/// In a child, gives the commands whose numbers come in, one a line, tells what came of each, and
/// ends the process; elsewhere does nothing. Meanwhile it works at what is due.
pub(crate) fn run_if_this_is_one() {
    let Ok(store) = env::var(STORE) else { return };
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(run(&Target(store)));
    exit(0);
}

async fn run(target: &Target) {
    let mut store: Arc<dyn Store> = target.open().await;
    if env::var_os(BLIND).is_some() {
        store = Arc::new(Broken::<IgnoresTheHead>::new(store));
    }
    let engine = town::engine(store);
    let ledger = Ledger::new(&engine);
    let worker = Worker::new(&engine, WorkerOptions::default()).with(ledger.handlers());
    let (_stop, stopped) = watch::channel(false);
    tokio::spawn(async move { worker.run(stopped).await });
    // The test harness has begun a line.
    println!("\n{READY}");
    let numbers: Vec<u64> = io::stdin()
        .lines()
        .map_while(Result::ok)
        .filter_map(|line| line.parse().ok())
        .collect();
    give_all(&ledger, numbers).await;
}

async fn give_all(ledger: &Ledger, numbers: Vec<u64>) {
    let numbers = Arc::new(Mutex::new(numbers.into_iter()));
    let next = move || {
        numbers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .next()
    };
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let (ledger, next) = (ledger.clone(), next.clone());
        tasks.spawn(async move {
            while let Some(number) = next() {
                match Order::of(number).give(&ledger, number).await {
                    Ok(_) => println!("made {number}"),
                    Err(_) => println!("refused {number}"),
                }
            }
        });
    }
    tasks.join_all().await;
}

/// Reads what a child says of a command, whether it was carried out; a line that its death cut off
/// says nothing.
pub(crate) fn acknowledgement(line: &str) -> Option<(u64, bool)> {
    let (told, number) = line.strip_suffix('\n')?.split_once(' ')?;
    let made = match told {
        "made" => true,
        "refused" => false,
        _ => return None,
    };
    Some((number.parse().ok()?, made))
}
