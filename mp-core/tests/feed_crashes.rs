//! Feeds survive every fault: each call on the store and on the host's table, before and after it
//! acted, with the process killed or the answer lost.
//!
//! Whatever happens, in the end every event that was committed counts once in the table, in its
//! source's order, and no work is dead.
#![cfg(feature = "conformance")]

mod feeding;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use mp_core::{
    Error, ErrorKind,
    clock::ManualClock,
    conformance::{HookedStore, Phase},
    feed::{Cursor, Projection, Stretch},
    id::{AppId, Name},
    store::{MemoryStore, StoreErrorKind},
    work::LEASE,
};
use tokio::sync::Notify;

use self::feeding::{Process, START, Table, app};

/// Below this the enumeration has lost its sense.
const CASES_MIN: usize = 200;

/// What the stalls sell in one decision each.
const SALES: [(&str, u64); 4] = [("noodles", 2), ("tea", 1), ("noodles", 1), ("tea", 2)];

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// The process dies.
    Crash,
    /// The caller hears of a failure: before the call, nothing was done; after it, it was.
    Fail,
    /// Nothing was done, but the caller is told that nobody knows.
    Mute,
}

const FAULTS: [Fault; 3] = [Fault::Crash, Fault::Fail, Fault::Mute];

/// Counts the moments of a run, and strikes at one.
#[derive(Debug, Default)]
struct Faults {
    armed: Vec<(u32, Fault)>,
    passed: AtomicU32,
    crashed: Notify,
}

impl Faults {
    async fn pass(&self) -> Option<Fault> {
        let number = self.passed.fetch_add(1, Ordering::SeqCst);
        let fault = self.armed.iter().find(|(at, _)| *at == number)?.1;
        if fault == Fault::Crash {
            self.crashed.notify_one();
            std::future::pending::<()>().await;
        }
        Some(fault)
    }
}

/// The host's table behind a connection that fails.
#[derive(Debug)]
struct Remote {
    table: Arc<Table>,
    faults: Arc<Faults>,
    /// Whether it writes its rows without looking at the cursor: a twin that breaks the contract.
    careless: bool,
}

#[async_trait]
impl Projection for Remote {
    fn name(&self) -> &Name {
        self.table.name()
    }

    async fn cursor(&self, app: &AppId) -> Result<Cursor, Error> {
        self.faults.pass().await.map_or(Ok(()), |_| lost())?;
        self.table.cursor(app).await
    }

    async fn apply(&self, stretch: &Stretch) -> Result<bool, Error> {
        self.faults.pass().await.map_or(Ok(()), |_| lost())?;
        let applied = if self.careless {
            self.table.commit_rows(stretch)?;
            self.faults.pass().await.map_or(Ok(()), |_| lost())?;
            self.table.commit_cursor(stretch);
            true
        } else {
            self.table.commit(stretch)?
        };
        self.faults.pass().await.map_or(Ok(()), |_| lost())?;
        Ok(applied)
    }
}

fn lost<T>() -> Result<T, Error> {
    let message = "the connection to the host's database broke";
    Err(Error::new(ErrorKind::Unknown, "lost", message))
}

/// Everything that survives a crash.
struct World {
    store: Arc<MemoryStore>,
    clock: Arc<ManualClock>,
    remote: Arc<Remote>,
    faults: Arc<Faults>,
    sold: AtomicU32,
}

impl World {
    fn new(armed: Vec<(u32, Fault)>, careless: bool) -> Self {
        let faults = Arc::new(Faults {
            armed,
            ..Faults::default()
        });
        let remote = Remote {
            table: Arc::default(),
            faults: faults.clone(),
            careless,
        };
        Self {
            store: Arc::new(MemoryStore::new()),
            clock: Arc::new(ManualClock::at(START)),
            remote: Arc::new(remote),
            faults,
            sold: AtomicU32::new(0),
        }
    }

    /// Lives to the end, restarting after every crash; returns how many moments passed.
    fn run(&self) -> Result<u32, String> {
        while !self.process() {}
        let passed = self.faults.passed.load(Ordering::SeqCst);
        self.judge().map(|()| passed)
    }

    fn process(&self) -> bool {
        runtime().block_on(async {
            tokio::select! {
                biased;
                () = self.faults.crashed.notified() => false,
                () = self.live() => true,
            }
        })
    }

