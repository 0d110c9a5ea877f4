use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::time::timeout;

use super::{
    commit,
    connections::Connections,
    error::{Failure, Fate},
    hint::Hints,
    queue::{Job, Queue},
};
use crate::store::{StoreError, StoreErrorKind};

/// How long members of a group are tried alone before the rest of them are told that it cannot be:
/// they may all wait for the same that never comes.
const ALONE_MAX: Duration = Duration::from_secs(5);

/// How long a lane counts as at work on one transaction. Whoever takes longer waits, for a row that
/// somebody holds or a server that says nothing, and is not to keep the others from what they can do.
const WORK_MAX: Duration = Duration::from_millis(50);

/// Commits what waits in the queue, many partitions in each transaction.
///
/// It never waits for company: a lone commit goes straight through, and while all lanes have a
/// transaction on its way the next group gathers by itself.
#[derive(Debug)]
pub(super) struct Lane {
    queue: Arc<Queue>,
    connections: Connections,
    hints: Arc<Hints>,
    transactions: Arc<AtomicU64>,
    alive: Arc<AtomicUsize>,
}

impl Lane {
    /// Starts lanes on the present runtime; they end once the queue is closed and empty.
    pub(super) fn start(
        count: usize,
        queue: &Arc<Queue>,
        connections: &Connections,
        hints: &Arc<Hints>,
        transactions: &Arc<AtomicU64>,
    ) {
        let alive = Arc::new(AtomicUsize::new(count));
        for _ in 0..count {
            let lane = Self {
                queue: queue.clone(),
                connections: connections.clone(),
                hints: hints.clone(),
                transactions: transactions.clone(),
                alive: alive.clone(),
            };
            tokio::spawn(lane.run());
        }
    }

    async fn run(self) {
        loop {
            let jobs = self.queue.take().await;
            if jobs.is_empty() {
                return;
            }
            let many = jobs.len() > 1;
            {
                let _shift = Shift(&self.queue);
                self.perform(Group::new(&self.queue, jobs)).await;
            }
            if many {
                // Those who were just answered may be about to commit again: let them share the
                // next transaction instead of the one after it.
                tokio::task::yield_now().await;
            }
        }
    }

    /// Commits a group as a whole or, if that cannot be, each member alone.
    async fn perform(&self, mut group: Group<'_>) {
        let failure = match self.transact(&group.jobs).await {
            Ok(applied) => return group.answer(&applied),
            Err(failure) => failure,
        };
        if group.jobs.len() == 1 || !failure.may_be_of_one() {
            return group.fail(failure);
        }
        let begun = Instant::now();
        while begun.elapsed() < ALONE_MAX
            && let Some(alone) = group.split_one()
        {
            match self.transact(&alone.jobs).await {
                Ok(applied) => alone.answer(&applied),
                Err(failure) => alone.fail(failure),
            }
        }
        group.fail(Failure::new(Fate::NotRun, "those before it took too long"));
    }

    async fn transact(&self, jobs: &[Job]) -> Result<Vec<bool>, Failure> {
        let mut answer = pin!(commit::apply(&self.connections, jobs));
        let applied = match timeout(WORK_MAX, answer.as_mut()).await {
            Ok(applied) => applied?,
            Err(_) => {
                let _waiting = Standstill::begin(&self.queue);
                answer.await?
            }
        };
        self.transactions.fetch_add(1, Ordering::Relaxed);
        self.hints.consider(jobs);
        Ok(applied)
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        // Its runtime has ended, if the queue was not closed.
        if self.alive.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.queue.abandon();
        }
    }
}

/// A lane at work; whatever happens to it, it is counted no longer than that.
#[derive(Debug)]
struct Shift<'q>(&'q Queue);

impl Drop for Shift<'_> {
    fn drop(&mut self) {
        self.0.rest();
    }
}

/// A lane that waits in the middle of its work; whatever becomes of that, it is at work again after.
#[derive(Debug)]
struct Standstill<'q>(&'q Queue);

impl<'q> Standstill<'q> {
    fn begin(queue: &'q Queue) -> Self {
        queue.stand_still();
        Self(queue)
    }
}

impl Drop for Standstill<'_> {
    fn drop(&mut self) {
        self.0.go_on();
    }
}

/// Jobs that are being worked on; their partitions are released with them, whatever happens.
#[derive(Debug)]
struct Group<'q> {
    jobs: Vec<Job>,
    queue: &'q Queue,
}

impl<'q> Group<'q> {
    const fn new(queue: &'q Queue, jobs: Vec<Job>) -> Self {
        Self { jobs, queue }
    }

    fn split_one(&mut self) -> Option<Self> {
        let job = self.jobs.pop()?;
        Some(Self::new(self.queue, vec![job]))
    }

    fn answer(mut self, applied: &[bool]) {
        for (job, applied) in self.release().into_iter().zip(applied) {
            let version = job.next();
            job.reply(applied.then_some(version).ok_or_else(StoreError::conflict));
        }
    }

    fn fail(mut self, failure: Failure) {
        let error = failure.store_error("commit", StoreErrorKind::Unknown);
        for job in self.release() {
            job.reply(Err(error.clone()));
        }
    }

    fn release(&mut self) -> Vec<Job> {
        let jobs = std::mem::take(&mut self.jobs);
        self.queue.release(&jobs);
        jobs
    }
}

impl Drop for Group<'_> {
    fn drop(&mut self) {
        drop(self.release());
    }
}
