use std::{
    sync::mpsc::sync_channel,
    thread::{Builder, JoinHandle},
};

use rusqlite::Result;

use super::error::store_error;
use crate::store::{StoreError, StoreErrorKind};

/// A thread whose end is waited for when it is dropped.
#[derive(Debug)]
pub(super) struct Thread(Option<JoinHandle<()>>);

impl Thread {
    /// Starts a thread and waits until it calls that it is ready, or fails to become so.
    pub(super) fn start(
        name: &str,
        body: impl FnOnce(&dyn Fn()) -> Result<()> + Send + 'static,
    ) -> std::result::Result<Self, StoreError> {
        let (sender, started) = sync_channel(2);
        let run = move || {
            // Nobody listens any more once the thread has become ready.
            let ready = || drop(sender.send(Ok(())));
            if let Err(error) = body(&ready) {
                drop(sender.send(Err(error)));
            }
        };
        let handle = Builder::new()
            .name(name.to_owned())
            .spawn(run)
            .map_err(failed)?;
        let thread = Self(Some(handle));
        started
            .recv()
            .map_err(failed)?
            .map_err(|error| store_error("open", error))?;
        Ok(thread)
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        if let Some(handle) = self.0.take() {
            // A panic was printed by the thread itself, and must not become a second one here.
            drop(handle.join());
        }
    }
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, "open", error)
}
