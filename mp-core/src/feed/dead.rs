//! What is known of dead work, for what may wait for it.

use std::{collections::BTreeMap, ops::Range, sync::Arc, time::Duration};

use tokio::sync::Mutex;

use crate::{
    clock::Timestamp,
    engine::Engine,
    error::Error,
    store::{Key, Partition},
};

/// For how long an answer of the store's holds.
const KNOWN_FOR: Duration = Duration::from_secs(60);

/// How many answers are kept.
const KNOWN_MAX: usize = 1_024;

/// Remembers where work lies dead: a busy source has thousands of events that wait for the same one, and
/// each of them asks at each of its tries.
#[derive(Clone, Debug, Default)]
pub(super) struct DeadWork(Arc<Mutex<BTreeMap<(Partition, Key), Known>>>);

#[derive(Debug)]
struct Known {
    first: Option<Key>,
    during: Range<Timestamp>,
}

impl DeadWork {
    /// Returns the first dead work of a partition after a key, as it was a minute ago at most.
    pub(super) async fn first_after(
        &self,
        engine: &Engine,
        partition: &Partition,
        after: &Key,
    ) -> Result<Option<Key>, Error> {
        // Held while the store is asked: who comes meanwhile is answered the same.
        let mut known = self.0.lock().await;
        let (now, place) = (engine.now(), (partition.clone(), after.clone()));
        if let Some(known) = known.get(&place).filter(|it| it.during.contains(&now)) {
            return Ok(known.first.clone());
        }
        let dead = engine.store().dead(Some((partition, after)), 1).await?;
        let first = dead.into_iter().find(|dead| dead.partition == *partition);
        let first = first.map(|dead| dead.key);
        if known.len() >= KNOWN_MAX {
            known.retain(|_, it| it.during.contains(&now));
        }
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        let during = now..now.plus(KNOWN_FOR);
        let kept = first.clone();
        known.insert(place, Known { first, during });
        Ok(kept)
    }
}
