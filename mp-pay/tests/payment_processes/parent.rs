use killed_processes::{Acknowledged, Rush};

use crate::{child, class::Class, shop, target::Target};

pub(crate) const PROCESSES: u64 = 4;

/// How often each process is killed, more or less.
const KILLS: usize = 4;

/// Commands by several processes, which are killed at random moments and started again.
#[derive(Debug)]
pub(crate) struct Run {
    /// The test that the processes run as.
    test: &'static str,
    class: Class,
    /// Whether the processes ignore which head is expected.
    blind: bool,
}

/// What came of each command, as the processes have told: that it was made, or the code of an error.
pub(crate) type Done = Acknowledged<u64, String>;

impl Run {
    pub(crate) const fn of(test: &'static str, class: Class) -> Self {
        Self {
            test,
            class,
            blind: false,
        }
    }

    pub(crate) const fn blind(mut self) -> Self {
        self.blind = true;
        self
    }

    /// Has all commands given, and returns what was told of them.
    pub(crate) fn run(&self, target: &Target) -> Done {
        let commands = shop::commands();
        let of = |process| (0..commands).filter(move |it| it % PROCESSES == process);
        let a_portion = usize::try_from(commands / PROCESSES).unwrap_or(usize::MAX);
        let rush = Rush {
            portions: (0..PROCESSES).map(|it| of(it).collect()).collect(),
            life_max: a_portion * 2 / KILLS,
            acknowledgement: child::acknowledgement,
        };
        rush.run(|| child::start(self.test, target, self.class, self.blind))
    }
}
