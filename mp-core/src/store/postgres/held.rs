use std::collections::{HashSet, VecDeque};

use super::queue::Job;
use crate::store::Partition;

/// How many partitions are remembered; one more, and all are forgotten. A partition that is held and
/// forgotten makes one group wait for it again.
const REMEMBERED_MAX: usize = 1_024;

/// The partitions whose last commit found them held for too long, and those of their jobs that wait for
/// a lane.
///
/// They go alone, each until one gets through: in one transaction with others they would have these wait
/// as well.
#[derive(Debug)]
pub(super) struct Held {
    partitions: HashSet<Partition>,
    ready: VecDeque<Job>,
    /// What lanes are at work on, and how many lanes may be.
    taken: HashSet<Partition>,
    taken_max: usize,
    /// Whether one of them was taken last, so that others come first now.
    was_last: bool,
}

impl Held {
    /// Leaves one of so many lanes to the others, if there is more than one.
    pub(super) fn new(lanes: usize) -> Self {
        Self {
            partitions: HashSet::new(),
            ready: VecDeque::new(),
            taken: HashSet::new(),
            taken_max: lanes.saturating_sub(1).max(1),
            was_last: false,
        }
    }

    pub(super) fn contains(&self, partition: &Partition) -> bool {
        self.partitions.contains(partition)
    }

    pub(super) fn remember(&mut self, partition: &Partition) {
        if self.partitions.len() >= REMEMBERED_MAX {
            self.partitions.clear();
        }
        self.partitions.insert(partition.clone());
    }

    pub(super) fn forget(&mut self, partition: &Partition) {
        self.partitions.remove(partition);
    }

    pub(super) fn push(&mut self, mut job: Job) {
        job.alone = true;
        self.ready.push_back(job);
    }

    /// Returns whether there is something for a lane to take.
    pub(super) fn is_ready(&self) -> bool {
        !self.ready.is_empty() && self.taken.len() < self.taken_max
    }

    /// Takes a job, if there is one and it is its turn: every other time, as long as there are others.
    pub(super) fn take(&mut self, others: bool) -> Option<Job> {
        if !self.is_ready() || (others && self.was_last) {
            self.was_last = false;
            return None;
        }
        self.was_last = true;
        let job = self.ready.pop_front()?;
        self.taken.insert(job.partition.clone());
        Some(job)
    }

    /// Notes that a lane is done with a partition.
    pub(super) fn release(&mut self, partition: &Partition) {
        self.taken.remove(partition);
    }

    pub(super) fn drain(&mut self) -> impl Iterator<Item = Job> {
        self.ready.drain(..)
    }
}
