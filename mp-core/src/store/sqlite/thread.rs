use std::{
    sync::mpsc::{SyncSender, sync_channel},
    thread::{Builder, JoinHandle},
};

use rusqlite::{Connection, Result};

use super::error::store_error;
use crate::store::{StoreError, StoreErrorKind};

/// A thread that owns one connection; dropping it waits for the thread's end.
#[derive(Debug)]
pub(super) struct Thread(Option<JoinHandle<()>>);

/// Tells whoever opens the store that the thread is ready to work.
#[derive(Debug)]
pub(super) struct Ready(SyncSender<Result<()>>);

impl Ready {
    pub(super) fn tell(&self) {
        // Nobody listens any more only if opening was given up.
        drop(self.0.send(Ok(())));
    }
}

impl Thread {
    /// Starts a thread and waits until it is ready or has failed to become so.
    pub(super) fn start(
        name: &str,
        connection: Connection,
        body: impl FnOnce(&Connection, &Ready) -> Result<()> + Send + 'static,
    ) -> Result<Self, StoreError> {
        let (sender, started) = sync_channel(1);
        let ready = Ready(sender);
        let run = move || {
            if let Err(error) = body(&connection, &ready) {
                drop(ready.0.send(Err(error)));
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
