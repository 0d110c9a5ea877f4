//! What callers are told: when it is known, and by whom of many.

use super::{job::Job, runner::Runner};
use crate::{
    error::{Error, ErrorKind},
    store::Version,
};

/// Jobs whose commit is done, and at which version.
pub(super) struct Done {
    pub(super) jobs: Vec<Box<dyn Job>>,
    pub(super) version: Version,
}

impl Runner {
    /// Tells those whose commit is done.
    pub(super) fn answer(&mut self) {
        let Some(Done { jobs, version }) = self.done.take() else {
            return;
        };
        for job in jobs {
            job.answer(version);
        }
    }

    /// Tells the jobs that they failed; if only one of many may be the cause, they are carried out
    /// one by one instead.
    pub(super) fn fail(&mut self, jobs: Vec<Box<dyn Job>>, error: &Error) {
        self.drop_family();
        if jobs.len() > 1 && may_be_of_one(error) {
            self.alone = jobs.len();
            return self.combiner.mailboxes.put_back(&self.partition, jobs);
        }
        for job in jobs {
            job.fail(error.clone());
        }
    }

    /// Keeps the jobs whose own records in the partition tell whether they took effect: deciding
    /// again either recalls their answers or is the first time. Until then, and of the others for
    /// ever, nobody can tell.
    pub(super) fn keep_remembered(
        &mut self,
        jobs: Vec<Box<dyn Job>>,
        error: &Error,
    ) -> Vec<Box<dyn Job>> {
        self.drop_family();
        let (mut kept, others): (Vec<_>, Vec<_>) =
            jobs.into_iter().partition(|job| job.is_remembered());
        for job in &mut kept {
            job.doubt(error.clone());
        }
        for job in others {
            job.fail(error.clone());
        }
        kept
    }
}

/// Returns whether one command of a batch may have brought the error on all of them: it wrote
/// what the store does not take, or what does not encode, or read too much.
fn may_be_of_one(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Corrupt | ErrorKind::Invalid | ErrorKind::Refused
    )
}
