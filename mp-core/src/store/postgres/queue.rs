use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use bytes::Bytes;
use tokio::sync::{Notify, oneshot};

use super::{distribution::Distribution, held::Held};
use crate::store::{Batch, Partition, StoreError, StoreErrorKind, Version};

/// The most commits that wait for a lane; what comes on top is `Unavailable` at once.
const WAITING_MAX: usize = 16_384;

/// The most commits that share one transaction, and the most bytes of them, about: one more than
/// that is in it.
const GROUP_MAX: usize = 256;
const GROUP_BYTES_MAX: usize = 8 * 1024 * 1024;

/// How many lanes always take what there is, and how many commits have to wait before another joins
/// them. With few lanes at work groups are large, and a commit in a large group costs the server
/// half of one in a small group; but one lane alone would make two callers take turns.
const LANES_FREE: usize = 2;
const GROUP_WORTH: usize = 32;

/// A commit that was accepted, and whom to tell.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) partition: Partition,
    pub(super) batch: Batch,
    pub(super) accepted_at: Instant,
    /// Whether it goes alone, since its partition was found held.
    pub(super) alone: bool,
    reply: oneshot::Sender<Answer>,
}

pub(super) type Answer = Result<Version, StoreError>;

impl Job {
    pub(super) fn new(partition: Partition, batch: Batch) -> (Self, oneshot::Receiver<Answer>) {
        let (reply, answer) = oneshot::channel();
        let job = Self {
            partition,
            batch,
            accepted_at: Instant::now(),
            alone: false,
            reply,
        };
        (job, answer)
    }

    /// Returns about how much is sent to the server.
    pub(super) fn bytes(&self) -> usize {
        let writes = self.batch.writes.iter();
        writes
            .map(|write| write.value().map_or(0, Bytes::len))
            .sum()
    }

    /// Returns the head version that the batch makes.
    pub(super) fn next(&self) -> Version {
        self.batch.expect.next(self.batch.at)
    }

    /// Sends the answer.
    pub(super) fn reply(self, answer: Answer) {
        // Whoever asked may have gone away; what was done stays done.
        drop(self.reply.send(answer));
    }
}

/// The commits that all lanes take turns in, at most one of each partition in one moment.
///
/// A later commit of a partition steps forward when the one before it is done: in one group they
/// would write the same row twice, and in two lanes wait for each other's locks.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Debug)]
struct State {
    grouping: Grouping,
    /// One job of each partition that has any and is not being worked on, but for those in `held`.
    ready: VecDeque<Job>,
    held: Held,
    /// The later jobs of the partitions that stand in `ready` or `held` or are being worked on.
    lines: HashMap<Partition, VecDeque<Job>>,
    waiting: usize,
    /// How many lanes are at work, those left out that can only wait.
    working: usize,
    closed: bool,
}

/// How commits share transactions.
#[derive(Clone, Copy, Debug)]
struct Grouping {
    /// How many share one at most.
    most: usize,
    /// How many have to wait before one lane more goes to work.
    worth: usize,
}

impl Grouping {
    /// A transaction of tables on several servers would have to span them: there each commit goes
    /// alone, and every lane is at work.
    const fn of(distribution: Distribution) -> Self {
        let (most, worth) = match distribution {
            Distribution::Single => (GROUP_MAX, GROUP_WORTH),
            Distribution::BySlot => (1, 1),
        };
        Self { most, worth }
    }
}

impl Queue {
    /// Creates a queue for so many lanes, to commit to tables that are distributed so.
    pub(super) fn new(lanes: usize, distribution: Distribution) -> Self {
        let state = State {
            grouping: Grouping::of(distribution),
            ready: VecDeque::new(),
            held: Held::new(lanes),
            lines: HashMap::new(),
            waiting: 0,
            working: 0,
            closed: false,
        };
        Self {
            state: Mutex::new(state),
            arrived: Notify::new(),
        }
    }

    /// Queues jobs, all or none, or says at once that there are too many.
    pub(super) fn accept(&self, jobs: Vec<Job>) -> Result<(), StoreError> {
        let mut state = self.lock();
        let problem = if state.closed {
            "the store was closed"
        } else if state.waiting + jobs.len() > WAITING_MAX {
            "too many calls are waiting"
        } else {
            jobs.into_iter().for_each(|job| state.push(job));
            self.wake(state);
            return Ok(());
        };
        Err(unavailable(problem))
    }

    /// Waits for jobs and takes a group of them, in the order of the tables; nothing once the end has
    /// come.
    pub(super) async fn take(&self) -> Vec<Job> {
        loop {
            let arrived = self.arrived.notified();
            if let Some(group) = self.try_take() {
                return group;
            }
            arrived.await;
        }
    }

