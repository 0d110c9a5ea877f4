use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, Result};
use tokio::sync::mpsc::{self, error::TrySendError};

use super::thread::Thread;
use crate::store::{StoreError, StoreErrorKind};

/// Threads that take their work from one bounded queue, each on a connection of its own.
///
/// Dropping it has them do what is queued, and waits for their end.
#[derive(Debug)]
pub(super) struct Crew<T> {
    // Dropped first: the threads end when nobody can ask for more.
    queue: mpsc::Sender<T>,
    threads: Vec<Thread>,
}

/// The end of the queue that a crew's threads take turns in.
#[derive(Debug)]
pub(super) struct Queue<T>(Arc<Mutex<mpsc::Receiver<T>>>);

impl<T: Send + 'static> Crew<T> {
    /// Starts one thread on each connection; `work` prepares, calls `ready`, and works.
    pub(super) fn start(
        name: &str,
        waiting_max: usize,
        connections: Vec<Connection>,
        work: impl Fn(&Connection, &Queue<T>, &dyn Fn()) -> Result<()> + Clone + Send + 'static,
    ) -> std::result::Result<Self, StoreError> {
        let (sender, receiver) = mpsc::channel(waiting_max);
        let receiver = Arc::new(Mutex::new(receiver));
        let mut crew = Self {
            queue: sender,
            threads: Vec::new(),
        };
        for connection in connections {
            let (work, queue) = (work.clone(), Queue(receiver.clone()));
            let body = move |ready: &dyn Fn()| work(&connection, &queue, ready);
            crew.threads.push(Thread::start(name, body)?);
        }
        Ok(crew)
    }

    /// Queues work, or says at once that there is too much of it.
    pub(super) fn accept(&self, op: &'static str, work: T) -> std::result::Result<(), StoreError> {
        self.queue.try_send(work).map_err(|error| {
            let problem = match error {
                TrySendError::Full(_) => "too many calls are waiting",
                TrySendError::Closed(_) => "the store's threads have ended",
            };
            StoreError::new(StoreErrorKind::Unavailable, op, problem)
        })
    }
}

impl<T> Queue<T> {
    /// Waits for work and takes up to `most` of what there is; nothing once the end has come.
    pub(super) fn take(&self, work: &mut Vec<T>, most: usize) -> usize {
        let mut receiver = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        receiver.blocking_recv_many(work, most)
    }
}
