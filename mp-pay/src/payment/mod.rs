//! The payment as one pure state machine: an intent with its attempts and refunds.

mod asked;
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
    attempt::Attempt,
    error::PayError,
    intent::{IntentEvent, IntentStatus, PaymentIntent},
    journal::{Created, Event},
    operation::{Operation, OperationKey, Step},
    refund::{Refund, RefundId},
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
