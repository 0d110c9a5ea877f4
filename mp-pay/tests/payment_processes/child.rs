use std::{
    process::exit,
    sync::{Arc, Mutex, PoisonError},
};

use killed_processes::{Process, Program, handed, say, say_ready, told};
use mp_core::{
    clock::SystemClock,
    conformance::broken::{Broken, IgnoresTheHead},
    store::Store,
    work::{Worker, WorkerOptions},
};
use tokio::{runtime::Runtime, sync::watch, task::JoinSet};

use crate::{class::Class, order::Order, shop::Shop, target::Target};

/// Where a child finds its store.
const STORE: &str = "MP_PAYMENT_STORE";

/// Of which class a child's backend is.
const CLASS: &str = "MP_PAYMENT_CLASS";

/// Set for a child that ignores which head is expected.
const BLIND: &str = "MP_PAYMENT_BLIND";

/// How many commands of one child are under way at once.
const TASKS: usize = 32;

/// Starts a child: the one test, which must begin with [`run_if_this_is_one`].
pub(crate) fn start(test: &str, target: &Target, class: Class, blind: bool) -> Process {
    let program = Program::of_test(test)
        .told(STORE, &target.0)
        .told(CLASS, class.to_string());
    match blind {
        true => program.told(BLIND, "").start(),
        false => program.start(),
    }
}

/// In a child, gives the commands whose numbers come in, one a line, tells what came of each, and
/// ends the process; elsewhere does nothing. Meanwhile it works at what is due.
pub(crate) fn run_if_this_is_one() {
    let Some(store) = told(STORE) else { return };
    let class = told(CLASS).expect("a child is told its class");
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(run(&Target(store), class.parse().expect("a class")));
    exit(0);
}

async fn run(target: &Target, class: Class) {
    let mut store: Arc<dyn Store> = target.open().await;
    if told(BLIND).is_some() {
        store = Arc::new(Broken::<IgnoresTheHead>::new(store));
    }
    let shop = Shop::on(store, Arc::new(SystemClock), class);
    let worker = Worker::new(&shop.engine, WorkerOptions::default());
    let worker = worker.with(shop.payments.handlers());
    let (_stop, stopped) = watch::channel(false);
    tokio::spawn(async move { worker.run(stopped).await });
    say_ready("");
    give_all(&shop, handed()).await;
}

async fn give_all(shop: &Shop, numbers: Vec<u64>) {
    let numbers = Arc::new(Mutex::new(numbers.into_iter()));
    let next = move || {
        numbers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .next()
    };
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let (shop, next) = (shop.clone(), next.clone());
        tasks.spawn(async move {
            while let Some(number) = next() {
                match Order::of(number).give(&shop).await {
                    Ok(()) => say(format_args!("{number} made")),
                    Err(error) => say(format_args!("{number} {}", error.code())),
                }
            }
        });
    }
    tasks.join_all().await;
}

/// Reads what a child says came of a command: that it was made, or the code of its error.
pub(crate) fn acknowledgement(line: &str) -> Option<(u64, String)> {
    let (number, told) = line.split_once(' ')?;
    Some((number.parse().ok()?, told.to_owned()))
}
