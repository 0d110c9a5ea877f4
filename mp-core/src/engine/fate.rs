use std::time::Duration;

use super::combiner::Combiner;
use crate::{
    error::{Error, ErrorKind},
    store::{Batch, Partition, StoreErrorKind, Version, View},
};

/// How often the head is asked for after a lost answer before the callers are told.
const ASKS_MAX: u32 = 8;

/// The longest wait between two tries.
const BACKOFF_MAX: Duration = Duration::from_millis(50);

/// What became of a batch.
pub(super) enum Fate {
    Done(Version),
    /// Nothing was written, because the head moved: decide again.
    Again,
    /// Nothing was written, or the error says that nobody can tell.
    Failed(Error),
    /// Its answer was lost and the head has moved: only what the commands left behind can tell.
    Unclear(Error),
}

impl Combiner {
    /// Commits, and finds out what became of the batch if the answer is lost.
    pub(super) async fn send(&self, partition: &Partition, batch: Batch) -> Fate {
        for asks in 0..ASKS_MAX {
            match self.store.commit(partition, batch.clone()).await {
                Ok(version) => {
                    self.arrivals.announce(&batch);
                    return Fate::Done(version);
                }
                Err(error) if error.kind() == StoreErrorKind::Unknown => {}
                // Once an answer was lost, no later error tells about the first copy of the batch.
                Err(_) if asks > 0 => {}
                Err(error) if error.kind() == StoreErrorKind::Conflict => return Fate::Again,
                Err(error) => return Fate::Failed(error.into()),
            }
            if let Ok(view) = self.view(partition, &[]).await
                && let Some(fate) = fate_by_head(&view, &batch)
            {
                return fate;
            }
            self.back_off(asks).await;
        }
        Fate::Failed(outcome_unknown())
    }

    /// Waits a while that doubles with each try and differs between processes.
    pub(super) async fn back_off(&self, tries: u32) {
        if tries == 0 {
            return;
        }
        let most = Duration::from_micros(200)
            .saturating_mul(1 << tries.min(10))
            .min(BACKOFF_MAX);
        let mut chance = [0; 4];
        self.entropy.fill(&mut chance);
        let part = f64::from(u32::from_le_bytes(chance)) / f64::from(u32::MAX);
        tokio::time::sleep(most.mul_f64(part)).await;
    }
}

/// Tells by the head what became of a batch whose answer was lost; by a head that did not move
/// nothing can be told, and the same batch may be sent again under the same id.
fn fate_by_head(view: &View, batch: &Batch) -> Option<Fate> {
    if view.commit_id == batch.commit_id {
        Some(Fate::Done(view.head))
    } else if view.head == batch.expect {
        None
    } else {
        Some(Fate::Unclear(outcome_unknown()))
    }
}

fn outcome_unknown() -> Error {
    let message = "it is not known whether the command took effect: read, then decide";
    Error::new(ErrorKind::Unknown, "store_outcome_unknown", message)
}
