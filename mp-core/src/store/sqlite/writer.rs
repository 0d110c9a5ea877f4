use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rusqlite::{Connection, Error, Statement};

use super::{
    commit::Commits,
    crew::Queue,
    delivery::Deliveries,
    error::store_error,
    job::{Job, Statements},
    patience::patiently,
};
use crate::store::{StoreError, StoreErrorKind};

/// The most jobs that share one transaction.
pub(super) const GROUP_MAX: usize = 256;

/// Does the jobs of all callers on the one connection that writes, many in each transaction.
///
/// It never waits for company: a lone job goes straight through, and while its transaction is
/// being made durable the next group gathers by itself.
#[derive(Debug)]
pub(super) struct Writer<'c> {
    connection: &'c Connection,
    begin: Statement<'c>,
    commit: Statement<'c>,
    fence: Statement<'c>,
    statements: Statements<'c>,
    busy_timeout: Duration,
    transactions: Arc<AtomicU64>,
}

/// Why a group was not done as a whole.
enum Failure {
    /// The transaction could not be begun.
    Begin(Error),
    /// A job failed, and nothing was written.
    Job(Error),
    /// The transaction could not be committed; perhaps nothing was written.
    Commit(Error),
}

/// What became of a transaction whose COMMIT failed.
enum Fate {
    Done,
    NotDone,
    Unknown,
}

impl<'c> Writer<'c> {
    pub(super) fn prepare(
        connection: &'c Connection,
        busy_timeout: Duration,
        transactions: Arc<AtomicU64>,
    ) -> rusqlite::Result<Self> {
        // It waits by itself, and not as long between two tries as the engine would.
        connection.busy_timeout(Duration::ZERO)?;
        Ok(Self {
            connection,
            begin: connection.prepare("BEGIN IMMEDIATE")?,
            commit: connection.prepare("COMMIT")?,
            fence: connection
                .prepare("UPDATE mp_meta SET value = value + 1 WHERE name = 'fence'")?,
            statements: Statements {
                commits: Commits::prepare(connection)?,
                deliveries: Deliveries::prepare(connection)?,
            },
            busy_timeout,
            transactions,
        })
    }

    /// Does jobs until nobody can ask for more.
    pub(super) fn run(&mut self, jobs: &Queue<Job>) {
        let mut group = Vec::with_capacity(GROUP_MAX);
        while jobs.take(&mut group, GROUP_MAX) > 0 {
            self.perform(&mut group);
        }
    }

    /// Does a group in one transaction, or, if that cannot be, each job in its own.
    fn perform(&mut self, group: &mut Vec<Job>) {
        let error = match self.transact(group) {
            Ok(()) => return group.drain(..).for_each(Job::reply),
            Err(Failure::Begin(error)) => {
                self.roll_back();
                return fail_all(group, error);
            }
            Err(Failure::Job(error)) => error,
            Err(Failure::Commit(error)) => match self.fate(group) {
                Fate::Done => return group.drain(..).for_each(Job::reply),
                Fate::NotDone => error,
                Fate::Unknown => return doubt_all(group, error),
            },
        };
        if group.len() == 1 {
            return fail_all(group, error);
        }
        for job in group.drain(..) {
            self.perform(&mut vec![job]);
        }
    }

    fn transact(&mut self, group: &mut [Job]) -> Result<(), Failure> {
        self.begin().map_err(Failure::Begin)?;
        for job in group {
            if let Err(error) = job.run(&mut self.statements) {
                self.roll_back();
                return Err(Failure::Job(error));
            }
        }
        if let Err(error) = self.commit.execute([]) {
            self.roll_back();
            return Err(Failure::Commit(error));
        }
        self.transactions.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn begin(&mut self) -> rusqlite::Result<()> {
        let begin = &mut self.begin;
        patiently(self.busy_timeout, || begin.execute([]).map(drop))
    }

    fn roll_back(&self) {
        // The engine may have rolled back by itself; if it cannot, the next BEGIN says so.
        if !self.connection.is_autocommit() {
            drop(self.connection.execute_batch("ROLLBACK"));
        }
    }

    /// Finds out whether a transaction whose COMMIT failed was done all the same.
    ///
    /// What such a COMMIT left in the log is not seen now, but it might be after a crash. Another
    /// transaction writes over it in the log, and after that the answer is certain.
    fn fate(&mut self, group: &[Job]) -> Fate {
        self.seen(group).unwrap_or(Fate::Unknown)
    }

    fn seen(&mut self, group: &[Job]) -> rusqlite::Result<Fate> {
        self.begin()?;
        let seen = self.fence.execute([]).and_then(|_| self.look(group));
        match seen.and_then(|fate| self.commit.execute([]).map(|_| fate)) {
            Ok(fate) => Ok(fate),
            Err(error) => {
                self.roll_back();
                Err(error)
            }
        }
    }

    fn look(&mut self, group: &[Job]) -> rusqlite::Result<Fate> {
        // All of a transaction's commits share its fate, so that one of them tells.
        let Some((partition, batch, version)) = group.iter().rev().find_map(Job::written) else {
            return Ok(Fate::Unknown);
        };
        Ok(match self.statements.commits.head(partition)? {
            Some(head) if head == (version, batch.commit_id) => Fate::Done,
            Some((head, _)) if head > batch.expect => Fate::Unknown,
            _ => Fate::NotDone,
        })
    }
}

fn fail_all(group: &mut Vec<Job>, error: Error) {
    let error = Arc::new(error);
    for job in group.drain(..) {
        let op = job.op();
        job.fail(store_error(op, error.clone()));
    }
}

fn doubt_all(group: &mut Vec<Job>, error: Error) {
    let error = Arc::new(error);
    for job in group.drain(..) {
        let op = job.op();
        job.fail(StoreError::new(StoreErrorKind::Unknown, op, error.clone()));
    }
}
