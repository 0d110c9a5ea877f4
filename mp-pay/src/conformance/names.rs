use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use crate::backend::{Outcome, Reference};

/// The backend's own names for what it was asked, by our keys, as far as it has told them: what
/// payments and payouts keep of them.
#[derive(Debug)]
pub(super) struct Names<K>(Mutex<BTreeMap<K, Reference>>);

impl<K> Default for Names<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Ord> Names<K> {
    pub(super) fn learn(&self, key: K, told: Option<&Outcome>) {
        if let Some(reference) = told.and_then(Outcome::reference) {
            let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            names.entry(key).or_insert_with(|| reference.clone());
        }
    }

    pub(super) fn of(&self, key: &K) -> Option<Reference> {
        let names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        names.get(key).cloned()
    }
}
