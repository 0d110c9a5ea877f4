use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{
    backend::{ChargeRequest, DeclineCode, Outcome, Reference},
    intent::IntentId,
    operation::{OperationKey, Step},
    refund::RefundId,
};

/// What a bug remembers of operations, or of payouts.
#[derive(Debug)]
pub(in crate::conformance) struct Notes<T, K = OperationKey>(Mutex<BTreeMap<K, T>>);

impl<T, K> Default for Notes<T, K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone, K: Ord> Notes<T, K> {
    /// Remembers, and returns what was remembered before.
    pub(in crate::conformance) fn note(&self, key: K, what: T) -> Option<T> {
        self.notes().insert(key, what)
    }

    pub(in crate::conformance) fn get(&self, key: &K) -> Option<T> {
        self.notes().get(key).cloned()
    }

    pub(in crate::conformance) fn forget(&self, key: &K) -> Option<T> {
        self.notes().remove(key)
    }

    fn notes(&self) -> MutexGuard<'_, BTreeMap<K, T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns another key for the same thing: of a charge that of another intent, else another of the
/// same intent.
pub(super) fn another(key: OperationKey) -> OperationKey {
    let (mut intent, text) = (key.intent, key.to_string());
    let step = match key.step {
        Step::Charge(_) => {
            intent = IntentId::derived(&["another", &text]);
            key.step
        }
        Step::Capture(attempt, number) => Step::Capture(attempt, number + 40),
        Step::Refund(_) | Step::Increase(..) | Step::Void(..) | Step::Return(..) => {
            Step::Refund(RefundId::derived(&["another", &text]))
        }
    };
    OperationKey { intent, step }
}

/// Returns the same charge under another key.
pub(super) fn anew(request: &ChargeRequest) -> ChargeRequest {
    ChargeRequest {
        key: another(request.key),
        ..request.clone()
    }
}

pub(super) fn charge_of(key: &OperationKey) -> OperationKey {
    OperationKey {
        intent: key.intent,
        step: Step::Charge(1),
    }
}

pub(in crate::conformance) fn settled() -> Outcome {
    Outcome::settled(invented())
}

pub(in crate::conformance) fn authorized() -> Outcome {
    Outcome::authorized(invented())
}

pub(in crate::conformance) fn declined() -> Outcome {
    Outcome::declined(DeclineCode::of("generic_decline"))
}

fn invented() -> Reference {
    Reference::new("invented").expect("letters make a reference")
}