    fn try_take(&self) -> Option<Vec<Job>> {
        let mut state = self.lock();
        if !state.has_any() {
            return state.closed.then(Vec::new);
        }
        if !state.has_room() {
            return None;
        }
        state.working += 1;
        let mut group = state.take();
        self.wake(state);
        // Every process locks the heads in this order, so that no two wait for each other in a ring.
        group.sort_unstable_by(|one, next| place(&one.partition).cmp(&place(&next.partition)));
        Some(group)
    }

    /// Notes that a lane has done what it took.
    pub(super) fn rest(&self) {
        self.lock().working -= 1;
    }

    /// Notes that a lane at work can only wait for now, so that another does what there is.
    pub(super) fn stand_still(&self) {
        let mut state = self.lock();
        state.working -= 1;
        self.wake(state);
    }

    /// Notes that a lane which could only wait is at work again.
    pub(super) fn go_on(&self) {
        self.lock().working += 1;
    }

    /// Lets the next jobs of their partitions step forward, now that these are done.
    pub(super) fn release(&self, done: &[Job]) {
        let mut state = self.lock();
        for job in done {
            state.release(&job.partition);
        }
        self.wake(state);
    }

    /// Notes that a job was told that somebody holds its partition.
    pub(super) fn found_held(&self, job: &Job) {
        self.lock().held.remember(&job.partition);
    }

    /// Notes that a job got through.
    pub(super) fn found_free(&self, job: &Job) {
        self.lock().held.forget(&job.partition);
    }

    /// Queues a job again that found its partition held; it keeps its place before the later ones.
    pub(super) fn put_back(&self, job: Job) {
        let mut state = self.lock();
        state.held.remember(&job.partition);
        state.waiting += 1;
        state.step_forward(job);
        self.wake(state);
    }

    /// Takes no more jobs; what was accepted is still done.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_waiters();
    }

    /// Refuses what was accepted, now that nobody is left to do it.
    pub(super) fn abandon(&self) {
        self.close();
        let mut state = self.lock();
        let lines = std::mem::take(&mut state.lines);
        let mut jobs: Vec<Job> = state.ready.drain(..).collect();
        jobs.extend(state.held.drain());
        jobs.extend(lines.into_values().flatten());
        drop(state);
        for job in jobs {
            job.reply(Err(unavailable("the runtime of the store has ended")));
        }
    }

    /// Wakes a lane if there is something for it to take.
    fn wake(&self, state: MutexGuard<'_, State>) {
        let takes = state.has_any() && state.has_room();
        drop(state);
        if takes {
            self.arrived.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Returns whether there is something that may be taken.
    fn has_any(&self) -> bool {
        !self.ready.is_empty() || self.held.is_ready()
    }

    /// Returns whether a lane more should be at work.
    fn has_room(&self) -> bool {
        self.closed || self.working < LANES_FREE || self.ready.len() >= self.grouping.worth
    }

    fn take(&mut self) -> Vec<Job> {
        let others = !self.ready.is_empty();
        if let Some(job) = self.held.take(others) {
            self.waiting -= 1;
            return vec![job];
        }
        let mut bytes = 0;
        let within = |job: &&Job| {
            let room = bytes < GROUP_BYTES_MAX;
            bytes += job.bytes();
            room
        };
        let count = self.ready.iter().take(self.grouping.most);
        let count = count.take_while(within).count();
        self.waiting -= count;
        self.ready.drain(..count).collect()
    }

    fn release(&mut self, partition: &Partition) {
        self.held.release(partition);
        let Some(line) = self.lines.get_mut(partition) else {
            return;
        };
        if let Some(job) = line.pop_front() {
            self.step_forward(job);
        } else {
            self.lines.remove(partition);
        }
    }

    fn push(&mut self, job: Job) {
        self.waiting += 1;
        if let Some(line) = self.lines.get_mut(&job.partition) {
            line.push_back(job);
        } else {
            self.lines.insert(job.partition.clone(), VecDeque::new());
            self.step_forward(job);
        }
    }

    fn step_forward(&mut self, job: Job) {
        if self.held.contains(&job.partition) {
            self.held.push(job);
        } else {
            self.ready.push_back(job);
        }
    }
}

/// Returns by what the tables are ordered, and an index on them.
fn place(partition: &Partition) -> (u16, &str) {
    (partition.slot(), partition.id())
}

fn unavailable(problem: &'static str) -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, "commit", problem)
}
