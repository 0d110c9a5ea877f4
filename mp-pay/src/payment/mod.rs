//! The payment as one pure state machine: an intent with its attempts and refunds.

mod observe;
mod records;
mod recovery;

use std::collections::BTreeMap;

use mp_core::{Timestamp, amount::Money};
use serde::{Deserialize, Serialize};

pub(crate) use self::{
    records::{Change, Fence, Root, command, load},
    recovery::{Move, next_move},
};
use crate::{
    attempt::{ATTEMPTS_MAX, Attempt, Capture},
    backend::DeclineCode,
    error::PayError,
    intent::{CancellationReason, IntentEvent, IntentStatus, PaymentIntent},
    journal::{Created, Event},
    operation::{Operation, OperationKey, Step},
    refund::{Refund, RefundId, RefundReason},
};

/// An intent with its attempts and refunds: the fold of its journal.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Payment {
    pub(crate) intent: PaymentIntent,
    /// Attempt `n` stands at index `n - 1`.
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) refunds: BTreeMap<RefundId, Refund>,
}

impl Payment {
    /// Creates the payment that a journal starts with.
    pub(crate) fn create(created: &Created, now: Timestamp) -> Self {
        let zero = Money::zero(created.amount.currency());
        let status = match created.payment_method {
            Some(_) => IntentStatus::RequiresConfirmation,
            None => IntentStatus::RequiresPaymentMethod,
        };
        let intent = PaymentIntent {
            id: created.id,
            app: created.app.clone(),
            owner: created.owner.clone(),
            status,
            amount: created.amount,
            amount_capturable: zero,
            amount_received: zero,
            amount_refunded: zero,
            amount_reserved_for_refund: zero,
            capture_method: created.capture_method,
            payment_method: created.payment_method.clone(),
            description: created.description.clone(),
            attempts: 0,
            attempt: None,
            next_action: None,
            last_error: None,
            cancellation_reason: None,
            settlement: created.settlement.clone(),
            created_at: now,
            changed_at: now,
        };
        Self {
            intent,
            attempts: Vec::new(),
            refunds: BTreeMap::new(),
        }
    }

    /// Applies what happened, or refuses it and changes nothing that is kept.
    pub(crate) fn apply(&mut self, event: &Event, now: Timestamp) -> Result<(), PayError> {
        match event {
            Event::Created(_) | Event::Unrecognized => {}
            Event::Confirmed {
                payment_method,
                capture,
                expires_at,
            } => {
                if let Some(method) = payment_method {
                    self.intent.payment_method = Some(method.clone());
                }
                self.confirm(*capture, *expires_at)?;
            }
            Event::CaptureAsked { amount } => self.capture(*amount)?,
            Event::CancelAsked { reason } => self.cancel(*reason)?,
            Event::RefundAsked {
                refund,
                amount,
                reason,
            } => self.refund(*refund, *amount, *reason, now)?,
            Event::SettleAsked => self.settle(),
            Event::ReleaseAsked => self.release(now)?,
            Event::Expired => self.expire()?,
            Event::Sent { operation } => {
                if let Some(operation) = self.operation_mut(operation.step) {
                    operation.send(now);
                }
            }
            Event::NotSent { operation } => {
                if let Some(operation) = self.operation_mut(operation.step) {
                    operation.take_back();
                }
            }
            Event::Observed {
                operation, outcome, ..
            } => self.observe(operation.step, outcome, now)?,
        }
        self.intent.changed_at = now;
        Ok(())
    }

    /// Moves the status on, or refuses the event.
    fn go(&mut self, event: IntentEvent) -> Result<(), PayError> {
        let status = self.intent.status;
        let refused = PayError::UnexpectedState { status, event };
        self.intent.status = status.next(event).ok_or(refused)?;
        self.intent.next_action = None;
        Ok(())
    }

