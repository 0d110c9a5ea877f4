use killed_processes::{Acknowledged, Rush};
use mp_core::{
    Timestamp,
    clock::{Clock, SystemClock},
};

use crate::{call::Told, child, means::Means, shop, target::Target};

pub(crate) const PROCESSES: u64 = 4;

/// How often each process is killed, more or less.
const KILLS: usize = 4;

/// Calls by several processes, which are killed at random moments and started again.
#[derive(Debug)]
pub(crate) struct Run {
    /// The test that the processes run as.
    pub(crate) test: &'static str,
    pub(crate) means: Means,
    /// Whether the processes ignore which head is expected.
    pub(crate) blind: bool,
    /// From when on deadlines count.
    pub(crate) began: Timestamp,
}

/// What the caller of each number was told.
pub(crate) type Done = Acknowledged<u64, Told>;

impl Run {
    pub(crate) fn of(test: &'static str, means: Means) -> Self {
        Self {
            test,
            means,
            blind: false,
            began: SystemClock.now(),
        }
    }

    pub(crate) const fn blind(mut self) -> Self {
        self.blind = true;
        self
    }

    /// Has all calls made, and returns what was told of them.
    pub(crate) fn run(&self, target: &Target) -> Done {
        let calls = shop::calls();
        let of = |process| (0..calls).filter(move |it| it % PROCESSES == process);
        let a_portion = usize::try_from(calls / PROCESSES).unwrap_or(usize::MAX);
        let rush = Rush {
            portions: (0..PROCESSES).map(|it| of(it).collect()).collect(),
            life_max: a_portion * 2 / KILLS,
            acknowledgement: child::acknowledgement,
        };
        rush.run(|| child::start(self, target))
    }
}
