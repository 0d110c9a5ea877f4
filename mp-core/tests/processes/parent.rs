use killed_processes::Rush;

use crate::{child, joins::Told, target::Target};

const PROCESSES: usize = 4;

/// The most joins that a child lives to acknowledge.
const LIFE_MAX: usize = 250;

/// How many users each process has join.
const USERS: usize = 2_500;

/// A rush by several processes, which are killed at random moments and started again.
#[derive(Debug)]
pub(crate) struct Rushed {
    /// The test that the processes run as.
    pub(crate) test: &'static str,
    /// Whether the processes ignore which head is expected.
    pub(crate) blind: bool,
}

impl Rushed {
    /// Lets all users of all processes join, and returns who was told which number, and how many
    /// children were killed.
    pub(crate) fn run(&self, target: &Target) -> (Told, usize) {
        let users = |process| (0..USERS).map(move |number| format!("user-{process}-{number}"));
        let rush = Rush {
            portions: (0..PROCESSES).map(|it| users(it).collect()).collect(),
            life_max: LIFE_MAX,
            acknowledgement: child::acknowledgement,
        };
        let joined = rush.run(|| child::start(self.test, target, self.blind));
        (joined.answers, joined.kills)
    }
}
