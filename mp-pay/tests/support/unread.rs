//! A store that can be read until something was written.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::SeqCst},
};

use mp_core::{
    Engine,
    clock::ManualClock,
    conformance::{Call, HookedStore, Phase},
    entropy::SeededEntropy,
    store::{Partition, Store, StoreErrorKind},
};

/// Starts a process whose store is out of reach for all reads after the first commit.
pub(crate) fn unread_once_written(store: Arc<dyn Store>, clock: &Arc<ManualClock>) -> Engine {
    let written = AtomicBool::new(false);
    let hook = move |call, phase, _: Option<&Partition>| {
        if (call, phase) == (Call::Commit, Phase::After) {
            written.store(true, SeqCst);
        }
        let reads = (call, phase) == (Call::Read, Phase::Before);
        let fails = reads && written.load(SeqCst);
        async move {
            match fails {
                true => Err(StoreErrorKind::Unavailable),
                false => Ok(()),
            }
        }
    };
    let store = Arc::new(HookedStore::new(store, hook));
    Engine::new(store, clock.clone(), Arc::new(SeededEntropy::new(17)))
}
