use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use mp_core::{
    conformance::{Call, HookedStore, Phase},
    store::{Partition, Store},
};
use tokio::sync::watch;

/// Ends a process at one of its moments: just before one of its writes, or just after it, whether
/// the write is its own or the provider's on its behalf.
///
/// Whatever the process does then waits for ever, as what a killed process does is not done.
#[derive(Debug)]
pub(crate) struct Fuse {
    blows_at: u32,
    passed: AtomicU32,
    place: Mutex<Option<String>>,
    blown: watch::Sender<bool>,
}

impl Fuse {
    /// Blows at the moment of this number, from 1; never at 0.
    pub(crate) fn at(moment: u32) -> Arc<Self> {
        Arc::new(Self {
            blows_at: moment,
            passed: AtomicU32::new(0),
            place: Mutex::default(),
            blown: watch::Sender::new(false),
        })
    }

    /// Returns a store that is reached through the fuse.
    pub(crate) fn before(
        self: &Arc<Self>,
        whose: &'static str,
        store: Arc<dyn Store>,
    ) -> Arc<dyn Store> {
        let fuse = self.clone();
        let hook = move |call, phase, partition: Option<&Partition>| {
            let what = partition.map_or("work", |partition| partition.kind());
            fuse.pass(call, || format!("{} writing {whose} {what}", Told(phase)));
            let fuse = fuse.clone();
            async move {
                if *fuse.blown.borrow() {
                    std::future::pending::<()>().await;
                }
                Ok(())
            }
        };
        Arc::new(HookedStore::new(store, hook))
    }

    /// Lives until the fuse blows; returns nothing if it did.
    pub(crate) async fn live<T>(&self, life: impl Future<Output = T>) -> Option<T> {
        let mut blown = self.blown.subscribe();
        tokio::select! {
            biased;
            _ = blown.wait_for(|blown| *blown) => None,
            lived = life => Some(lived),
        }
    }

    /// Returns how many moments there were.
    pub(crate) fn moments(&self) -> u32 {
        self.passed.load(Ordering::SeqCst)
    }

    /// Returns where it blew.
    pub(crate) fn place(&self) -> Option<String> {
        self.place
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn pass(&self, call: Call, place: impl FnOnce() -> String) {
        let writes = matches!(call, Call::Commit | Call::Settle);
        if writes && self.passed.fetch_add(1, Ordering::SeqCst) + 1 == self.blows_at {
            *self.place.lock().unwrap_or_else(PoisonError::into_inner) = Some(place());
            self.blown.send_replace(true);
        }
    }
}

struct Told(Phase);

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Phase::Before => "before",
            Phase::After => "after",
        })
    }
}
