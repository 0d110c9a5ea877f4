use std::{
    path::{Path, PathBuf},
    process::exit,
    sync::Arc,
};

use killed_processes::{Process, Program, say_ready};
use mp_core::{
    Engine, Timestamp,
    conformance::broken::{Broken, LeasesTwice},
    entropy::SystemEntropy,
    work::{Worker, WorkerOptions},
};
use tokio::{
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use crate::{clock::FastClock, handler::Logged, log::Log, target::Target};

const STORE: &str = "MP_WORK_STORE";
const LOG: &str = "MP_WORK_LOG";
const CURE: &str = "MP_WORK_CURE";
const SINCE: &str = "MP_WORK_SINCE";
/// Set for a child that does not lease.
const BLIND: &str = "MP_WORK_BLIND";
const OFF: &str = "MP_WORK_OFF";

/// How many handlers one child runs at once.
pub(crate) const CONCURRENCY: usize = 16;

/// What a child is told.
#[derive(Clone, Debug)]
pub(crate) struct Orders {
    /// The test that children run as; it must begin with [`run_if_this_is_one`].
    pub(crate) test: &'static str,
    pub(crate) target: Target,
    pub(crate) log: Log,
    pub(crate) cure: PathBuf,
    /// When all clocks showed the real time.
    pub(crate) since: Timestamp,
    /// Whether the child leases what it handles, rather than only saying so.
    pub(crate) leases: bool,
}

impl Orders {
    /// Starts a child whose clock is off by so many seconds, and waits until it works.
    pub(crate) fn start(&self, off: i64) -> Process {
        let program = Program::of_test(self.test)
            .told(STORE, &self.target.0)
            .told(LOG, self.log.path())
            .told(CURE, &self.cure)
            .told(SINCE, self.since.as_micros().to_string())
            .told(OFF, off.to_string());
        let mut child = match self.leases {
            true => program.start(),
            false => program.told(BLIND, "").start(),
        };
        child.wait_until_ready();
        child
    }
}

/// In a child, works until it is told to stop, and ends the process; elsewhere does nothing.
pub(crate) fn run_if_this_is_one() {
    let Some(store) = killed_processes::told(STORE) else {
        return;
    };
    let number = |name| -> i64 { told(name).parse().expect("a number") };
    let clock = FastClock::new(Timestamp::from_micros(number(SINCE)), number(OFF));
    let log = Log::at(Path::new(&told(LOG))).open();
    let handlers = Logged::all(log, told(CURE).into());
    Runtime::new().expect("a runtime").block_on(async {
        let mut store = Target(store).open().await;
        if killed_processes::told(BLIND).is_some() {
            store = Arc::new(Broken::<LeasesTwice>::new(store));
        }
        let engine = Engine::new(store, Arc::new(clock), Arc::new(SystemEntropy::new()));
        let options = WorkerOptions::default().with_concurrency(CONCURRENCY);
        let worker = Worker::new(&engine, options).with(handlers);
        worker.run(stop_on_sigterm()).await;
    });
    exit(0);
}

/// As a host does it.
fn stop_on_sigterm() -> watch::Receiver<bool> {
    let mut terminated = signal(SignalKind::terminate()).expect("signals can be heard");
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        terminated.recv().await;
        stop.send_replace(true);
    });
    say_ready("");
    stopped
}

fn told(name: &str) -> String {
    killed_processes::told(name).expect("a child is told everything")
}
