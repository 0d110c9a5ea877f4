use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use killed_processes::Process;
use mp_core::{
    Clock, Engine,
    clock::{SKEW_MAX, SystemClock},
    entropy::SystemEntropy,
    store::{DueQuery, SlotSet, Store},
    work::{DeadLetters, LEASE},
};
use tokio::runtime::Runtime;

use crate::{
    audit,
    child::{CONCURRENCY, Orders},
    clock::{FastClock, SPEED},
    item::{self, KINDS, POISON},
    log::{Line, Log, Step},
    target::Target,
};

/// By how many seconds the clocks of the processes are off: as far as is allowed.
const OFF: [i64; 4] = [5, -5, -2, 4];

/// How many processes are killed.
const KILLS: usize = 12;

/// How long everything may take that has to happen some time.
const PATIENCE: Duration = Duration::from_secs(90);

/// How long a process may take that is told to stop: its handlers take a tenth of a second, the rest
/// is for a busy machine.
const STOP_MAX: Duration = Duration::from_secs(10);

/// Four processes that work side by side, are killed, and are stopped.
pub(crate) struct Shift {
    orders: Orders,
    runtime: Runtime,
    store: Arc<dyn Store>,
    engine: Engine,
    children: Vec<Process>,
    items: BTreeSet<String>,
}

impl Shift {
    pub(crate) fn new(test: &'static str, target: Target, folder: &Path) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let store = runtime.block_on(target.open());
        let orders = Orders {
            test,
            target,
            log: Log::at(&folder.join("handled.log")),
            cure: folder.join("cure"),
            leases: true,
            since: SystemClock.now(),
        };
        let clock = Arc::new(FastClock::new(orders.since, 0));
        let engine = Engine::new(store.clone(), clock, Arc::new(SystemEntropy::new()));
        Self {
            orders,
            runtime,
            store,
            engine,
            children: Vec::new(),
            items: BTreeSet::new(),
        }
    }

    pub(crate) fn work_through(mut self) {
        self.children = OFF.map(|off| self.orders.start(off)).into();
        self.kill_while_work_comes_in();
        self.stop_one_gracefully();
        self.wait_until("everything but what is given up is done", |shift, done| {
            let poison = |item: &&String| item::kind_of(item) == POISON;
            shift
                .items
                .iter()
                .all(|item| done.contains(item) || poison(&item))
        });
        self.redrive_the_dead();
        self.expect_nothing_left();
        let lines = self.end();
        self.tell(&lines);
        if let Err(breach) = audit::judge(&lines) {
            panic!("{breach}");
        }
    }

    /// Has processes work that only say that they lease.
    pub(crate) fn work_without_leases(mut self) -> Result<(), String> {
        self.orders.leases = false;
        self.children = OFF.map(|off| self.orders.start(off)).into();
        for _ in 0..20 {
            self.send();
            thread::sleep(Duration::from_millis(20));
        }
        audit::handled_once_in_a_lease(&self.end()).map(drop)
    }

    /// Stops all processes and returns what they wrote down.
    fn end(&mut self) -> Vec<Line> {
        for mut child in self.children.drain(..) {
            child.terminate(STOP_MAX);
        }
        self.orders.log.read()
    }

    /// Sends work all the while, and kills one process after the other at a random moment; another
    /// takes its place.
    fn kill_while_work_comes_in(&mut self) {
        for kill in 0..KILLS {
            for _ in 0..4 {
                self.send();
                thread::sleep(Duration::from_millis(fastrand::u64(20..120)));
            }
            let place = kill % OFF.len();
            self.children[place].kill();
            self.children[place] = self.orders.start(OFF[place]);
        }
    }

