use super::{
    error::Failure,
    queue::{Job, Queue},
};
use crate::store::{StoreError, StoreErrorKind};

/// Jobs that are being worked on; their partitions are released with them, whatever happens.
#[derive(Debug)]
pub(super) struct Group<'q> {
    jobs: Vec<Job>,
    queue: &'q Queue,
}

impl<'q> Group<'q> {
    pub(super) const fn new(queue: &'q Queue, jobs: Vec<Job>) -> Self {
        Self { jobs, queue }
    }

    pub(super) fn jobs(&self) -> &[Job] {
        &self.jobs
    }

    /// Returns its halves, in the order of the tables; the second has the middle one.
    pub(super) fn halves(mut self) -> [Self; 2] {
        let mut first = std::mem::take(&mut self.jobs);
        let second = first.split_off(first.len() / 2);
        [first, second].map(|jobs| Self::new(self.queue, jobs))
    }

    pub(super) fn answer(mut self, applied: &[bool]) {
        if let ([job], [true]) = (self.jobs.as_slice(), applied) {
            self.queue.found_free(job);
        }
        for (job, applied) in self.release().into_iter().zip(applied) {
            let version = job.next();
            job.reply(applied.then_some(version).ok_or_else(StoreError::conflict));
        }
    }

    /// Has a job that was tried for a moment only, and found held, tried again when its turn comes.
    pub(super) fn put_back(mut self) {
        for job in std::mem::take(&mut self.jobs) {
            self.queue.put_back(job);
        }
    }

    pub(super) fn fail(mut self, failure: Failure) {
        if let [job] = self.jobs.as_slice()
            && failure.is_of_held_row()
        {
            self.queue.found_held(job);
        }
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
