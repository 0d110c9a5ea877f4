use std::{
    fs::{self, File},
    io,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{account::Account, binaries::Binaries};

/// The longest that a start may take, recovery included.
const START_MAX: Duration = Duration::from_secs(60);

/// How often is looked whether the server is ready.
const POLL: Duration = Duration::from_millis(5);

/// The first of the server's processes.
#[derive(Debug)]
pub(crate) struct Postmaster(Child);

impl Postmaster {
    /// Starts a server on the cluster in `folder`, and waits until it takes connections.
    ///
    /// After a kill, the old server's processes need a moment to notice; until then a new one
    /// refuses to start, and is started again.
    pub(crate) fn start(account: Account, binaries: &Binaries, folder: &Path) -> io::Result<Self> {
        let until = Instant::now() + START_MAX;
        loop {
            let mut postmaster = Self::spawn(account, binaries, folder)?;
            if postmaster.is_ready_before(until, folder)? {
                return Ok(postmaster);
            }
            if Instant::now() >= until {
                return Err(failed("does not start", folder));
            }
            thread::sleep(POLL * 10);
        }
    }

    fn spawn(account: Account, binaries: &Binaries, folder: &Path) -> io::Result<Self> {
        let log = File::options()
            .append(true)
            .create(true)
            .open(folder.join("log"))?;
        let mut command = account.command(binaries.postgres(), folder);
        command.arg("-D").arg(folder.join("data"));
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        // Out of reach of an interrupt from the keyboard: the keeper stops it.
        command.process_group(0).spawn().map(Self)
    }

    /// Waits until the server takes connections, which the last line of its lock file says; returns
    /// false if it ended instead.
    fn is_ready_before(&mut self, until: Instant, folder: &Path) -> io::Result<bool> {
        let lock = folder.join("data/postmaster.pid");
        let own = self.0.id().to_string();
        while self.0.try_wait()?.is_none() {
            let lines = fs::read_to_string(&lock).unwrap_or_default();
            let ours = lines.lines().next() == Some(&own);
            if ours
                && lines
                    .lines()
                    .last()
                    .is_some_and(|line| line.trim() == "ready")
            {
                return Ok(true);
            }
            if Instant::now() >= until {
                self.0.kill()?;
                self.0.wait()?;
                return Err(failed("does not become ready", folder));
            }
            thread::sleep(POLL);
        }
        Ok(false)
    }

    /// Returns the first process.
    pub(crate) fn pid(&self) -> Option<Pid> {
        i32::try_from(self.0.id()).ok().and_then(Pid::from_raw)
    }

    /// Sends the first process a signal and waits until it is gone.
    pub(crate) fn end(mut self, signal: Signal) -> io::Result<()> {
        if let Some(pid) = self.pid()
            && self.0.try_wait()?.is_none()
        {
            kill_process(pid, signal)?;
        }
        self.0.wait().map(drop)
    }
}

/// Says what a server fails to do and, in its own words, why.
fn failed(what: &str, folder: &Path) -> io::Error {
    let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
    let why = log.lines().rfind(|line| line.contains("FATAL"));
    io::Error::other(format!(
        "the server {what}: {}",
        why.unwrap_or("it says nothing")
    ))
}
