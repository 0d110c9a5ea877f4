use std::time::Duration;

use crate::store::CommitId;

/// Pauses that double, each cut at random so that processes do not come back in step.
#[derive(Debug)]
pub(super) struct Backoff {
    next: Duration,
    most: Duration,
}

impl Backoff {
    pub(super) const fn new(first: Duration, most: Duration) -> Self {
        Self { next: first, most }
    }

    /// Waits between half of the present pause and all of it.
    pub(super) async fn pause(&mut self) {
        let pause = self.next;
        self.next = pause.saturating_mul(2).min(self.most);
        tokio::time::sleep(pause / 2 + at_random(pause / 2)).await;
    }
}

fn at_random(most: Duration) -> Duration {
    let nanos = CommitId::random().0 % most.as_nanos().max(1);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or_default())
}
