use std::{
    any::Any,
    fmt,
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use super::{
    Chance, Coverage, Failure, SEED_VARIABLE, Trace, Workload, panics::Panics, play::play,
    record::Record,
};
use crate::conformance::Violation;

/// How long a run may take, by its own clock.
const RUN_MAX: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// A workload under faults: what is run for one seed, or checked for many.
pub struct Simulation<W> {
    pub(super) make: Box<dyn Fn(&mut Chance) -> W + Send + Sync>,
    pub(super) processes: usize,
    pub(super) clients: usize,
    pub(super) commands: usize,
}

/// A run in which nothing was wrong.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Run {
    /// How many commands were answered or refused, or left open without a key.
    pub commands: usize,
    /// Which faults struck where.
    pub coverage: Coverage,
    /// What happened.
    pub trace: Trace,
}

/// Many runs in which nothing was wrong.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// How many runs there were.
    pub runs: u64,
    /// How many commands, over all runs.
    pub commands: usize,
    /// Which faults struck where, over all runs.
    pub coverage: Coverage,
}

impl<W: Workload> Simulation<W> {
    /// Simulates a workload that is made anew for each run, by that run's chance, on three
    /// processes, with eight clients and 200 commands.
    pub fn of(make: impl Fn(&mut Chance) -> W + Send + Sync + 'static) -> Self {
        Self {
            make: Box::new(make),
            processes: 3,
            clients: 8,
            commands: 200,
        }
    }

    /// Runs this many processes; zero counts as one.
    #[must_use]
    pub fn with_processes(mut self, processes: usize) -> Self {
        self.processes = processes.max(1);
        self
    }

    /// Lets this many clients ask at once; zero counts as one.
    #[must_use]
    pub fn with_clients(mut self, clients: usize) -> Self {
        self.clients = clients.max(1);
        self
    }

    /// Lets the clients ask this many commands together.
    #[must_use]
    pub const fn with_commands(mut self, commands: usize) -> Self {
        self.commands = commands;
        self
    }

    /// Runs one seed and keeps its trace: the same seed, the same run.
    ///
    /// # Errors
    ///
    /// What was seen that must not be, a panic included, whoever caught it.
    pub fn run(&self, seed: u64) -> Result<Run, Failure> {
        self.run_recorded(seed, true)
    }

    /// Runs many seeds, on as many threads as there are processors, and reports the first that
    /// fails.
    ///
    /// # Errors
    ///
    /// What was seen in the lowest seed that fails.
    pub fn check(&self, seeds: Range<u64>) -> Result<Report, Failure> {
        let next = AtomicU64::new(seeds.start);
        let end = AtomicU64::new(seeds.end);
        let report = Mutex::new(Report::default());
        let work = || {
            loop {
                let seed = next.fetch_add(1, Ordering::SeqCst);
                if seed >= end.load(Ordering::SeqCst) {
                    return;
                }
                match self.run_recorded(seed, false) {
                    Ok(run) => report
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .add(run),
                    Err(_) => drop(end.fetch_min(seed, Ordering::SeqCst)),
                }
            }
        };
        let threads = thread::available_parallelism().map_or(1, usize::from);
        thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
        match end.into_inner() {
            end if end == seeds.end => {
                Ok(report.into_inner().unwrap_or_else(PoisonError::into_inner))
            }
            failed => Err(self.run_again(failed)),
        }
    }

    /// Runs a seed that failed once more, for its trace.
    fn run_again(&self, seed: u64) -> Failure {
        self.run(seed).map_or_else(|failure| failure, |run| Failure {
            seed,
            violation: Violation::new(
                "it failed, and did not when it was run again: something in the workload depends \
                 on more than the seed",
            ),
            trace: run.trace,
        })
    }

    fn run_recorded(&self, seed: u64, is_traced: bool) -> Result<Run, Failure> {
        let record = Arc::new(Record::new(is_traced));
        let panics = Panics::fail(&record);
        let played = catch_unwind(AssertUnwindSafe(|| self.play(seed, &record)));
        drop(panics);
        let (coverage, trace, violation) = record.take();
        let commands = match (played, violation) {
            (Ok(Ok(commands)), None) => Ok(commands),
            (_, Some(violation)) | (Ok(Err(violation)), None) => Err(violation),
            (Err(panic), None) => Err(Violation::new(format!("panic: {}", told(&*panic)))),
        };
        match commands {
            Ok(commands) => Ok(Run {
                commands,
                coverage,
                trace,
            }),
            Err(violation) => Err(Failure {
                seed,
                violation,
                trace,
            }),
        }
    }

    /// Runs a seed on a thread's own runtime, whose time passes only when nothing else can happen.
    fn play(&self, seed: u64, record: &Arc<Record>) -> Result<usize, Violation> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .map_err(|error| Violation::new(format!("no runtime: {error}")))?;
        let mut chance = Chance::of(seed);
        let workload = (self.make)(&mut chance.fork());
        runtime.block_on(async {
            let play = play(workload, self, chance, record.clone());
            let played = tokio::time::timeout(RUN_MAX, play).await;
            played.unwrap_or_else(|_| Err(Violation::new("the run comes to no end")))
        })
    }
}

impl Report {
    fn add(&mut self, run: Run) {
        self.runs += 1;
        self.commands += run.commands;
        self.coverage.extend(run.coverage);
    }
}

/// Returns what a panic says.
fn told(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("something")
}

impl<W> fmt::Debug for Simulation<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulation")
            .field("processes", &self.processes)
            .field("clients", &self.clients)
            .field("commands", &self.commands)
            .finish_non_exhaustive()
    }
}

/// Returns the seeds to check: these, or the one that `MP_SIM_SEED` names.
#[must_use]
pub fn seeds_or_replay(seeds: Range<u64>) -> Range<u64> {
    let named = std::env::var(SEED_VARIABLE).ok();
    match named.and_then(|seed| seed.parse::<u64>().ok()) {
        Some(seed) => seed..seed.saturating_add(1),
        None => seeds,
    }
}
