use std::{mem, time::Duration};

use tokio::sync::mpsc;

use crate::{engine::Engine, error::Error, store::Settle};

/// The most deliveries that are settled in one call.
const SETTLES_MAX: usize = 1_024;

/// Settles in bulk what comes in, until nobody sends any more.
///
/// With a `pause`, what the store does not take is tried again after it for as long as the leases
/// last; without one it is left, and comes back when its lease ends.
pub(super) async fn settle_all(
    engine: &Engine,
    mut coming_in: mpsc::Receiver<Settle>,
    pause: Option<Duration>,
) -> Result<(), Error> {
    let (mut settles, mut outcome) = (Vec::new(), Ok(()));
    while coming_in.recv_many(&mut settles, SETTLES_MAX).await > 0 {
        let settled = match pause {
            None => settle(engine, mem::take(&mut settles)).await,
            Some(pause) => settle_patiently(engine, mem::take(&mut settles), pause).await,
        };
        outcome = outcome.and(settled);
    }
    outcome
}

async fn settle(engine: &Engine, settles: Vec<Settle>) -> Result<(), Error> {
    // Where the fence held no more, another worker has the delivery, or it was written again.
    engine.store().settle(settles).await?;
    Ok(())
}

async fn settle_patiently(
    engine: &Engine,
    mut settles: Vec<Settle>,
    pause: Duration,
) -> Result<(), Error> {
    loop {
        let Err(error) = settle(engine, settles.clone()).await else {
            return Ok(());
        };
        tracing::warn!(%error, deliveries = settles.len(), "due work could not be settled");
        tokio::time::sleep(pause).await;
        let now = engine.now();
        settles.retain(|settle| settle.lease.is_some_and(|until| until > now));
        if settles.is_empty() {
            return Err(error);
        }
    }
}
