//! What is to be known of an attempt before another backend is tried in its place.

use mp_core::id::Name;

use super::Attempt;
use crate::journal::Confirmed;

impl Attempt {
    /// Opens one in the place of this, which asks another backend for the same.
    pub(crate) fn elsewhere(
        &self,
        number: u32,
        backend: Option<Name>,
        hold_seconds: Option<u64>,
    ) -> Self {
        let same = Confirmed {
            payment_method: None,
            payment_method_type: self.payment_method_type.clone(),
            country: self.country,
            backend,
            capture: self.capture,
            expires_at: self.expires_at,
            hold_seconds,
        };
        let method = self.payment_method.clone();
        let mut next = Self::open(number, method, self.amount, &same);
        next.after = Some(self.number);
        next
    }

    /// Returns whether the charge surely took nothing and never will: it was declined, or its call
    /// surely did not reach the backend. As long as anything else is possible, nothing may be tried
    /// in its place.
    pub(crate) fn took_nothing(&self) -> bool {
        let charge = &self.charge;
        charge.conflict.is_none() && (charge.is_declined() || charge.was_not_sent())
    }
}
