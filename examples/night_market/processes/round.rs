use std::{
    ops::Range,
    os::unix::process::ExitStatusExt,
    process::Child,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use mp_core::store::{PostgresOptions, PostgresStore, SqliteOptions, SqliteStore, Store};
use serde_json::Value;
use tokio::runtime::Runtime;

use super::child;
use crate::{
    audit::{self, Source},
    options::StoreChoice,
    progress::Progress,
};

/// How many processes begin an evening.
const PROCESSES: usize = 3;

/// The ticks in which one may be killed: visitors come and go in all of them.
const MIDDLE: Range<u32> = 5..50;

/// What each process tells of itself alone.
const OWN: [&str; 5] = [
    "seconds",
    "operations_per_second",
    "resumed_at_operation",
    "own_operations",
    "processes",
];

const SIGKILL: i32 = 9;

/// How long an evening may take in all.
const PATIENCE: Duration = Duration::from_secs(600);

/// One evening that several processes hold, of which one is killed.
#[derive(Debug)]
pub(super) struct Round {
    test: &'static str,
    store: String,
    seed: u64,
    visitors: u32,
    /// In which tick one of them is killed.
    tick: u32,
    /// Which of them.
    victim: usize,
    /// Whether another is started in its place.
    replaced: bool,
}

impl Round {
    pub(super) fn new(test: &'static str, store: &str, number: u64, visitors: u32) -> Self {
        Self {
            test,
            store: store.to_owned(),
            seed: number,
            visitors,
            tick: fastrand::u32(MIDDLE),
            victim: fastrand::usize(..PROCESSES),
            replaced: fastrand::bool(),
        }
    }

    /// Holds the evening, and asserts that nothing tells that a process was killed.
    pub(super) fn run(&self, runtime: &Runtime) {
        let began = Instant::now();
        let mut processes: Vec<Child> = (0..PROCESSES).map(|_| self.start()).collect();
        runtime.block_on(self.reach_the_tick());
        let mut victim = processes.swap_remove(self.victim);
        victim.kill().expect("the process is killed");
        let ended = victim.wait().expect("the process has ended");
        assert_eq!(
            ended.signal(),
            Some(SIGKILL),
            "it ended by itself: {self:?}"
        );
        let replacement = self.replaced.then(|| self.start());
        let share = |process| {
            let report = self.report_of(process);
            assert!(report["own_operations"].as_u64() > Some(0), "{report}");
            report
        };
        let mut reports: Vec<Value> = processes.into_iter().map(share).collect();
        reports.extend(replacement.map(|process| self.report_of(process)));
        let report = self.assert_same(reports);
        self.assert_audited(runtime, &report);
        println!("{:?} in {:.1?}", self, began.elapsed());
    }

    fn start(&self) -> Child {
        let (visitors, seed) = (self.visitors.to_string(), self.seed.to_string());
        let arguments = ["--json", "--store", &self.store, "--visitors", &visitors];
        let arguments = arguments.into_iter().chain(["--seed", &seed]);
        let arguments: Vec<String> = arguments.map(str::to_owned).collect();
        child::start(self.test, &arguments)
    }

    /// Waits until the evening has come so far.
    async fn reach_the_tick(&self) {
        let (engine, _) = crate::engine(self.open().await, self.seed).expect("an engine");
        let progress = Progress::new(&engine, &crate::app().expect("a name"));
        let began = Instant::now();
        loop {
            let evening = progress.tonight().await.expect("the store reads");
            if evening.is_some_and(|evening| evening.tick >= self.tick) {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "stands still: {self:?}");
            // Anywhere in the tick.
            tokio::time::sleep(Duration::from_millis(fastrand::u64(5..60))).await;
        }
    }

    async fn open(&self) -> Arc<dyn Store> {
        match self.store.parse().expect("a store") {
            StoreChoice::Postgres(url) => {
                let store = PostgresStore::connect(url.as_str(), PostgresOptions::default()).await;
                Arc::new(store.expect("connects"))
            }
            StoreChoice::Sqlite(path) => {
                Arc::new(SqliteStore::open(path, SqliteOptions::default()).expect("opens"))
            }
            StoreChoice::Memory => unreachable!("processes have no memory in common"),
        }
    }

    fn report_of(&self, process: Child) -> Value {
        let output = end(process);
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{self:?}: {said}");
        let line = said.lines().find(|line| line.starts_with('{'));
        let line = line.unwrap_or_else(|| panic!("no report: {said}"));
        serde_json::from_str(line).expect("one JSON object")
    }

    /// Asserts that all reports say the same of the evening, and returns what they say.
    fn assert_same(&self, mut reports: Vec<Value>) -> Value {
        for report in &mut reports {
            let members = report.as_object_mut().expect("an object");
            for own in OWN {
                assert!(members.remove(own).is_some(), "{own} is not told");
            }
        }
        let first = reports.swap_remove(0);
        assert!(
            reports.iter().all(|report| *report == first),
            "{self:?}: {reports:?}"
        );
        assert_eq!(first["visitors"], self.visitors);
        first
    }

    /// Asserts that an audit passes and counts what the processes count.
    fn assert_audited(&self, runtime: &Runtime, report: &Value) {
        let _inside = runtime.enter();
        let source: Source = self.store.parse().expect("a source");
        let mut out = Vec::new();
        let passed = audit::audit(&source, true, &mut out).expect("can be audited");
        let audited: Value = serde_json::from_slice(&out).expect("one JSON object");
        assert!(passed, "{self:?}: {audited}");
        assert_eq!(audited["invariants"], report["invariants"]);
        let counts = audited["counts"].as_object().expect("an object");
        let both = counts.iter().filter(|(name, _)| report.get(name).is_some());
        for (name, count) in both {
            assert_eq!(*count, report[name], "{name}: {self:?}");
        }
    }
}

/// Waits for a process, but not for ever, and returns what it said.
fn end(mut process: Child) -> std::process::Output {
    let began = Instant::now();
    while process.try_wait().expect("the process is ours").is_none() {
        if began.elapsed() > PATIENCE {
            process.kill().expect("the process is killed");
            panic!("a process does not end");
        }
        thread::sleep(Duration::from_millis(50));
    }
    process.wait_with_output().expect("the process has ended")
}
