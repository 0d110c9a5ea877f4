use std::future::pending;

use tokio::sync::watch;

/// What a lane listens to: the signal to stop, and hints that there may be work.
#[derive(Debug)]
pub(super) struct Signals {
    stop: watch::Receiver<bool>,
    hints: Option<watch::Receiver<()>>,
}

impl Signals {
    pub(super) const fn new(
        stop: watch::Receiver<bool>,
        hints: Option<watch::Receiver<()>>,
    ) -> Self {
        Self { stop, hints }
    }

    pub(super) fn has_stopped(&self) -> bool {
        *self.stop.borrow() || self.stop.has_changed().is_err()
    }

    pub(super) async fn stop(&mut self) {
        stopped(&mut self.stop).await;
    }

    /// Forgets hints that came until now, because the lane is about to look.
    pub(super) fn forget_hints(&mut self) {
        if let Some(hints) = &mut self.hints {
            hints.mark_unchanged();
        }
    }

    pub(super) async fn stop_or_hint(&mut self) {
        tokio::select! {
            biased;
            () = stopped(&mut self.stop) => {}
            () = hinted(self.hints.as_mut()) => {}
        }
    }
}

/// Returns when `stop` has turned true or its sender is gone.
pub(super) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // Either answer means that it has stopped.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Waits for a hint, for ever if none can come.
async fn hinted(hints: Option<&mut watch::Receiver<()>>) {
    let Some(hints) = hints else {
        return pending().await;
    };
    if hints.changed().await.is_err() {
        pending().await
    }
}
