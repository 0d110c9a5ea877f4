//! Due work: the one mechanism for everything that happens later.
//!
//! A delivery record is work: an outbox message, an expiry, a retry, a reminder. It was committed
//! with the decision that caused it, so it is neither lost nor invented. A [`Worker`] leases what
//! is due of the kinds it has handlers for, runs the handlers, and settles: done, or again later
//! with a growing pause, or dead after [`ATTEMPTS_MAX`] tries, for a person to look at
//! ([`DeadLetters`]). An attempt that is not over within [`HANDLING_MAX`] is broken off and has failed:
//! it comes back after the same pauses, and not before the end of its [`LEASE`]. One that a stop breaks
//! off comes back at once if it was the first, after those pauses if not. One that panics, or whose process
//! is killed, counts as a try and comes back after the lease, without a pause: what never gets further is
//! dead after [`ATTEMPTS_MAX`] leases, some twenty minutes.
//!
//! Deliveries are at least once: a handler must do nothing the second time. Correctness never waits
//! for a worker; a stopped one delays messages, it does not oversell or double.
//!
//! # Several processes
//!
//! Any number of workers share a store without knowing of one another. What a killed one had leased
//! comes up again when the lease ends. No two handle a delivery at once, as long as each clock is
//! off by less than [`SKEW_MAX`](crate::clock::SKEW_MAX) and no process stands still in the middle
//! of a handler for longer than the rest of its lease; even then only the present holder of the
//! lease settles.
//!
//! # What an operator watches
//!
//! [`Worker::report`] counts by kind what was done, and how late: the lag at the last look, which
//! grows while the next one is overdue, its median and 99th percentile lately, its maximum. The same
//! goes out through `tracing`, as events of the target `mp_core::work`, every
//! [`WorkerOptions::report_every`]. What the store holds, kinds without a handler included, is in the
//! view `mp_work` of the SQL stores.

mod attempt;
mod backoff;
mod dead;
mod handler;
mod lag;
mod lane;
mod options;
mod report;
mod room;
mod settling;
mod signals;
mod worker;

pub use self::{
    backoff::{ATTEMPTS_MAX, pause_after},
    dead::DeadLetters,
    handler::{Done, Handler, HandlerError, on},
    lane::{HANDLING_MAX, LEASE},
    options::WorkerOptions,
    report::{KindReport, WorkReport},
    worker::{LAST_SETTLEMENTS_MAX, Worker},
};
