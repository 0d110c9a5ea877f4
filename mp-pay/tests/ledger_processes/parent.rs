use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdout},
    thread,
};

use crate::{child, target::Target};

pub(crate) const PROCESSES: u64 = 4;

/// How often each process is killed, more or less.
const KILLS: usize = 6;

/// Commands by several processes, which are killed at random moments and started again.
#[derive(Debug)]
pub(crate) struct Run {
    /// The test that the processes run as.
    test: &'static str,
    /// Whether the processes ignore which head is expected.
    blind: bool,
    commands: u64,
}

/// What the processes have told.
#[derive(Debug, Default)]
pub(crate) struct Done {
    /// Whether each command was carried out.
    pub(crate) told: BTreeMap<u64, bool>,
    pub(crate) kills: usize,
}

impl Run {
    pub(crate) const fn of(test: &'static str, commands: u64) -> Self {
        Self {
            test,
            blind: false,
            commands,
        }
    }

    pub(crate) const fn blind(mut self) -> Self {
        self.blind = true;
        self
    }

    /// Has all commands given, and returns what was told of them.
    pub(crate) fn run(&self, target: &Target) -> Done {
        // All are ready before the first begins: otherwise that might be done before the last is.
        let first: Vec<Life> = (0..PROCESSES).map(|_| self.start(target)).collect();
        let mut all = Done::default();
        thread::scope(|scope| {
            let keep = |(process, first)| {
                scope.spawn(move || self.keep_one_running(target, process, first))
            };
            let processes: Vec<_> = (0..).zip(first).map(keep).collect();
            for process in processes {
                let done = process.join().expect("a process failed");
                all.told.extend(done.told);
                all.kills += done.kills;
            }
        });
        all
    }

    /// Starts a child again and again, until all commands of one process were acknowledged.
    fn keep_one_running(&self, target: &Target, process: u64, first: Life) -> Done {
        let of_process = |number: &u64| number % PROCESSES == process;
        let mut waiting: BTreeSet<u64> = (0..self.commands).filter(of_process).collect();
        let life_max = waiting.len() * 2 / KILLS;
        let (mut done, mut next) = (Done::default(), Some(first));
        while !waiting.is_empty() {
            let mut child = next.take().unwrap_or_else(|| self.start(target));
            child.hand(&waiting);
            let (acknowledged, killed) = child.run(fastrand::usize(1..=life_max));
            done.kills += usize::from(killed);
            for (number, made) in acknowledged {
                assert!(waiting.remove(&number), "{number} was not asked for");
                done.told.insert(number, made);
            }
            assert!(killed || waiting.is_empty(), "a child ended early");
        }
        done
    }

    fn start(&self, target: &Target) -> Life {
        Life::start(child::start(self.test, target, self.blind))
    }
}

/// A child from its start to its end.
struct Life {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Life {
    /// Waits until the child's store is open.
    fn start(mut child: Child) -> Self {
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut life = Self { child, output };
        while life.line().expect("the child opens its store").trim_end() != child::READY {}
        life
    }

    /// Hands over the commands that are to be given.
    fn hand(&mut self, numbers: &BTreeSet<u64>) {
        let mut input = self.child.stdin.take().expect("a pipe");
        let lines: Vec<String> = numbers.iter().map(u64::to_string).collect();
        writeln!(input, "{}", lines.join("\n")).expect("the child reads");
    }

    /// Reads acknowledgements until the child ends, kills it after so many, and returns them and
    /// whether it was killed before it came to its end.
    fn run(mut self, life: usize) -> (Vec<(u64, bool)>, bool) {
        let mut acknowledged = Vec::new();
        while let Some(line) = self.line() {
            acknowledged.extend(child::acknowledgement(&line));
            if acknowledged.len() == life {
                self.child.kill().expect("the child is killed");
            }
        }
        let ended = self.child.wait().expect("the child has ended");
        assert!(
            ended.success() || acknowledged.len() >= life,
            "the child failed"
        );
        (acknowledged, !ended.success())
    }

    /// Reads one line, as far as it got; `None` at the end.
    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self
            .output
            .read_line(&mut line)
            .expect("a child speaks text");
        (read > 0).then_some(line)
    }
}
