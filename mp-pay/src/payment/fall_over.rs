//! Another attempt at another backend, in the place of one that surely took nothing.

use mp_core::{Timestamp, id::Name};

use super::Payment;
use crate::{
    attempt::{ATTEMPTS_MAX, Attempt},
    error::PayError,
    intent::IntentEvent,
};

impl Payment {
    /// Returns the attempt that counts, if it surely took nothing and another backend may be tried
    /// for it: the money is still wanted, and in time.
    pub(super) fn stranded(&self, now: Timestamp) -> Option<&Attempt> {
        let mark = self.intent.settlement.as_ref();
        let wanted = mark.is_none_or(|mark| !mark.released);
        let more = wanted && self.intent.attempts < ATTEMPTS_MAX;
        let open = self.intent.status.next(IntentEvent::FallOver).is_some();
        let live = self.live().filter(|_| more && open)?;
        (now < live.expires_at && live.took_nothing()).then_some(live)
    }

    /// Opens an attempt at another backend in the place of one that surely took nothing.
    pub(super) fn fall_over(
        &mut self,
        from: u32,
        backend: Option<&Name>,
        hold_seconds: Option<u64>,
    ) -> Result<(), PayError> {
        let event = IntentEvent::FallOver;
        self.allow(event)?;
        if self.intent.attempts >= ATTEMPTS_MAX {
            let (what, most) = ("attempts", ATTEMPTS_MAX);
            return Err(PayError::TooMany { what, most });
        }
        let (status, number) = (self.intent.status, self.intent.attempts + 1);
        let live = self.live_mut().filter(|live| live.number == from);
        let Some(live) = live.filter(|live| live.took_nothing()) else {
            return Err(PayError::UnexpectedState { status, event });
        };
        if live.charge.was_not_sent() {
            live.charge.close_unsent();
        }
        let next = live.elsewhere(number, backend.cloned(), hold_seconds);
        self.open(next);
        Ok(())
    }
}
