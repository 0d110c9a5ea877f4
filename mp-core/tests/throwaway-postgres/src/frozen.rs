use std::io;

use rustix::process::{Pid, Signal, kill_process};

use crate::Server;

/// A server that stands still; dropped, it goes on.
#[derive(Debug)]
pub struct Frozen {
    processes: Vec<Pid>,
    /// It does not end meanwhile: a process that stands still heeds no signal to end.
    _server: Server,
}

impl Frozen {
    pub(crate) fn new(server: &Server, processes: Vec<Pid>) -> io::Result<Self> {
        let frozen = Self {
            processes,
            _server: server.clone(),
        };
        for process in &frozen.processes {
            kill_process(*process, Signal::STOP)?;
        }
        Ok(frozen)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        for process in &self.processes {
            // A session may have been ended from outside.
            let _ = kill_process(*process, Signal::CONT);
        }
    }
}
