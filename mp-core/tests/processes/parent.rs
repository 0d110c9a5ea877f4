use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdout},
    thread,
};

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
        // All are ready before the first begins: otherwise that might be done before the last is.
        let first: Vec<Life> = (0..PROCESSES).map(|_| self.start(target)).collect();
        let (mut told, mut kills) = (Told::new(), 0);
        thread::scope(|scope| {
            let keep = |(process, first)| {
                scope.spawn(move || self.keep_one_running(target, process, first))
            };
            let processes: Vec<_> = first.into_iter().enumerate().map(keep).collect();
            for process in processes {
                let (of_one, killed) = process.join().expect("a process failed");
                told.extend(of_one);
                kills += killed;
            }
        });
        (told, kills)
    }

    /// Starts a child again and again, until all users of one process were told their numbers.
    fn keep_one_running(&self, target: &Target, process: usize, first: Life) -> (Told, usize) {
        let user = |number| format!("user-{process}-{number}");
        let mut waiting: BTreeSet<String> = (0..USERS).map(user).collect();
        let (mut told, mut kills) = (Told::new(), 0);
        let mut next = Some(first);
        while !waiting.is_empty() {
            let mut child = next.take().unwrap_or_else(|| self.start(target));
            child.hand(&waiting);
            let (acknowledged, killed) = child.run(fastrand::usize(1..=LIFE_MAX));
            kills += usize::from(killed);
            for (user, number) in acknowledged {
                assert!(waiting.remove(&user), "{user} was not asked for");
                told.insert(user, number);
            }
            assert!(killed || waiting.is_empty(), "a child ended early");
        }
        (told, kills)
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

    /// Hands over the users who are to join.
    fn hand(&mut self, users: &BTreeSet<String>) {
        let mut input = self.child.stdin.take().expect("a pipe");
        let lines: Vec<&str> = users.iter().map(String::as_str).collect();
        writeln!(input, "{}", lines.join("\n")).expect("the child reads");
    }

    /// Reads acknowledgements until the child ends, kills it after so many, and returns them and
    /// whether it was killed before it came to its end.
    fn run(mut self, life: usize) -> (Vec<(String, u64)>, bool) {
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
