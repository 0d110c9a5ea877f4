use std::{
    env,
    ffi::OsStr,
    process::{Command, Stdio},
};

use crate::Process;

/// One test of this program, and what it is told when it is run as a process of its own.
#[derive(Debug)]
pub struct Program(Command);

impl Program {
    /// Names the test, which must find out by what it is [told](crate::told) that it is a child,
    /// before it does anything else.
    ///
    /// # Panics
    ///
    /// If the system does not say which program this is.
    #[must_use]
    pub fn of_test(test: &str) -> Self {
        let mut command = Command::new(env::current_exe().expect("a test has a file"));
        command
            .args(["--exact", test, "--nocapture"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        Self(command)
    }

    /// Tells it something, under a name of the environment.
    #[must_use]
    pub fn told(mut self, name: &str, what: impl AsRef<OsStr>) -> Self {
        self.0.env(name, what);
        self
    }

    /// Leaves out what it complains of.
    #[must_use]
    pub fn without_complaints(mut self) -> Self {
        self.0.stderr(Stdio::null());
        self
    }

    /// Starts it.
    ///
    /// # Panics
    ///
    /// If it does not start.
    #[must_use]
    pub fn start(mut self) -> Process {
        Process::new(self.0.spawn().expect("the child starts"))
    }
}
