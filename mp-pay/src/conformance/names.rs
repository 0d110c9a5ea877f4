use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use crate::{
    backend::{Outcome, Reference},
    operation::OperationKey,
};

/// The backend's own names for operations, as far as it has told them: what payments keep of them.
#[derive(Debug, Default)]
pub(super) struct Names(Mutex<BTreeMap<OperationKey, Reference>>);

impl Names {
    pub(super) fn learn(&self, key: OperationKey, told: Option<&Outcome>) {
        if let Some(reference) = told.and_then(Outcome::reference) {
            let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            names.entry(key).or_insert_with(|| reference.clone());
        }
    }

    pub(super) fn of(&self, key: &OperationKey) -> Option<Reference> {
        let names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        names.get(key).cloned()
    }
}
