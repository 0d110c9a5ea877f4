//! Due work: the one mechanism for everything that happens later.
//!
//! A delivery record is work: an outbox message, an expiry, a retry, a reminder. It was committed
//! with the decision that caused it, so it is neither lost nor invented. A [`Worker`] leases what
//! is due of the kinds it has handlers for, runs the handlers, and settles: done, or again later
//! with a growing pause, or dead after [`ATTEMPTS_MAX`] tries, for a person to look at. An attempt
//! that panics, or is not over when its lease ends, counts as a try and comes back after the lease.
//!
//! Deliveries are at least once: a handler must do nothing the second time. Correctness never waits
//! for a worker; a stopped one delays messages, it does not oversell or double.

mod backoff;
mod dead;
mod handler;
mod lag;
mod options;
mod pause;
mod worker;

pub use self::{
    backoff::{ATTEMPTS_MAX, pause_after},
    handler::{Done, Handler, HandlerError, on},
    lag::{KindReport, WorkReport},
    options::WorkerOptions,
    worker::{LEASE, Worker},
};
