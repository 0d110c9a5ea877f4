use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use mp_core::{Engine, store::Partition};
use tokio::sync;

use super::LineIndex;
use crate::error::QueueError;

/// The indexes of the lines that were asked about, at most so many.
#[derive(Debug)]
pub(crate) struct Followers {
    engine: Engine,
    lines_max: usize,
    lines: Mutex<HashMap<Partition, Arc<Follower>>>,
    /// Orders questions and readings of the store, whatever the clock does.
    ticks: AtomicU64,
}

#[derive(Debug, Default)]
struct Follower {
    state: sync::Mutex<State>,
    asked: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    index: Option<LineIndex>,
    /// The tick at which the store was read last.
    read: u64,
}

impl Followers {
    pub(crate) fn new(engine: &Engine, lines_max: usize) -> Self {
        Self {
            engine: engine.clone(),
            lines_max: lines_max.max(1),
            lines: Mutex::default(),
            ticks: AtomicU64::new(1),
        }
    }

    /// Looks something up in a line's index, no older than `staleness`.
    ///
    /// Many who ask at once share one reading of the store: the first that begins after they asked.
    pub(crate) async fn look<T>(
        &self,
        partition: &Partition,
        staleness: Duration,
        look: impl FnOnce(&LineIndex) -> T,
    ) -> Result<T, QueueError> {
        let asked = self.tick();
        let follower = self.follower(partition, asked);
        let mut state = follower.state.lock().await;
        if !self.is_fresh(&state, asked, staleness) {
            state.read = self.tick();
            // Taken out meanwhile: what fails half-way, or is dropped, is built anew.
            let index = state.index.take();
            state.index = Some(self.refresh(index, partition).await?);
        }
        state.index.as_ref().map(look).ok_or(QueueError::NoSuchLine)
    }

    fn is_fresh(&self, state: &State, asked: u64, staleness: Duration) -> bool {
        let Some(index) = &state.index else {
            return false;
        };
        state.read > asked || self.engine.now().since(index.as_of()) < staleness
    }

    async fn refresh(
        &self,
        index: Option<LineIndex>,
        partition: &Partition,
    ) -> Result<LineIndex, QueueError> {
        if let Some(mut index) = index
            && index.follow(&self.engine, partition).await?
        {
            return Ok(index);
        }
        LineIndex::build(&self.engine, partition).await
    }

    fn follower(&self, partition: &Partition, asked: u64) -> Arc<Follower> {
        let mut lines = self.lines();
        if !lines.contains_key(partition) && lines.len() >= self.lines_max {
            forget_idlest(&mut lines);
        }
        let follower = lines.entry(partition.clone()).or_default();
        follower.asked.store(asked, Ordering::Relaxed);
        follower.clone()
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<Partition, Arc<Follower>>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tick(&self) -> u64 {
        self.ticks.fetch_add(1, Ordering::SeqCst)
    }
}

/// Forgets the line that nobody has asked about for longest; it is rebuilt when somebody does.
fn forget_idlest(lines: &mut HashMap<Partition, Arc<Follower>>) {
    let idlest = lines
        .iter()
        .min_by_key(|(_, follower)| follower.asked.load(Ordering::Relaxed))
        .map(|(partition, _)| partition.clone());
    if let Some(partition) = idlest {
        lines.remove(&partition);
    }
}
