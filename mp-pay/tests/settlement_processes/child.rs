use std::{
    process::exit,
    sync::{Arc, Mutex, PoisonError},
};

use killed_processes::{Process, Program, handed, say, say_ready, told};
use mp_core::{
    Timestamp,
    clock::SystemClock,
    conformance::broken::{Broken, IgnoresTheHead},
    store::Store,
};
use tokio::{runtime::Runtime, sync::watch, task::JoinSet};

use crate::{
    call::{Call, Told},
    means::Means,
    parent::Run,
    shop::Shop,
    target::Target,
};

/// Where a child finds its store.
const STORE: &str = "MP_SETTLEMENT_STORE";

/// What a child has money secured by.
const MEANS: &str = "MP_SETTLEMENT_MEANS";

/// When it all began.
const BEGAN: &str = "MP_SETTLEMENT_BEGAN";

/// Set for a child that ignores which head is expected.
const BLIND: &str = "MP_SETTLEMENT_BLIND";

/// How many calls of one child are under way at once.
const TASKS: usize = 32;

/// Starts a child: the one test, which must begin with [`run_if_this_is_one`].
pub(crate) fn start(run: &Run, target: &Target) -> Process {
    let program = Program::of_test(run.test)
        .told(STORE, &target.0)
        .told(MEANS, run.means.to_string())
        .told(BEGAN, run.began.to_string());
    match run.blind {
        true => program.told(BLIND, "").start(),
        false => program.start(),
    }
}

/// In a child, makes the calls whose numbers come in, one a line, tells what came of each, and ends the
/// process; elsewhere does nothing. Meanwhile it works at what is due.
pub(crate) fn run_if_this_is_one() {
    let Some(store) = told(STORE) else { return };
    let means = told(MEANS).expect("a child is told its means");
    let began = told(BEGAN).expect("a child is told when it began");
    let means = means.parse().expect("means");
    let began = began.parse().expect("a moment");
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(run(&Target(store), means, began));
    exit(0);
}

async fn run(target: &Target, means: Means, began: Timestamp) {
    let mut store: Arc<dyn Store> = target.open().await;
    if told(BLIND).is_some() {
        store = Arc::new(Broken::<IgnoresTheHead>::new(store));
    }
    let shop = Shop::on(store, Arc::new(SystemClock));
    let worker = shop.worker();
    let (_stop, stopped) = watch::channel(false);
    tokio::spawn(async move { worker.run(stopped).await });
    say_ready("");
    let numbers = Arc::new(Mutex::new(handed::<u64>().into_iter()));
    let next = move || {
        numbers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .next()
    };
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let (port, next) = (shop.port(means), next.clone());
        tasks.spawn(async move {
            while let Some(number) = next() {
                let told = Call::of(number).make(&*port, began).await;
                say(format_args!("{number} {told}"));
            }
        });
    }
    tasks.join_all().await;
}

/// Reads what a child was told.
pub(crate) fn acknowledgement(line: &str) -> Option<(u64, Told)> {
    let (number, told) = line.split_once(' ')?;
    Some((number.parse().ok()?, Told::parse(told)?))
}
