use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, task::JoinSet};

use super::{
    ATTEMPTS_MAX, Done, Handler, HandlerError, WorkReport, WorkerOptions, pause::pause, pause_after,
};
use crate::{
    clock::{SKEW_MAX, Timestamp},
    engine::Engine,
    error::{Error, ErrorKind},
    store::{Delivery, DueQuery, Outcome, Settle},
};

/// For how long a delivery is leased: ten times the skew that clocks may have, so that two
/// processes never hold it at once for that reason.
pub const LEASE: Duration = SKEW_MAX.saturating_mul(10);

/// A delivery, and what its handler came to.
type Attempt = (Delivery, Result<Done, HandlerError>);

/// Does due work of the kinds it has handlers for.
///
/// Kinds take turns, so that a flood of one does not starve another.
pub struct Worker {
    pub(super) engine: Engine,
    handlers: BTreeMap<String, Arc<dyn Handler>>,
    options: WorkerOptions,
    hints: Option<watch::Receiver<()>>,
    report: Mutex<WorkReport>,
}

impl Worker {
    /// Creates a worker without handlers.
    #[must_use]
    pub fn new(engine: &Engine, options: WorkerOptions) -> Self {
        let report = Mutex::default();
        Self {
            engine: engine.clone(),
            handlers: BTreeMap::new(),
            options,
            hints: None,
            report,
        }
    }

    /// Adds handlers; a later handler of a kind replaces an earlier one.
    #[must_use]
    pub fn with(mut self, handlers: impl IntoIterator<Item = Arc<dyn Handler>>) -> Self {
        for handler in handlers {
            self.handlers.insert(handler.kind().to_owned(), handler);
        }
        self
    }

    /// Has the pauses of an idle worker end early whenever a hint comes that there may be work.
    ///
    /// Nothing relies on hints: without any, work is found after the pause.
    #[must_use]
    pub fn with_hints(mut self, hints: watch::Receiver<()>) -> Self {
        self.hints = Some(hints);
        self
    }

    /// Returns what was done so far.
    #[must_use]
    pub fn report(&self) -> WorkReport {
        self.report
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Works until `stop` turns true or its sender is gone; what is leased by then is finished
    /// first.
    ///
    /// Store failures are retried: a worker outlives an outage.
    pub async fn run(&self, mut stop: watch::Receiver<bool>) {
        let mut hints = self.hints.clone();
        while !*stop.borrow() && stop.has_changed().is_ok() {
            // What is committed from here on may be missed by this turn.
            if let Some(hints) = &mut hints {
                hints.mark_unchanged();
            }
            let idle = match self.turn().await {
                Ok(0) => self.options.idle,
                Ok(_) => Duration::ZERO,
                Err(error) => {
                    tracing::warn!(%error, "due work could not be read or settled");
                    self.options.idle.saturating_mul(10)
                }
            };
            if !idle.is_zero() {
                pause(idle, &mut stop, hints.as_mut()).await;
            }
        }
    }

    /// Works until nothing is due any more, and returns how many deliveries were handled.
    ///
    /// # Errors
    ///
    /// The store's errors.
    pub async fn drain(&self) -> Result<u64, Error> {
        let mut handled = 0;
        loop {
            match self.turn().await? {
                0 => return Ok(handled),
                some => handled += some,
            }
        }
    }

    /// Leases one batch of every kind, handles and settles it, and returns how many there were.
    ///
    /// # Errors
    ///
    /// The store's errors.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn turn(&self) -> Result<u64, Error> {
        let mut handled = 0;
        for (kind, handler) in &self.handlers {
            let deliveries = self.lease(kind).await?;
            handled += deliveries.len() as u64;
            self.handle_all(handler, deliveries).await?;
        }
        Ok(handled)
    }

    async fn lease(&self, kind: &str) -> Result<Vec<Delivery>, Error> {
        let now = self.engine.now();
        let due_max = self.engine.store().limits().due_max;
        let query = DueQuery {
            slots: self.options.slots,
            kind: kind.to_owned(),
            now,
            lease: LEASE,
            limit: self.options.batch.clamp(1, due_max.max(1)),
        };
        let deliveries = self.engine.store().due(&query).await?;
        if let Some(longest) = deliveries
            .iter()
            .map(|delivery| now.since(delivery.due_at))
            .max()
        {
            self.note(kind, |report| {
                report.lag = longest;
                report.lag_max = report.lag_max.max(longest);
            });
        }
        Ok(deliveries)
    }

