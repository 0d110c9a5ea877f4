use std::{
    fmt::Display,
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdout, Command, ExitStatus},
    thread,
    time::{Duration, Instant},
};

use crate::child::READY;

/// A child, from its start to its end; dropped, it is killed.
///
/// Its methods panic where a child does not do what it has to.
#[derive(Debug)]
pub struct Process {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Process {
    pub(crate) fn new(mut child: Child) -> Self {
        let output = BufReader::new(child.stdout.take().expect("its output is piped"));
        Self { child, output }
    }

    /// Waits until the child [says](crate::say_ready) that it is ready, and returns what it says
    /// besides.
    pub fn wait_until_ready(&mut self) -> String {
        loop {
            let line = self.line().expect("the child becomes ready");
            if let Some(about) = line.strip_prefix(READY) {
                return about.to_owned();
            }
        }
    }

    /// Hands over everything that the child is [handed](crate::handed), one item a line.
    pub fn hand(&mut self, items: impl IntoIterator<Item = impl Display>) {
        let mut input = self.child.stdin.take().expect("it is handed all at once");
        let lines: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
        writeln!(input, "{}", lines.join("\n")).expect("the child reads");
    }

    /// Returns what the child says next; `None` at its end. A line that its death cut off says
    /// nothing.
    pub fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.output.read_line(&mut line);
        read.expect("a child speaks text");
        line.strip_suffix('\n').map(str::to_owned)
    }

    /// Returns its number in the system.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kills it, as the kernel does: at any moment, with no time for last words.
    pub fn kill(&mut self) {
        self.child.kill().expect("the child is killed");
        self.wait();
    }

    /// Waits until it has ended.
    pub fn wait(&mut self) -> ExitStatus {
        self.child.wait().expect("the child has ended")
    }

    /// Tells it to stop (`SIGTERM`), and waits until it has, gracefully, within some time.
    pub fn terminate(&mut self, patience: Duration) {
        // The shell's own: a small system has no program of that name.
        let kill = format!("kill -TERM {}", self.id());
        let told = Command::new("sh").args(["-c", &kill]).status();
        assert!(told.expect("a shell runs").success());
        let started = Instant::now();
        let ended = loop {
            if let Some(ended) = self.child.try_wait().expect("the child can be asked") {
                break ended;
            }
            assert!(started.elapsed() < patience, "it does not stop");
            thread::sleep(Duration::from_millis(5));
        };
        assert!(ended.success(), "it did not stop gracefully: {ended}");
    }

    /// Reads acknowledgements until the child ends, kills it after so many, and returns them and
    /// whether it was killed before it came to its end.
    pub(crate) fn live<T>(
        mut self,
        acknowledgements: usize,
        read: impl Fn(&str) -> Option<T>,
    ) -> (Vec<T>, bool) {
        let mut acknowledged = Vec::new();
        while let Some(line) = self.line() {
            let Some(told) = read(&line) else { continue };
            acknowledged.push(told);
            if acknowledged.len() == acknowledgements {
                self.child.kill().expect("the child is killed");
            }
        }
        let ended = self.wait();
        let was_to_live = acknowledged.len() < acknowledgements;
        assert!(ended.success() || !was_to_live, "the child failed: {ended}");
        (acknowledged, !ended.success())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Whoever has ended and was waited for is not there to be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
