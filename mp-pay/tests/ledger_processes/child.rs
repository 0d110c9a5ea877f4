use std::{
    process::exit,
    sync::{Arc, Mutex, PoisonError},
};

use killed_processes::{Process, Program, handed, say, say_ready, told};
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

/// Starts a child: the one test, which must begin with [`run_if_this_is_one`].
pub(crate) fn start(test: &str, target: &Target, blind: bool) -> Process {
    let program = Program::of_test(test).told(STORE, &target.0);
    match blind {
        true => program.told(BLIND, "").start(),
        false => program.start(),
    }
}

/// In a child, gives the commands whose numbers come in, one a line, tells what came of each, and
/// ends the process; elsewhere does nothing. Meanwhile it works at what is due.
pub(crate) fn run_if_this_is_one() {
    let Some(store) = told(STORE) else { return };
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(run(&Target(store)));
    exit(0);
}

async fn run(target: &Target) {
    let mut store: Arc<dyn Store> = target.open().await;
    if told(BLIND).is_some() {
        store = Arc::new(Broken::<IgnoresTheHead>::new(store));
    }
    let engine = town::engine(store);
    let ledger = Ledger::new(&engine);
    let worker = Worker::new(&engine, WorkerOptions::default()).with(ledger.handlers());
    let (_stop, stopped) = watch::channel(false);
    tokio::spawn(async move { worker.run(stopped).await });
    say_ready("");
    give_all(&ledger, handed()).await;
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
                    Ok(_) => say(format_args!("made {number}")),
                    Err(_) => say(format_args!("refused {number}")),
                }
            }
        });
    }
    tasks.join_all().await;
}

/// Reads what a child says of a command, whether it was carried out.
pub(crate) fn acknowledgement(line: &str) -> Option<(u64, bool)> {
    let (told, number) = line.split_once(' ')?;
    let made = match told {
        "made" => true,
        "refused" => false,
        _ => return None,
    };
    Some((number.parse().ok()?, made))
}
