use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use mp_core::{
    conformance::{Call, HookedStore, Phase},
    store::{MemoryStore, Store},
};

/// Counts how often changes are asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked(Arc<AtomicU32>);

impl Asked {
    pub(crate) fn times(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }

    /// Returns a memory store that counts, and takes its time to answer.
    pub(crate) fn store(&self) -> Arc<dyn Store> {
        let asked = self.clone();
        let hook = move |call, phase, _: Option<&_>| {
            let asked = asked.clone();
            async move {
                if (call, phase) == (Call::Changes, Phase::Before) {
                    asked.0.fetch_add(1, Ordering::SeqCst);
                    for _ in 0..50 {
                        tokio::task::yield_now().await;
                    }
                }
                Ok(())
            }
        };
        Arc::new(HookedStore::new(Arc::new(MemoryStore::new()), hook))
    }
}
