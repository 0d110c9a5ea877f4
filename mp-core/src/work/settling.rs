use std::{mem, panic::resume_unwind, time::Duration};

use tokio::{
    sync::{mpsc, oneshot},
    task::{JoinError, JoinSet},
    time::{sleep, timeout},
};

use crate::{engine::Engine, error::Error, store::Settle};

/// The most deliveries that are settled in one call.
const SETTLES_MAX: usize = 1_024;

/// How many portions the store may be at, or keep waiting, before handlers wait for it too: fewer than
/// a store has connections, so that reads get one meanwhile.
const PORTIONS_MAX: usize = 4;

/// Settles in bulk what comes in, until nobody sends any more.
///
/// With a `pause`, a portion that the store does not take is put aside and tried again after it, for as
/// long as the leases last, and no portion keeps the next one waiting for longer. Without one what is
/// not taken is left, and comes back when its lease ends.
pub(super) async fn settle_all(
    engine: &Engine,
    mut coming_in: mpsc::Receiver<Settle>,
    pause: Option<Duration>,
) -> Result<(), Error> {
    let (mut settles, mut portions, mut outcome) = (Vec::new(), JoinSet::new(), Ok(()));
    while coming_in.recv_many(&mut settles, SETTLES_MAX).await > 0 {
        let portion = Portion {
            engine: engine.clone(),
            settles: mem::take(&mut settles),
        };
        let (attempt, attempted) = oneshot::channel();
        portions.spawn(portion.settle(pause, attempt));
        // The next one gathers meanwhile, so that it is large.
        let _ = timeout(pause.unwrap_or(Duration::MAX), attempted).await;
        while portions.len() >= PORTIONS_MAX
            && let Some(ended) = portions.join_next().await
        {
            outcome = outcome.and(passed_on(ended));
        }
        while let Some(ended) = portions.try_join_next() {
            outcome = outcome.and(passed_on(ended));
        }
    }
    while let Some(ended) = portions.join_next().await {
        outcome = outcome.and(passed_on(ended));
    }
    outcome
}

/// Panics if the store did; nobody breaks off a portion but by dropping all of them.
fn passed_on(ended: Result<Result<(), Error>, JoinError>) -> Result<(), Error> {
    ended.unwrap_or_else(|error| match error.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(_) => Ok(()),
    })
}

/// What is settled in one call.
struct Portion {
    engine: Engine,
    settles: Vec<Settle>,
}

impl Portion {
    /// Settles it, and lets go of `attempt` once that was tried.
    async fn settle(
        mut self,
        pause: Option<Duration>,
        attempt: oneshot::Sender<()>,
    ) -> Result<(), Error> {
        let mut attempt = Some(attempt);
        loop {
            let settled = self.settle_once().await;
            attempt.take();
            let (Err(error), Some(pause)) = (&settled, pause) else {
                return settled;
            };
            let deliveries = self.settles.len();
            tracing::warn!(%error, deliveries, "due work could not be settled");
            sleep(pause).await;
            let now = self.engine.now();
            self.settles
                .retain(|settle| settle.lease.is_some_and(|until| until > now));
            if self.settles.is_empty() {
                return settled;
            }
        }
    }

    async fn settle_once(&self) -> Result<(), Error> {
        // Where the fence held no more, another worker has the delivery, or it was written again.
        self.engine.store().settle(self.settles.clone()).await?;
        Ok(())
    }
}
