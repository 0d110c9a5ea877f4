use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Something that happens once. Those who wait for it are woken in the order they came, which a
/// `tokio::sync::watch` does not promise.
#[derive(Debug, Default)]
pub(super) struct Signal {
    is_given: AtomicBool,
    given: Notify,
}

impl Signal {
    pub(super) fn give(&self) {
        self.is_given.store(true, Ordering::SeqCst);
        self.given.notify_waiters();
    }

    pub(super) fn is_given(&self) -> bool {
        self.is_given.load(Ordering::SeqCst)
    }

    pub(super) async fn wait(&self) {
        let given = self.given.notified();
        if !self.is_given() {
            given.await;
        }
    }
}
