use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use mp_core::id::IdempotencyKey;

/// The keys whose first requests have not been answered yet.
///
/// Of two requests at once under one key, the one that acts could hear the other's refusal: it is
/// kept as the key's answer, if it comes first. So the second one is turned away and comes again.
#[derive(Clone, Debug, Default)]
pub(super) struct InFlight(Arc<Mutex<HashSet<IdempotencyKey>>>);

impl InFlight {
    /// Takes a key until what is returned is dropped, or returns `None` if it is taken.
    pub(super) fn take(&self, key: &IdempotencyKey) -> Option<Taken> {
        let is_free = self.keys(|keys| keys.insert(key.clone()));
        is_free.then(|| Taken {
            of: self.clone(),
            key: key.clone(),
        })
    }

    fn keys<T>(&self, with: impl FnOnce(&mut HashSet<IdempotencyKey>) -> T) -> T {
        with(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A key that is taken; a request that breaks off frees its key as well.
#[derive(Debug)]
pub(super) struct Taken {
    of: InFlight,
    key: IdempotencyKey,
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.of.keys(|keys| keys.remove(&self.key));
    }
}
