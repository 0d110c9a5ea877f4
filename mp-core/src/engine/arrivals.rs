use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::Notify;

use crate::store::{Batch, Write};

/// Tells those who wait for work of a kind that this process has just committed some.
///
/// It only saves them time: what is committed elsewhere they find by looking.
#[derive(Default)]
pub(super) struct Arrivals {
    anybody: AtomicBool,
    waiting: RwLock<HashMap<String, Arc<Notify>>>,
}

impl Arrivals {
    /// Returns what is notified when work of the kind is committed.
    pub(super) fn of(&self, kind: &str) -> Arc<Notify> {
        self.anybody.store(true, Ordering::Relaxed);
        let mut waiting = self.waiting.write().unwrap_or_else(PoisonError::into_inner);
        waiting.entry(kind.to_owned()).or_default().clone()
    }

    /// Notifies those who wait for what the batch, now committed, makes due at once.
    pub(super) fn announce(&self, batch: &Batch) {
        if !self.anybody.load(Ordering::Relaxed) {
            return;
        }
        let kinds = batch.writes.iter().filter_map(|write| match write {
            Write::Deliver { key, due_at, .. } if *due_at <= batch.at => key.delivery_kind(),
            _ => None,
        });
        let mut last = None;
        for kind in kinds {
            if last.replace(kind) != Some(kind) {
                self.notify(kind);
            }
        }
    }

    fn notify(&self, kind: &str) {
        let waiting = self.waiting.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(arrival) = waiting.get(kind) {
            arrival.notify_one();
        }
    }
}