    fn confirm(&mut self, capture: bool, expires_at: Timestamp) -> Result<(), PayError> {
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

    fn capture(&mut self, amount: Money) -> Result<(), PayError> {
        self.go(IntentEvent::Capture)?;
        within(amount, self.intent.amount_capturable)?;
        if let Some(attempt) = self.current() {
            let operation = Operation::planned();
            attempt.captured = Some(Capture { amount, operation });
        }
        Ok(())
    }

    /// Gives the intent up, and lets go of what is held or might still be taken.
    fn cancel(&mut self, reason: CancellationReason) -> Result<(), PayError> {
        self.go(IntentEvent::Cancel)?;
        self.abandon();
        self.intent.cancellation_reason = Some(reason);
        Ok(())
    }

    /// Gives up the present attempt: whatever it still takes will be given back.
    fn abandon(&mut self) {
        if let Some(attempt) = self.current() {
            attempt.abandoned = true;
            attempt.void.get_or_insert_with(Operation::planned);
        }
        self.intent.attempt = None;
        self.intent.amount_capturable = Money::zero(self.intent.amount.currency());
    }

    /// Reserves the amount in the same commit as the refund that will use it.
    fn refund(
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

    fn settle(&mut self) {
        if let Some(mark) = &mut self.intent.settlement {
            mark.settled = true;
        }
    }

    /// Records the wish to let go, and carries out of it what can be done now.
    fn release(&mut self, now: Timestamp) -> Result<(), PayError> {
        if let Some(mark) = &mut self.intent.settlement {
            mark.released = true;
        }
        self.let_go(now)
    }

    /// Carries out a recorded wish to let go, as far as what is known allows.
    fn let_go(&mut self, now: Timestamp) -> Result<(), PayError> {
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
    fn expire(&mut self) -> Result<(), PayError> {
        self.abandon();
        self.decline(&DeclineCode::of("expired"))
    }

    /// Takes note that the present attempt came to nothing.
    fn decline(&mut self, code: &DeclineCode) -> Result<(), PayError> {
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

    /// Returns the attempt that is open or has succeeded.
    fn current(&mut self) -> Option<&mut Attempt> {
        let number = self.intent.attempt?;
        self.attempt_mut(number)
    }

    fn attempt_mut(&mut self, number: u32) -> Option<&mut Attempt> {
        self.attempts.get_mut(number.checked_sub(1)? as usize)
    }

    pub(crate) fn attempt(&self, number: u32) -> Option<&Attempt> {
        self.attempts.get(number.checked_sub(1)? as usize)
    }

    /// Returns an operation's progress, if it was ever planned.
    pub(crate) fn operation(&self, step: Step) -> Option<&Operation> {
        match step {
            Step::Charge(n) => self.attempt(n).map(|attempt| &attempt.charge),
            Step::Capture(n) => Some(&self.attempt(n)?.captured.as_ref()?.operation),
            Step::Void(n) => self.attempt(n)?.void.as_ref(),
            Step::Return(n) => self.attempt(n)?.returned.as_ref(),
            Step::Refund(id) => self.refunds.get(&id).map(|refund| &refund.operation),
        }
    }

    fn operation_mut(&mut self, step: Step) -> Option<&mut Operation> {
        match step {
            Step::Charge(n) => self.attempt_mut(n).map(|attempt| &mut attempt.charge),
            Step::Capture(n) => Some(&mut self.attempt_mut(n)?.captured.as_mut()?.operation),
            Step::Void(n) => self.attempt_mut(n)?.void.as_mut(),
            Step::Return(n) => self.attempt_mut(n)?.returned.as_mut(),
            Step::Refund(id) => Some(&mut self.refunds.get_mut(&id)?.operation),
        }
    }

    /// Returns the keys of everything that was ever planned.
    pub(crate) fn operations(&self) -> impl Iterator<Item = OperationKey> {
        let intent = self.intent.id;
        let of_attempts = self.attempts.iter().flat_map(|attempt| {
            let n = attempt.number;
            let charge = [Step::Charge(n), Step::Capture(n)];
            charge.into_iter().chain([Step::Void(n), Step::Return(n)])
        });
        let of_refunds = self.refunds.keys().copied().map(Step::Refund);
        of_attempts
            .chain(of_refunds)
            .filter(|step| self.operation(*step).is_some())
            .map(move |step| OperationKey { intent, step })
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

/// Adds amounts of one intent: one currency, and far from overflow, since all are at most the
/// intent's amount.
fn plus(one: Money, other: Money) -> Money {
    Money::new(one.minor().saturating_add(other.minor()), one.currency())
}

/// Subtracts amounts of one intent, down to nothing.
fn minus(one: Money, other: Money) -> Money {
    Money::new(
        one.minor().saturating_sub(other.minor()).max(0),
        one.currency(),
    )
}

#[cfg(test)]
mod tests;