    /// Handles deliveries, so many at once, and settles in bulk whatever is finished: a slow one
    /// keeps no other waiting for longer than its lease.
    async fn handle_all(
        &self,
        handler: &Arc<dyn Handler>,
        deliveries: Vec<Delivery>,
    ) -> Result<(), Error> {
        let mut waiting = deliveries.into_iter();
        let mut running = JoinSet::new();
        let mut outcome = Ok(());
        loop {
            let room = self.options.concurrency.max(1) - running.len();
            for delivery in waiting.by_ref().take(room) {
                running.spawn(self.attempt(handler.clone(), delivery));
            }
            if running.is_empty() {
                return outcome;
            }
            let settles = self.collect(&mut running).await;
            if !settles.is_empty()
                && let Err(error) = self.engine.store().settle(settles).await
            {
                // What runs is finished all the same; what is not settled comes back.
                outcome = Err(error.into());
            }
        }
    }

    /// Attempts one delivery; there is no answer if its lease ends first.
    fn attempt(
        &self,
        handler: Arc<dyn Handler>,
        delivery: Delivery,
    ) -> impl Future<Output = Option<Attempt>> + use<> {
        let leased = delivery
            .lease
            .map_or(Duration::ZERO, |until| until.since(self.engine.now()));
        async move {
            if delivery.attempts > ATTEMPTS_MAX {
                return Some((delivery, Err(broke_off())));
            }
            if leased.is_zero() {
                return None;
            }
            let handled = tokio::time::timeout(leased, handler.handle(&delivery)).await;
            handled.ok().map(|outcome| (delivery, outcome))
        }
    }

    /// Waits until an attempt is over and judges all that are.
    async fn collect(&self, running: &mut JoinSet<Option<Attempt>>) -> Vec<Settle> {
        let mut over = Vec::from_iter(running.join_next().await);
        while let Some(next) = running.try_join_next() {
            over.push(next);
        }
        // A handler that panicked or hung settles nothing: its delivery comes back when the lease
        // ends.
        let attempts = over.into_iter().filter_map(|joined| joined.ok().flatten());
        attempts
            .map(|(delivery, outcome)| {
                let kind = delivery.key.delivery_kind().unwrap_or_default();
                let outcome = self.judge(kind, &delivery, outcome);
                delivery.settle(outcome)
            })
            .collect()
    }

    fn judge(
        &self,
        kind: &str,
        delivery: &Delivery,
        outcome: Result<Done, HandlerError>,
    ) -> Outcome {
        let error = match outcome {
            Ok(Done::Finished) => {
                self.note(kind, |report| report.finished += 1);
                return Outcome::Done;
            }
            Ok(Done::Again(at)) => {
                self.note(kind, |report| report.postponed += 1);
                return Outcome::Redrive { at };
            }
            Err(error) => error,
        };
        tracing::debug!(kind, %error, attempts = delivery.attempts, "work failed");
        let dead = matches!(error, HandlerError::GiveUp(_)) || delivery.attempts >= ATTEMPTS_MAX;
        let error = error.to_string();
        if dead {
            self.note(kind, |report| report.dead += 1);
            return Outcome::Dead { error };
        }
        self.note(kind, |report| report.failed += 1);
        let chance = u32::from_le_bytes(self.engine.random());
        let at = self
            .engine
            .now()
            .plus(pause_after(delivery.attempts, chance));
        Outcome::Again {
            at,
            error: Some(error),
        }
    }

    fn note(&self, kind: &str, note: impl FnOnce(&mut super::KindReport)) {
        let mut report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        note(report.entry(kind.to_owned()).or_default());
    }

    /// Returns the time the worker goes by.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.engine.now()
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("kinds", &self.handlers.keys())
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// The error of work whose every attempt broke off without an answer: its handler panicked or hung,
/// or took the process with it.
fn broke_off() -> HandlerError {
    let message = "every attempt broke off without an answer";
    HandlerError::GiveUp(Error::new(ErrorKind::Unknown, "broke_off", message))
}
