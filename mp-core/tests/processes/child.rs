use std::{
    process::exit,
    sync::{Arc, Mutex, PoisonError},
};

use killed_processes::{Process, Program, handed, say, say_ready, told};
use mp_core::{
    Engine,
    clock::SystemClock,
    conformance::broken::{Broken, IgnoresTheHead},
    entropy::SystemEntropy,
    store::Store,
};
use tokio::{runtime::Runtime, task::JoinSet};

use crate::{joins, target::Target};

/// Where a child finds its store.
const STORE: &str = "MP_PROCESSES_STORE";

/// Set for a child that ignores which head is expected.
const BLIND: &str = "MP_PROCESSES_BLIND";

/// How many joins of one child are under way at once.
const TASKS: usize = 32;

/// Starts a child: the one test, which must begin with [`run_if_this_is_one`].
pub(crate) fn start(test: &str, target: &Target, blind: bool) -> Process {
    let program = Program::of_test(test).told(STORE, &target.0);
    match blind {
        true => program.told(BLIND, "").start(),
        false => program.start(),
    }
}

/// In a child, lets the users join whose names come in, one a line, tells who was given which number,
/// and ends the process; elsewhere does nothing.
pub(crate) fn run_if_this_is_one() {
    let Some(store) = told(STORE) else { return };
    Runtime::new()
        .expect("a runtime")
        .block_on(run(&Target(store)));
    exit(0);
}

async fn run(target: &Target) {
    let mut store = target.open().await;
    if told(BLIND).is_some() {
        store = Arc::new(Broken::<IgnoresTheHead>::new(store));
    }
    say_ready("");
    join_all(store, handed()).await;
}

async fn join_all(store: Arc<dyn Store>, users: Vec<String>) {
    let entropy = Arc::new(SystemEntropy::new());
    let engine = Engine::new(store, Arc::new(SystemClock), entropy);
    let users = Arc::new(Mutex::new(users.into_iter()));
    let next = move || users.lock().unwrap_or_else(PoisonError::into_inner).next();
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let (engine, next) = (engine.clone(), next.clone());
        tasks.spawn(async move {
            let rush = joins::rush(0);
            while let Some(user) = next() {
                let number = joins::join(&engine, &rush, &user).await;
                say(format_args!("joined {user} {number}"));
            }
        });
    }
    tasks.join_all().await;
}

/// Reads what a child says of a join.
pub(crate) fn acknowledgement(line: &str) -> Option<(String, u64)> {
    let (user, number) = line.strip_prefix("joined ")?.split_once(' ')?;
    Some((user.to_owned(), number.parse().ok()?))
}
