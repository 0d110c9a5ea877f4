//! What is asked of a payment, and what becomes of its attempts.

use mp_core::{Timestamp, amount::Money};

use super::{Payment, plus};
use crate::{
    attempt::{ATTEMPTS_MAX, Attempt, Capture},
    backend::DeclineCode,
    error::PayError,
    intent::{CancellationReason, IntentEvent, IntentStatus},
    operation::Operation,
    refund::{Refund, RefundId, RefundReason},
};

impl Payment {
    pub(super) fn confirm(&mut self, capture: bool, expires_at: Timestamp) -> Result<(), PayError> {
        self.go(IntentEvent::Confirm)?;
        let Some(method) = self.intent.payment_method.clone() else {
            let missing = "is missing: the intent has none yet";
            return Err(mp_core::Error::invalid("payment_method", missing).into());
        };
        let number = self.intent.attempts + 1;
        let amount = self.intent.amount;
        let attempt = Attempt::open(number, method, amount, capture, expires_at);
        self.attempts.push(attempt);
        self.intent.attempts = number;
        self.intent.attempt = Some(number);
        self.intent.last_error = None;
        Ok(())
    }

    pub(super) fn capture(&mut self, amount: Money) -> Result<(), PayError> {
        self.go(IntentEvent::Capture)?;
        within(amount, self.intent.amount_capturable)?;
        if let Some(attempt) = self.current() {
            let operation = Operation::planned();
            attempt.captured = Some(Capture { amount, operation });
        }
        Ok(())
    }

    /// Gives the intent up, and lets go of what is held or might still be taken.
    pub(super) fn cancel(&mut self, reason: CancellationReason) -> Result<(), PayError> {
        self.go(IntentEvent::Cancel)?;
        self.abandon();
        self.intent.cancellation_reason = Some(reason);
        Ok(())
    }

    /// Gives up the present attempt: whatever it still takes will be given back.
    pub(super) fn abandon(&mut self) {
        if let Some(attempt) = self.current() {
            attempt.abandoned = true;
            attempt.void.get_or_insert_with(Operation::planned);
        }
        self.intent.attempt = None;
        self.intent.amount_capturable = Money::zero(self.intent.amount.currency());
    }

    /// Reserves the amount in the same commit as the refund that will use it.
    pub(super) fn refund(
        &mut self,
        id: RefundId,
        amount: Money,
        reason: Option<RefundReason>,
        now: Timestamp,
    ) -> Result<(), PayError> {
        self.go(IntentEvent::Refund)?;
        within(amount, self.intent.amount_refundable())?;
        let reserved = self.intent.amount_reserved_for_refund;
        self.intent.amount_reserved_for_refund = plus(reserved, amount);
        let refund = Refund {
            id,
            amount,
            reason,
            operation: Operation::planned(),
            created_at: now,
        };
        self.refunds.insert(id, refund);
        Ok(())
    }

    pub(super) fn settle(&mut self) {
        if let Some(mark) = &mut self.intent.settlement {
            mark.settled = true;
        }
    }

    /// Records the wish to let go, and carries out of it what can be done now.
    pub(super) fn release(&mut self, now: Timestamp) -> Result<(), PayError> {
        if let Some(mark) = &mut self.intent.settlement {
            mark.released = true;
        }
        self.let_go(now)
    }

    /// Carries out a recorded wish to let go, as far as what is known allows.
    pub(super) fn let_go(&mut self, now: Timestamp) -> Result<(), PayError> {
        let wished = self.intent.settlement.as_ref();
        if !wished.is_some_and(|mark| mark.released) {
            return Ok(());
        }
        if self.intent.status.next(IntentEvent::Cancel).is_some() {
            return self.cancel(CancellationReason::Abandoned);
        }
        let left = self.intent.amount_refundable();
        if self.intent.status == IntentStatus::Succeeded && left.is_positive() {
            let number = self.refunds.len().to_string();
            let id = RefundId::derived(&[&self.intent.id.to_string(), "release", &number]);
            self.refund(id, left, Some(RefundReason::Released), now)?;
        }
        Ok(())
    }

    /// Ends an attempt that waits for its payer.
    pub(super) fn expire(&mut self) -> Result<(), PayError> {
        self.abandon();
        self.decline(&DeclineCode::of("expired"))
    }

    /// Takes note that the present attempt came to nothing.
    pub(super) fn decline(&mut self, code: &DeclineCode) -> Result<(), PayError> {
        // A settlement's key is good for one attempt: its decline is final.
        let last = self.intent.attempts >= ATTEMPTS_MAX || self.intent.settlement.is_some();
        if last {
            self.go(IntentEvent::Exhaust)?;
            self.intent.cancellation_reason = Some(CancellationReason::Automatic);
        } else {
            self.go(IntentEvent::Decline)?;
        }
        self.intent.attempt = None;
        self.intent.payment_method = None;
        self.intent.last_error = Some(code.clone());
        Ok(())
    }
}

/// Refuses an amount that is not positive, of another currency, or more than is left.
fn within(asked: Money, left: Money) -> Result<(), PayError> {
    if asked.currency() != left.currency() {
        let problem = format!("is not in {}", left.currency());
        return Err(mp_core::Error::invalid("amount", problem).into());
    }
    if !asked.is_positive() {
        return Err(mp_core::Error::invalid("amount", "is not more than zero").into());
    }
    if asked.minor() > left.minor() {
        return Err(PayError::AmountTooLarge { asked, left });
    }
    Ok(())
}
