use std::time::Duration;

/// How payments are carried out.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct PaymentsOptions {
    /// The longest that one call to the backend may take, counted from the commit that claims it; 30
    /// seconds by default. What takes longer counts as unknown, and what a dead process had sent is
    /// looked into after as long and twice [`SKEW_MAX`](mp_core::clock::SKEW_MAX).
    pub call_max: Duration,
    /// What becomes of money that an attempt brings after it was given up; it is given back by
    /// default.
    pub late_success: LateSuccess,
}

/// What becomes of money that an attempt brings after it was given up. It is never dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LateSuccess {
    /// It is given back.
    #[default]
    Return,
    /// It pays the intent, if that still has to be paid and waits for a payment method; else it is
    /// given back. Never accepted is what was held, what a settlement was told of, and what comes
    /// after the intent was canceled.
    Accept,
}

impl Default for PaymentsOptions {
    fn default() -> Self {
        Self {
            call_max: Duration::from_secs(30),
            late_success: LateSuccess::Return,
        }
    }
}

impl PaymentsOptions {
    /// Lets one call to the backend take this long at most.
    #[must_use]
    pub const fn with_call_max(mut self, call_max: Duration) -> Self {
        self.call_max = call_max;
        self
    }

    /// Does this with money that comes late.
    #[must_use]
    pub const fn with_late_success(mut self, late: LateSuccess) -> Self {
        self.late_success = late;
        self
    }
}
