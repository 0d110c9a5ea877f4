use std::{
    env,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio, exit},
    sync::Arc,
};

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

/// What a child says once it works.
pub(crate) const READY: &str = "ready";

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
    /// Starts a child whose clock is off by so many seconds.
    pub(crate) fn start(&self, off: i64) -> Child {
        let mut command = Command::new(env::current_exe().expect("this test has a file"));
        if !self.leases {
            command.env(BLIND, "");
        }
        command
            .args(["--exact", self.test, "--nocapture"])
            .env(STORE, &self.target.0)
            .env(LOG, self.log.path())
            .env(CURE, &self.cure)
            .env(SINCE, self.since.as_micros().to_string())
            .env(OFF, off.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the child starts")
    }
}

/// In a child, works until it is told to stop, and ends the process; elsewhere does nothing.
pub(crate) fn run_if_this_is_one() {
    let Ok(store) = env::var(STORE) else { return };
    let number = |name| -> i64 { told(name).parse().expect("a number") };
    let clock = FastClock::new(Timestamp::from_micros(number(SINCE)), number(OFF));
    let log = Log::at(Path::new(&told(LOG))).open();
    let handlers = Logged::all(log, told(CURE).into());
    Runtime::new().expect("a runtime").block_on(async {
        let mut store = Target(store).open().await;
        if env::var_os(BLIND).is_some() {
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
    // The test harness has begun a line.
    println!("\n{READY}");
    stopped
}

fn told(name: &str) -> String {
    env::var(name).expect("a child is told everything")
}
