use std::sync::Arc;

use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use super::{ATTEMPTS_MAX, Done, HANDLING_MAX, HandlerError, lane::Lane, pause_after, room::Place};
use crate::{
    clock::Timestamp,
    error::{Error, ErrorKind},
    store::{Delivery, Outcome, Settle},
};

/// One try to handle one delivery.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) lane: Arc<Lane>,
    pub(super) delivery: Delivery,
    /// When the handler must be done, for the lease to be its own by every clock.
    pub(super) until: Instant,
    pub(super) ways_out: WaysOut,
    /// Held until what became of it is passed on, so that what is not settled yet is bounded.
    pub(super) place: Place,
}

/// What an attempt is told, and whom it tells.
#[derive(Clone, Debug)]
pub(super) struct WaysOut {
    pub(super) settles: mpsc::Sender<Settle>,
    /// Turns true when nobody waits for handlers any longer.
    pub(super) break_off: watch::Receiver<bool>,
}

/// How an attempt ended.
enum End {
    Answered(Result<Done, HandlerError>),
    /// It was not done in time.
    TimeOver,
    /// Its time was over before it could begin.
    Late,
    BrokenOff,
}

impl Attempt {
    /// Handles the delivery and passes on what becomes of it; nothing, if its time was over before
    /// it could begin: then it comes back when the lease ends.
    pub(super) async fn run(mut self) {
        let end = self.handle().await;
        if let Some(outcome) = self.judge(end) {
            // If nobody settles any more, it comes back when the lease ends.
            let _ = self
                .ways_out
                .settles
                .send(self.delivery.settle(outcome))
                .await;
        }
        drop(self.place);
    }

    async fn handle(&mut self) -> End {
        if self.delivery.attempts > ATTEMPTS_MAX {
            return End::Answered(Err(broke_off(self.delivery.last_error.as_deref())));
        }
        if self.until <= Instant::now() {
            return End::Late;
        }
        tokio::select! {
            biased;
            answer = self.lane.handler.handle(&self.delivery) => End::Answered(answer),
            () = tokio::time::sleep_until(self.until) => End::TimeOver,
            _ = self.ways_out.break_off.wait_for(|off| *off) => End::BrokenOff,
        }
    }

    fn judge(&self, end: End) -> Option<Outcome> {
        let lane = &self.lane;
        let error = match end {
            End::Answered(Ok(Done::Finished)) => {
                lane.tally.count(|report| report.finished += 1);
                return Some(Outcome::Done);
            }
            End::Answered(Ok(Done::Again(at))) => {
                lane.tally.count(|report| report.postponed += 1);
                return Some(Outcome::Redrive { at });
            }
            End::Answered(Err(error)) => error,
            End::TimeOver => return Some(self.judge_hanging()),
            End::Late => {
                lane.tally.count(|report| report.broken_off += 1);
                return None;
            }
            End::BrokenOff => {
                lane.tally.count(|report| report.broken_off += 1);
                let (at, error) = (self.resumed_at(), Some(STOPPED.to_owned()));
                return Some(Outcome::Again { at, error });
            }
        };
        let outcome = self.judge_failure(&error);
        if matches!(outcome, Outcome::Again { .. }) {
            lane.tally.count(|report| report.failed += 1);
        }
        Some(outcome)
    }

    /// What hangs has failed: whom it waits for may be away for hours, so it pauses as long as if it had
    /// been told so. Not before the lease ends, which is when whatever it has begun is over everywhere.
    fn judge_hanging(&self) -> Outcome {
        self.lane.tally.count(|report| report.broken_off += 1);
        match self.judge_failure(&not_done_in_time()) {
            Outcome::Again { at, error } => Outcome::Again {
                at: at.max(self.delivery.lease.unwrap_or(Timestamp::MIN)),
                error,
            },
            dead => dead,
        }
    }

    fn judge_failure(&self, error: &HandlerError) -> Outcome {
        let (lane, attempts) = (&self.lane, self.delivery.attempts);
        let kind = lane.handler.kind();
        tracing::debug!(kind, %error, attempts, "work failed");
        let dead = matches!(error, HandlerError::GiveUp(_)) || attempts >= ATTEMPTS_MAX;
        let text = error.to_string();
        if dead {
            let (partition, key) = (&self.delivery.partition, &self.delivery.key);
            tracing::warn!(kind, %partition, %key, %error, attempts, "work is given up");
            lane.tally.count(|report| report.dead += 1);
            return Outcome::Dead { error: text };
        }
        let (at, error) = (self.after_pause(), Some(text));
        Outcome::Again { at, error }
    }

    /// Returns when work is due again that a stop has broken off: at once, for another process may have
    /// the time for it. What was tried before pauses, or restarts that follow one another quickly would use
    /// up all of its attempts.
    fn resumed_at(&self) -> Timestamp {
        match self.delivery.attempts {
            0 | 1 => self.lane.engine.now(),
            _ => self.after_pause(),
        }
    }

    fn after_pause(&self) -> Timestamp {
        let engine = &self.lane.engine;
        let chance = u32::from_le_bytes(engine.random());
        engine
            .now()
            .plus(pause_after(self.delivery.attempts, chance))
    }
}

const STOPPED: &str = "the worker was stopped before the handler was done";

/// The error of an attempt whose handler gave no answer while it could.
fn not_done_in_time() -> HandlerError {
    let message = format!("not done within {} s", HANDLING_MAX.as_secs());
    HandlerError::Retry(Error::new(ErrorKind::Unknown, "not_done_in_time", message))
}

/// The error of work whose last attempts broke off without an answer: its handler panicked, or took the
/// process with it. What an attempt before them was told is kept: it may be why.
fn broke_off(last_error: Option<&str>) -> HandlerError {
    let message = match last_error {
        None => "every attempt broke off without an answer".to_owned(),
        Some(before) => format!("the last attempts broke off without an answer; before: {before}"),
    };
    HandlerError::GiveUp(Error::new(ErrorKind::Unknown, "broke_off", message))
}
