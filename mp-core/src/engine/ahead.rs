use std::{
    convert::Infallible,
    future::{Future, pending, poll_fn},
    mem,
    pin::{Pin, pin},
    task::Poll,
};

use super::{
    fate::Fate,
    job::Job,
    runner::{Runner, selections},
};
use crate::{
    clock::Timestamp,
    error::Error,
    store::{Batch, StoreError},
};

/// The most commands that one commit carries.
pub(super) const BATCH_MAX: usize = 512;

/// As many commands as share one commit even where two commits in turn could carry them.
const BATCH_WHOLE: usize = 32;

/// The jobs of the commit after the one that is on its way.
#[derive(Default)]
pub(super) struct Ahead {
    pub(super) decided: Vec<Box<dyn Job>>,
    /// When the last of them was decided.
    pub(super) now: Timestamp,
    pub(super) undecided: Vec<Box<dyn Job>>,
}

impl Runner {
    /// Sends a batch of so many jobs, and decides the next ones until its fate is known.
    pub(super) async fn send(&mut self, batch: Batch, jobs: usize) -> Fate {
        let (combiner, partition) = (self.combiner.clone(), self.partition.clone());
        let mut sending = pin!(combiner.send(&partition, batch));
        let fate = begin(sending.as_mut()).await;
        self.answer();
        if let Some(fate) = fate {
            return fate;
        }
        if self.alone > 0 || self.turn_is_over() {
            return sending.await;
        }
        let fate = {
            let mut ahead = pin!(self.look_ahead(jobs));
            poll_fn(|context| match sending.as_mut().poll(context) {
                Poll::Ready(fate) => Poll::Ready(fate),
                Poll::Pending => match ahead.as_mut().poll(context) {
                    Poll::Ready(never) => match never {},
                    Poll::Pending => Poll::Pending,
                },
            })
            .await
        };
        let undecided = mem::take(&mut self.ahead.undecided);
        combiner.mailboxes.put_back(&partition, undecided);
        fate
    }

    /// Decides jobs as they come in, on the state that the commit on its way will leave.
    ///
    /// It may be dropped at any await: no job is ever out of `self` then.
    async fn look_ahead(&mut self, sent: usize) -> Infallible {
        while self.load_ahead(sent).await.is_ok() {
            let mut jobs = mem::take(&mut self.ahead.undecided);
            let (count, now) = (jobs.len(), self.ahead.now);
            self.decide(&mut jobs, now);
            let full = jobs.len() < count;
            self.ahead.decided.extend(jobs);
            if full {
                break;
            }
        }
        // Whatever was in the way, after the commit it is met again.
        pending().await
    }

    /// Draws jobs and loads what they read.
    async fn load_ahead(&mut self, sent: usize) -> Result<(), Error> {
        loop {
            self.draw_ahead(sent).await;
            let now = self.now_ahead();
            let wanted = selections(&mut self.ahead.undecided, now);
            let Some(family) = &mut self.family else {
                return Err(StoreError::conflict().into());
            };
            let missing = family.missing(&wanted);
            if missing.is_empty() {
                return Ok(());
            }
            let view = self.combiner.view(&self.partition, &missing).await?;
            if !family.is_seen_in(&view) {
                return Err(StoreError::conflict().into());
            }
            family.add(view, &missing);
        }
    }

    /// Returns the time of a decision in a commit of which some may be decided already.
    fn now_ahead(&mut self) -> Timestamp {
        let now = self.now();
        self.ahead.now = match self.ahead.decided.is_empty() {
            true => now,
            false => now.max(self.ahead.now),
        };
        self.ahead.now
    }

    /// Waits until there is a job to be decided.
    async fn draw_ahead(&mut self, sent: usize) {
        loop {
            let room = |waiting| {
                let drawn = self.ahead.decided.len() + self.ahead.undecided.len();
                share(waiting + drawn, sent).saturating_sub(drawn)
            };
            let jobs = self.combiner.mailboxes.draw(&self.partition, room);
            self.ahead.undecided.extend(jobs);
            if !self.ahead.undecided.is_empty() {
                return;
            }
            self.arrival.notified().await;
        }
    }
}

/// Begins what is to be done, and returns what it came to if that is known at once.
async fn begin<T>(mut doing: Pin<&mut impl Future<Output = T>>) -> Option<T> {
    poll_fn(|context| {
        Poll::Ready(match doing.as_mut().poll(context) {
            Poll::Ready(done) => Some(done),
            Poll::Pending => None,
        })
    })
    .await
}

/// Returns how many of the jobs that wait the next commit carries, when so many are on their way.
///
/// Callers who ask again once they are answered would otherwise all end up in one commit, with the
/// store idle while they are decided and nobody to decide while it commits: two commits in turn
/// keep both busy.
pub(super) const fn share(waiting: usize, sent: usize) -> usize {
    let half = (waiting + sent).div_ceil(2);
    let most = if half > BATCH_WHOLE {
        half
    } else {
        BATCH_WHOLE
    };
    if most < BATCH_MAX { most } else { BATCH_MAX }
}
