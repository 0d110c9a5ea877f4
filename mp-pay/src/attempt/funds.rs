//! What an attempt holds and has taken, worked out from what is known of its operations.

use mp_core::amount::Money;

use super::{Attempt, Funds, Increase, Return, VOIDS_MAX};
use crate::{
    capture::Capture,
    intent::IntentStatus,
    operation::{Heard, Operation, Stage},
};

impl Attempt {
    /// Returns what was asked for in all: as charged, or as raised since.
    #[must_use]
    pub fn asked(&self) -> Money {
        let raised = self.increases.values().filter_map(|increase| {
            let done = increase.operation.is_done();
            done.then_some(increase.total.minor())
        });
        self.money(raised.fold(self.amount.minor(), i64::max))
    }

    /// Returns what is held in all, taken or not: what was asked for, unless a person has found
    /// that it is another amount.
    #[must_use]
    pub fn total(&self) -> Money {
        let charged = self.charge.moved.unwrap_or(self.amount).minor();
        let raised = self.increases.values().filter_map(Increase::raised);
        self.money(raised.fold(charged, i64::max))
    }

    /// Returns what was taken from the payer.
    #[must_use]
    pub fn taken(&self) -> Money {
        match self.funds {
            Some(Funds::Taken) => self.charge.moved.unwrap_or(self.amount),
            _ => self.money(self.captures.values().map(Capture::taken).sum()),
        }
    }

    /// Returns what is held, counts, and is claimed by no capture.
    #[must_use]
    pub fn capturable(&self) -> Money {
        let over = self.abandoned || self.closed || self.captures.values().any(Capture::ends);
        if over || !self.holds() {
            return self.money(0);
        }
        let claimed = |capture: &Capture| capture.taken() + capture.reserved();
        let claimed: i64 = self.captures.values().map(claimed).sum();
        self.money((self.total().minor() - claimed).max(0))
    }

    /// Returns what was given up, taken all the same, and is not on its way back yet.
    pub(crate) fn owed(&self) -> Money {
        let taken = self.taken().minor();
        let returned: i64 = self.returns.values().map(|part| part.back(taken)).sum();
        self.money((taken - returned).max(0))
    }

    /// Returns whether the backend still holds money.
    pub(crate) fn holds(&self) -> bool {
        self.funds == Some(Funds::Held)
            && !self.voids.values().any(Operation::is_done)
            && !self
                .captures
                .values()
                .any(|it| it.last && it.operation.is_done())
    }

    /// Returns whether a hold that is of no use was not let go of yet.
    pub(crate) fn wants_void(&self) -> bool {
        self.holds()
            && self.voids.len() < VOIDS_MAX
            && self.voids.values().all(Operation::is_declined)
    }

    /// Returns whether the charge surely did not reach the backend so far.
    pub(crate) fn is_unsent(&self) -> bool {
        self.charge.stage == Stage::Planned
    }

    /// Returns whether a capture or an increase of the hold is under way.
    pub(crate) fn is_moving(&self) -> bool {
        let captures = self.captures.values().map(|it| &it.operation);
        let increases = self.increases.values().map(|it| &it.operation);
        let mut operations = captures.chain(increases);
        operations.any(|operation| !operation.stage.is_known())
    }

    /// Returns whether the capture that was to be the last was declined.
    pub(crate) fn could_not_be_captured(&self) -> bool {
        let refused = |it: &Capture| it.last && it.operation.is_declined();
        !self.closed && self.holds() && !self.is_moving() && self.captures.values().any(refused)
    }

    /// Returns where an intent stands whose money this attempt is to bring.
    pub(crate) fn status(&self) -> IntentStatus {
        let over = self.closed || !self.holds();
        match self.charge.stage {
            Stage::Done if self.funds == Some(Funds::Taken) => IntentStatus::Succeeded,
            Stage::Done if self.is_moving() => IntentStatus::Processing,
            Stage::Done if over => IntentStatus::Succeeded,
            Stage::Done => IntentStatus::RequiresCapture,
            Stage::Declined => IntentStatus::RequiresPaymentMethod,
            Stage::Conflicted => IntentStatus::Processing,
            _ if self.charge.heard == Some(Heard::NeedsAction) => IntentStatus::RequiresAction,
            _ => IntentStatus::Processing,
        }
    }

    const fn money(&self, minor: i64) -> Money {
        Money::new(minor, self.amount.currency())
    }
}

impl Return {
    /// Returns what it gives or has given back; the first format meant everything that was taken.
    fn back(&self, taken: i64) -> i64 {
        let asked = self.amount.map_or(taken, Money::minor);
        let moved = self.operation.moved.filter(|_| self.operation.is_done());
        moved.map_or(asked, Money::minor)
    }
}

impl Capture {
    /// Returns whether nothing can be captured beside or after it.
    fn ends(&self) -> bool {
        self.last && !self.operation.is_declined()
    }
}

impl Increase {
    fn raised(&self) -> Option<i64> {
        let total = self.operation.moved.unwrap_or(self.total).minor();
        self.operation.is_done().then_some(total)
    }
}
