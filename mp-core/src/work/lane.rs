use std::{fmt, sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
    time::Instant,
};

use super::{
    Handler, WorkerOptions,
    attempt::{Attempt, WaysOut},
    report::{KindReport, Tally},
    room::Room,
    signals::Signals,
};
use crate::{
    clock::SKEW_MAX,
    engine::Engine,
    error::Error,
    store::{Delivery, DueQuery},
};

/// For how long a delivery is leased: ten times as long as a clock may be off, so that the lease
/// of a process whose clock is slow is still long in the eyes of one whose clock is fast.
pub const LEASE: Duration = SKEW_MAX.saturating_mul(10);

/// How long a handler may take: a lease, less what two clocks may differ by, so that by every
/// clock it is over before the delivery is due again.
pub const HANDLING_MAX: Duration = LEASE.saturating_sub(SKEW_MAX.saturating_mul(2));

/// How long a lane that was woken waits for more to come before it looks: one look for many
/// commits, and whoever does the work right after the commit is mostly done by then.
const GATHERING: Duration = Duration::from_millis(2);

/// How many pauses a lane makes after the store has failed.
const PAUSES_AFTER_FAILURE: u32 = 10;

/// The work of one kind: looks for what is due, and has it handled.
pub(super) struct Lane {
    pub(super) engine: Engine,
    pub(super) handler: Arc<dyn Handler>,
    pub(super) tally: Tally,
    room: Room,
    options: WorkerOptions,
    /// Given when this process has committed work of the kind.
    arrival: Arc<Notify>,
}

impl Lane {
    pub(super) fn new(
        engine: &Engine,
        handler: &Arc<dyn Handler>,
        room: Room,
        options: &WorkerOptions,
    ) -> Self {
        Self {
            engine: engine.clone(),
            handler: handler.clone(),
            tally: Tally::new(engine.now()),
            room,
            options: options.clone(),
            arrival: engine.arrival_of(handler.kind()),
        }
    }

    /// Leases one portion, and starts to handle it.
    ///
    /// It may not be dropped while it waits for the store: what was leased would lie for a lease.
    async fn portion(
        self: &Arc<Self>,
        ways_out: &WaysOut,
        running: &mut JoinSet<()>,
        signals: &mut Signals,
    ) -> Result<u64, Error> {
        let most = usize::try_from(self.options.batch.max(1)).unwrap_or(usize::MAX);
        let places = tokio::select! {
            biased;
            () = signals.stop() => return Ok(0),
            places = self.room.places(most) => places,
        };
        let until = Instant::now() + HANDLING_MAX;
        let deliveries = self.lease(places.len()).await?;
        let leased = deliveries.len() as u64;
        for (delivery, place) in deliveries.into_iter().zip(places) {
            let attempt = Attempt {
                lane: self.clone(),
                delivery,
                until,
                ways_out: ways_out.clone(),
                place,
            };
            running.spawn(attempt.run());
        }
        Ok(leased)
    }

    async fn lease(&self, most: usize) -> Result<Vec<Delivery>, Error> {
        let store = self.engine.store();
        let due_max = store.limits().due_max.max(1);
        let now = self.engine.now();
        let query = DueQuery {
            slots: self.options.slots,
            kind: self.handler.kind().to_owned(),
            now,
            lease: LEASE,
            limit: u32::try_from(most).unwrap_or(due_max).min(due_max),
        };
        let deliveries = store.due(&query).await?;
        let lags = deliveries.iter().map(|delivery| now.since(delivery.due_at));
        self.tally.look(lags, now);
        Ok(deliveries)
    }

    /// Handles one portion, and returns how many deliveries there were; those whose handlers are
    /// done have been passed on.
    pub(super) async fn once(self: &Arc<Self>, ways_out: WaysOut) -> Result<u64, Error> {
        let mut running = JoinSet::new();
        let (_go_on, stop) = watch::channel(false);
        let mut signals = Signals::new(stop, None);
        let leased = self.portion(&ways_out, &mut running, &mut signals).await?;
        drop(ways_out);
        self.finish(running).await;
        Ok(leased)
    }

    /// Handles portion after portion until it is stopped, then finishes what is leased.
    pub(super) async fn run(self: Arc<Self>, ways_out: WaysOut, mut signals: Signals) {
        let mut running = JoinSet::new();
        while !signals.has_stopped() {
            signals.forget_hints();
            let pause = match self.portion(&ways_out, &mut running, &mut signals).await {
                Ok(0) => self.options.idle,
                Ok(_) => Duration::ZERO,
                Err(error) => {
                    tracing::warn!(kind = self.handler.kind(), %error, "due work could not be read");
                    self.pause_max()
                }
            };
            while let Some(ended) = running.try_join_next() {
                self.note_panic(&ended);
            }
            if !pause.is_zero() {
                self.rest(pause, &mut signals).await;
            }
        }
        drop(ways_out);
        self.finish(running).await;
    }

    /// Waits until the pause is over, work may have come in, or the worker is stopped.
    async fn rest(&self, pause: Duration, signals: &mut Signals) {
        tokio::select! {
            biased;
            () = signals.stop_or_hint() => {}
            () = self.arrival.notified() => {}
            () = tokio::time::sleep(pause) => return,
        }
        tokio::select! {
            biased;
            () = signals.stop() => {}
            () = tokio::time::sleep(GATHERING) => {}
        }
    }

    async fn finish(&self, mut running: JoinSet<()>) {
        while let Some(ended) = running.join_next().await {
            self.note_panic(&ended);
        }
    }

    /// Counts a handler that panicked: it settles nothing, and its delivery comes back when the
    /// lease ends.
    fn note_panic(&self, ended: &Result<(), tokio::task::JoinError>) {
        if let Err(error) = ended {
            tracing::error!(kind = self.handler.kind(), %error, "a handler panicked");
            self.tally.count(|report| report.broken_off += 1);
        }
    }

    /// Returns what was done so far, and how late.
    pub(super) fn report(&self) -> KindReport {
        self.tally.report(self.engine.now(), self.pause_max())
    }

    /// Returns how long the lane pauses at most before it looks again.
    const fn pause_max(&self) -> Duration {
        self.options.idle.saturating_mul(PAUSES_AFTER_FAILURE)
    }

    /// Tells through `tracing` what was done so far.
    pub(super) fn tell(&self) {
        let report = self.report();
        tracing::info!(
            target: "mp_core::work",
            kind = self.handler.kind(),
            finished = report.finished,
            postponed = report.postponed,
            failed = report.failed,
            broken_off = report.broken_off,
            dead = report.dead,
            lag_ms = millis(report.lag),
            lag_p50_ms = millis(report.lag_p50),
            lag_p99_ms = millis(report.lag_p99),
            lag_max_ms = millis(report.lag_max),
            "due work"
        );
    }
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lane")
            .field("kind", &self.handler.kind())
            .finish_non_exhaustive()
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