    /// A process that is told to stop finishes what it has leased, leases no more, and ends soon.
    fn stop_one_gracefully(&mut self) {
        let process = self.children[0].id();
        let count = |lines: &[Line], step| {
            let of_it = lines.iter().filter(|line| line.process == process);
            of_it.filter(|line| line.step == step).count()
        };
        let mut before = Vec::new();
        while count(&before, Step::Begun) == 0 {
            self.send();
            thread::sleep(Duration::from_millis(10));
            before = self.orders.log.read();
        }
        self.children[0].terminate(STOP_MAX);
        let lines = self.orders.log.read();
        let begun = count(&lines, Step::Begun);
        let ended = count(&lines, Step::Done) + count(&lines, Step::Failed);
        assert_eq!(begun, ended, "what was begun is finished");
        let late = begun - count(&before, Step::Begun);
        assert!(
            late <= 4 * CONCURRENCY,
            "{late} were begun after the signal"
        );
        self.children[0] = self.orders.start(OFF[0]);
    }

    fn redrive_the_dead(&self) {
        let poison = self
            .items
            .iter()
            .filter(|item| item::kind_of(item) == POISON);
        let poison: BTreeSet<&String> = poison.collect();
        let letters = DeadLetters::of(&self.engine);
        self.wait_until("what is given up lies dead", |shift, _| {
            shift.dead(&letters).len() == poison.len()
        });
        assert_eq!(self.dead(&letters).iter().collect::<BTreeSet<_>>(), poison);
        fs::write(&self.orders.cure, "").expect("is written");
        let driven = self.runtime.block_on(letters.redrive_all(None));
        assert_eq!(driven.expect("drives"), poison.len() as u64);
        self.wait_until("what lay dead is done", |shift, done| {
            shift.items.iter().all(|item| done.contains(item))
        });
    }

    /// Lists page by page.
    fn dead(&self, letters: &DeadLetters) -> Vec<String> {
        let mut names = Vec::new();
        let mut after = None;
        loop {
            let page = self.runtime.block_on(letters.list(after.as_ref(), 7));
            let page = page.expect("lists");
            names.extend(page.iter().map(item::name_of));
            after = page.last().cloned();
            if after.is_none() {
                return names;
            }
        }
    }

    fn expect_nothing_left(&self) {
        self.wait_until_quiet();
        let far = self.engine.now().plus(LEASE * 100);
        for kind in KINDS {
            let query = DueQuery {
                slots: SlotSet::ALL,
                kind: kind.to_owned(),
                now: far,
                lease: LEASE,
                limit: 100,
            };
            let left = self.runtime.block_on(self.store.due(&query));
            assert_eq!(left.expect("leases"), [], "{kind}");
        }
    }

    /// Waits until nothing is handled for longer than a lease: what was done by a process that was killed
    /// before it settled it comes back after its lease, and what is settled last is on its way still.
    fn wait_until_quiet(&self) {
        let quiet = (LEASE + 2 * SKEW_MAX) / SPEED + Duration::from_secs(1);
        let mut before = None;
        loop {
            let lines = Some(self.orders.log.read().len());
            if lines == before {
                return;
            }
            before = lines;
            thread::sleep(quiet);
        }
    }

    fn send(&mut self) {
        let number = self.items.len();
        let now = self.engine.now();
        let names = self.runtime.block_on(item::send(&*self.store, number, now));
        self.items.extend(names);
    }

    fn wait_until(&self, what: &str, holds: impl Fn(&Self, &BTreeSet<String>) -> bool) {
        let started = Instant::now();
        loop {
            let lines = self.orders.log.read();
            let done = lines.into_iter().filter(|line| line.step == Step::Done);
            let done: BTreeSet<String> = done.map(|line| line.item).collect();
            if holds(self, &done) {
                return;
            }
            assert!(started.elapsed() < PATIENCE, "not in time: {what}");
            thread::sleep(Duration::from_millis(100));
        }
    }

    fn tell(&self, lines: &[Line]) {
        let begun = lines.iter().filter(|line| line.step == Step::Begun).count();
        let items = self.items.len();
        println!("{items} items, {begun} attempts, {KILLS} kills, clocks {SPEED} times as fast");
    }
}