    async fn live(&self) {
        let process = Process::new(
            Arc::new(self.faulty_store()),
            &self.clock,
            self.remote.clone(),
        );
        while process.projector.start(&app()).await.is_err() {}
        while let Some((stall, times)) = SALES.get(self.sold.load(Ordering::SeqCst) as usize) {
            // Whether a sale took effect is not what is tried here: one that is not known is left.
            let _ = process.sell(stall, *times).await;
            self.sold.fetch_add(1, Ordering::SeqCst);
            let _ = process.worker.turn().await;
            self.clock.advance(Duration::from_secs(1));
        }
        for _ in 0..5 {
            let _ = process.worker.drain().await;
            self.clock.advance(LEASE / 2);
        }
    }

    fn faulty_store(&self) -> HookedStore {
        let faults = self.faults.clone();
        HookedStore::new(self.store.clone(), move |_, phase, _| {
            let faults = faults.clone();
            async move {
                match (faults.pass().await, phase) {
                    (None, _) => Ok(()),
                    (Some(Fault::Fail), Phase::Before) => Err(StoreErrorKind::Unavailable),
                    (Some(_), _) => Err(StoreErrorKind::Unknown),
                }
            }
        })
    }

    /// Compares the table with what the stalls have sold.
    fn judge(&self) -> Result<(), String> {
        runtime().block_on(async {
            let table = self.remote.table.clone();
            let healthy = Process::new(self.store.clone(), &self.clock, table);
            let dead = healthy.worker.dead(10).await.expect("lists");
            if !dead.is_empty() {
                return Err(format!("dead: {dead:?}"));
            }
            let rows = self.remote.table.rows();
            for stall in ["noodles", "tea"] {
                let sold = healthy.sell(stall, 0).await.expect("tells");
                let told = rows.sold.get(&format!("stall/{stall}"));
                let told = told.cloned().unwrap_or_default();
                if !told.iter().copied().eq(1..=sold) {
                    return Err(format!("{stall} sold {sold}, and the table has {told:?}"));
                }
            }
            let lag = healthy.projector.lag(&app()).await.expect("tells");
            match lag.events {
                0 => Ok(()),
                behind => Err(format!("the table is {behind} events behind")),
            }
        })
    }
}

fn runtime() -> tokio::runtime::Runtime {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    runtime.expect("a runtime")
}

/// Runs every case and returns how many there were, and what went wrong in which.
fn violations(
    cases: impl IntoIterator<Item = Vec<(u32, Fault)>>,
    careless: bool,
) -> (usize, Vec<String>) {
    let (mut count, mut violations) = (0, Vec::new());
    for armed in cases {
        count += 1;
        if let Err(problem) = World::new(armed.clone(), careless).run() {
            violations.push(format!("{armed:?}: {problem}"));
        }
    }
    (count, violations)
}

fn moments(careless: bool) -> u32 {
    World::new(Vec::new(), careless)
        .run()
        .expect("all is well without faults")
}

fn every_single_fault(careless: bool) -> impl Iterator<Item = Vec<(u32, Fault)>> {
    (0..moments(careless)).flat_map(|at| FAULTS.map(|fault| vec![(at, fault)]))
}

#[test]
fn after_any_single_fault_each_event_counts_once() {
    let (cases, violations) = violations(every_single_fault(false), false);
    println!("{cases} single faults");
    assert!(cases >= CASES_MIN, "only {cases} cases");
    assert!(
        violations.is_empty(),
        "{}: {:#?}",
        violations.len(),
        violations.first()
    );
}

#[test]
fn a_second_crash_during_recovery_changes_nothing() {
    let pairs = (0..moments(false)).flat_map(|at| {
        (at + 1..at + 5).map(move |next| vec![(at, Fault::Crash), (next, Fault::Crash)])
    });
    let (cases, violations) = violations(pairs, false);
    println!("{cases} pairs of crashes");
    assert!(cases >= CASES_MIN, "only {cases} cases");
    assert!(
        violations.is_empty(),
        "{}: {:#?}",
        violations.len(),
        violations.first()
    );
}

#[test]
fn a_projection_that_keeps_its_cursor_apart_from_its_rows_is_found_out() {
    let (cases, violations) = violations(every_single_fault(true), true);
    println!("{} violations in {cases} cases", violations.len());
    assert!(!violations.is_empty());
}
