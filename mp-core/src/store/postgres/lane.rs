use std::{
    collections::VecDeque,
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
    group::Group,
    hint::Hints,
    queue::{Job, Queue},
};

/// How long the parts of a group are tried before the rest of them are told that it cannot be: they may
/// all wait for the same that never comes.
const PARTS_MAX: Duration = Duration::from_secs(5);

/// How long after it was accepted a job whose partition is held is waited for no longer, but looked at
/// in passing: those behind it have waited too.
const LATE_AFTER: Duration = Duration::from_secs(5);

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

    /// Commits a group as a whole or, if that cannot be, in halves, and those in halves again: so that
    /// soon all are through but those that stand in the way.
    async fn perform(&self, group: Group<'_>) {
        let mut failed = None;
        let mut hasty = is_late(group.jobs());
        let mut parts = VecDeque::from([group]);
        while let Some(part) = parts.pop_front() {
            if failed.is_some_and(|since: Instant| since.elapsed() > PARTS_MAX) {
                part.fail(Failure::new(Fate::NotRun, "those before it took too long"));
                continue;
            }
            let failure = match self.transact(part.jobs(), hasty).await {
                Ok(applied) => {
                    part.answer(&applied);
                    continue;
                }
                Err(failure) => failure,
            };
            failed.get_or_insert_with(Instant::now);
            let held = failure.is_of_held_row();
            match part.jobs() {
                [job] if held && hasty && !job.alone => part.put_back(),
                [_, _, ..] if failure.may_be_of_one() => parts.extend(part.halves()),
                _ => part.fail(failure),
            }
            hasty |= held;
        }
    }

    /// Commits jobs together, waiting for a moment only if in haste for what others hold.
    async fn transact(&self, jobs: &[Job], hasty: bool) -> Result<Vec<bool>, Failure> {
        let connections = match hasty {
            true => &self.connections.hasty(),
            false => &self.connections,
        };
        let mut answer = pin!(commit::apply(connections, jobs));
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

/// Returns whether a job goes alone, and has waited for that for long.
fn is_late(jobs: &[Job]) -> bool {
    jobs.iter()
        .all(|job| job.alone && job.accepted_at.elapsed() > LATE_AFTER)
}
