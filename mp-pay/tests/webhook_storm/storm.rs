//! The storm itself: everything is sent, and processes are killed by how far it has come.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use mp_core::{Clock, clock::SystemClock};
use mp_pay::backend::sandbox::SandboxEvent;
use tokio::runtime::Runtime;

use super::{
    audit::{After, is_all_told},
    child::{Child, Intake},
    clock::FastClock,
    payments::{Opened, open},
    provider::{Provider, SENDERS, lock},
    target::Target,
};

const PROCESSES: usize = 4;

/// How many processes are killed.
pub(crate) const KILLS: usize = 20;

/// Of a hundred deliveries, how many are duplicates.
const DUPLICATES: usize = 30;

/// The order of the deliveries, and everything that is left to chance here.
const SEED: u64 = 20_261_121;

/// How long it may take until all that was acknowledged is handled: on a slow disk, minutes.
const PATIENCE: Duration = Duration::from_secs(300);

/// How many webhooks a storm has.
pub(crate) fn deliveries() -> usize {
    let asked = std::env::var("MP_WEBHOOKS").ok();
    asked.map_or(1_000, |asked| {
        asked.parse().expect("MP_WEBHOOKS is a number")
    })
}

pub(crate) struct Storm {
    test: &'static str,
    target: Target,
    intake: Intake,
    clock: FastClock,
    runtime: Runtime,
}

impl Storm {
    pub(crate) fn new(test: &'static str, target: Target, intake: Intake) -> Self {
        let since = SystemClock.now();
        Self {
            test,
            target,
            intake,
            clock: FastClock { since },
            runtime: Runtime::new().expect("a runtime"),
        }
    }

    /// Has so many webhooks sent, and returns what they came to.
    pub(crate) fn rage(self, deliveries: usize) -> After {
        let count = deliveries * (100 - DUPLICATES) / 100;
        let store = self.runtime.block_on(self.target.open());
        let opened = self
            .runtime
            .block_on(open(store.clone(), self.clock, count));
        let sent = with_duplicates(&opened.events, deliveries);
        let provider = Arc::new(Provider::new(self.clock, sent));
        let mut children: Vec<Child> = (0..PROCESSES).map(|_| self.start()).collect();
        tell_endpoints(&provider, &children);
        let sending = (0..SENDERS as u64).map(|sender| {
            let provider = provider.clone();
            self.runtime.spawn(provider.send(SEED + sender))
        });
        let sending: Vec<_> = sending.collect();
        self.kill_by_progress(&provider, &mut children, deliveries);
        for sender in sending {
            self.runtime.block_on(sender).expect("sends");
        }
        assert_eq!(provider.acknowledged(), deliveries);
        let (test, refused) = (self.test, provider.refused());
        println!("{test}: {deliveries} webhooks, {refused} more tries, {KILLS} kills");
        self.settle(&opened);
        drop(children);
        self.runtime
            .block_on(After::of(&*store, &opened, deliveries))
    }

    fn start(&self) -> Child {
        Child::start(self.test, &self.target, self.clock, self.intake)
    }

    /// Kills one process after the other, each at a moment that comes of how far the storm is; a new
    /// one takes its place, at another address.
    fn kill_by_progress(&self, provider: &Provider, children: &mut [Child], deliveries: usize) {
        let mut chance = fastrand::Rng::with_seed(SEED);
        for kill in 1..=KILLS {
            let due = deliveries * kill / (KILLS + 1);
            let started = Instant::now();
            while provider.acknowledged() < due {
                assert!(
                    started.elapsed() < PATIENCE,
                    "no webhook is accepted any more"
                );
                thread::sleep(Duration::from_millis(1));
            }
            thread::sleep(Duration::from_micros(chance.u64(0..5_000)));
            let place = chance.usize(0..PROCESSES);
            children[place].kill();
            children[place] = self.start();
            tell_endpoints(provider, children);
        }
    }

    /// Waits until nothing changes any more: all is known, or what is lost stays lost.
    fn settle(&self, opened: &Opened) {
        let patience = match self.intake {
            Intake::AcknowledgesFirst => Duration::from_secs(3),
            _ => PATIENCE,
        };
        let started = Instant::now();
        while started.elapsed() < patience {
            if self.runtime.block_on(is_all_told(opened)) {
                break;
            }
            thread::sleep(Duration::from_millis(200));
        }
        // What a killed process had leased comes back by now, and must change nothing.
        thread::sleep(Duration::from_secs(6));
    }
}

fn tell_endpoints(provider: &Provider, children: &[Child]) {
    let addresses = children.iter().map(|child| child.address);
    *lock(&provider.endpoints) = addresses.collect();
}

/// Returns every event, and some of them again, in an order that the seed gives.
fn with_duplicates(events: &[SandboxEvent], deliveries: usize) -> Vec<SandboxEvent> {
    let mut chance = fastrand::Rng::with_seed(SEED);
    let again = deliveries - events.len();
    let again = (0..again).map(|_| events[chance.usize(0..events.len())].clone());
    let again: Vec<_> = again.collect();
    let mut all = [events, &again].concat();
    chance.shuffle(&mut all);
    all
}
