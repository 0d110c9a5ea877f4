//! The webhooks of a provider, which come before its answers, twice or late.

use std::sync::{Arc, Mutex, PoisonError};

use mp_pay::{Payments, backend::Outcome, operation::OperationKey, payments::Notice};

use super::staff;

/// What a provider tells by itself of what it did, and to whom.
#[derive(Clone, Debug, Default)]
pub(crate) struct Webhooks(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// How often it is told before the call is answered.
    times: u32,
    listener: Option<Payments>,
    told: Vec<Notice>,
}

impl Webhooks {
    /// Tells everything so often before it is answered.
    pub(crate) fn first(times: u32) -> Self {
        let state = State {
            times,
            ..State::default()
        };
        Self(Arc::new(Mutex::new(state)))
    }

    /// Tells these from now on, as a process that was started anew.
    pub(crate) fn to(&self, payments: &Payments) {
        self.with(|state| state.listener = Some(payments.clone()));
    }

    /// Returns what there was to tell so far, in its order.
    pub(crate) fn told(&self) -> Vec<Notice> {
        self.with(|state| state.told.clone())
    }

    /// Tells of a call that was carried out; who is dead does not hear it.
    pub(super) async fn tell(&self, operation: OperationKey, outcome: &Outcome) {
        let outcome = outcome.clone();
        let notice = Notice { operation, outcome };
        let (times, listener) = self.with(|state| {
            state.told.push(notice.clone());
            (state.times, state.listener.clone())
        });
        for _ in 0..times {
            if let Some(payments) = &listener {
                let _ = payments.observe(&staff(), notice.clone()).await;
            }
        }
    }

    fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
