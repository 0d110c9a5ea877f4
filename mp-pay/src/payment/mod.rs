//! The payment as one pure state machine: an intent with its attempts, refunds and disputes.
//!
//! Three kinds of things happen to it. What is *asked* of it is checked against the legal moves.
//! What is *observed* of the backend is joined with what is known, in any order. What is *decided*
//! follows from what was learnt, and is journaled as such, because others are told of it.

mod asked;
mod change;
mod decided;
mod fall_over;
mod observe;
mod policy;
mod project;
mod records;
mod recovery;
mod root;

use std::{collections::BTreeMap, sync::Arc};

use mp_core::{Caller, Timestamp, amount::Money};
use serde::{Deserialize, Serialize};

use self::root::{Kept, State};
pub(crate) use self::{
    change::Change,
    policy::Policy,
    records::{command, journal, load},
    recovery::{Move, next_move},
    root::{Fence, Root},
};
use crate::{
    attempt::{ATTEMPTS_MAX, Attempt},
    dispute::{Dispute, DisputeId},
    error::PayError,
    intent::{IntentEvent, IntentStatus, PaymentIntent},
    journal::{Created, Event},
    operation::{Breach, Operation, OperationKey, Step},
    refund::{Refund, RefundId},
};

/// An intent with its attempts, refunds and disputes: the fold of its journal.
///
/// Cheap to clone: a part is copied when it is changed, and shared until then with the records that
/// it was read from and with the payment as it was before.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Payment {
    pub(crate) intent: Arc<PaymentIntent>,
    /// By their numbers.
    pub(crate) attempts: BTreeMap<u32, Arc<Attempt>>,
    pub(crate) refunds: BTreeMap<RefundId, Arc<Refund>>,
    pub(crate) disputes: BTreeMap<DisputeId, Arc<Dispute>>,
}

impl Payment {
    /// Creates the payment that a journal starts with.
    pub(crate) fn create(created: &Created, now: Timestamp) -> Self {
        let zero = Money::zero(created.amount.currency());
        let intent = PaymentIntent {
            id: created.id,
            app: created.app.clone(),
            owner: created.owner.clone(),
            status: IntentStatus::RequiresPaymentMethod,
            amount: created.amount,
            amount_capturable: zero,
            amount_received: zero,
            amount_refunded: zero,
            amount_reserved_for_refund: zero,
            amount_disputed: None,
            lines: created.lines.clone(),
            capture_method: created.capture_method,
            payment_method: created.payment_method.clone(),
            payment_method_type: created.payment_method_type.clone(),
            country: created.country,
            description: created.description.clone(),
            attempts: 0,
            attempt: None,
            next_action: None,
            hold_expires_at: None,
            conflict: None,
            last_error: None,
            cancellation_reason: None,
            settlement: created.settlement.clone(),
            created_at: now,
            changed_at: now,
        };
        let mut payment = Self {
            intent: Arc::new(intent),
            attempts: BTreeMap::new(),
            refunds: BTreeMap::new(),
            disputes: BTreeMap::new(),
        };
        payment.project();
        payment
    }

    /// Applies what happened, or refuses it and changes nothing that is kept.
    pub(crate) fn apply(&mut self, event: &Event, now: Timestamp) -> Result<(), PayError> {
        match event {
            Event::Created(_) | Event::Unrecognized => {}
            Event::Confirmed(confirmed) => self.confirm(confirmed)?,
            Event::FellOver {
                attempt,
                backend,
                hold_seconds,
            } => self.fall_over(*attempt, backend.as_ref(), *hold_seconds)?,
            Event::IncreaseAsked { total } => self.increase(*total)?,
            Event::CaptureAsked { amount, last } => self.capture(*amount, *last)?,
            Event::CancelAsked { reason } => self.cancel(*reason)?,
            Event::RefundAsked {
                refund,
                amount,
                reason,
                lines,
            } => self.refund(*refund, *amount, *reason, lines, now)?,
            Event::SettleAsked => self.settle(),
            Event::ReleaseAsked => self.release(),
            Event::Expired => self.expire()?,
            Event::Lapsed => self.lapse()?,
            Event::Exhausted => self.exhaust()?,
            Event::CaptureFailed => self.fail_capture()?,
            Event::VoidAsked { attempt } => self.plan_void(*attempt),
            Event::ReturnAsked { attempt, amount } => self.plan_return(*attempt, *amount),
            Event::LateAccepted { attempt } => self.accept_late(*attempt),
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
                operation,
                outcome,
                source,
            } => self.observe(operation.step, outcome, *source),
            Event::ActionRefused {
                operation,
                action,
                reference,
                ..
            } => {
                if let Some(operation) = self.operation_mut(operation.step) {
                    operation.breached(Breach::of_refused(action), reference.as_ref());
                }
            }
            Event::DisputeTold { dispute } => self.tell_dispute(dispute),
        }
        self.project();
        self.intent_mut().changed_at = now;
        Ok(())
    }

    /// Returns the intent alone.
    pub(crate) fn into_intent(self) -> PaymentIntent {
        Arc::unwrap_or_clone(self.intent)
    }

    /// Returns the intent as a caller may see it: what it is paid with is its payer's, and the staff's.
    pub(crate) fn shown_to(self, caller: &Caller) -> PaymentIntent {
        let mut intent = self.into_intent();
        let (app, owner) = (&intent.app, &intent.owner);
        if caller.require_owner("intent", app, owner).is_err() {
            intent.payment_method = None;
        }
        intent
    }

    /// Refuses an event that cannot happen where the intent stands.
    pub(crate) fn allow(&self, event: IntentEvent) -> Result<(), PayError> {
        let status = self.intent.status;
        match status.next(event) {
            Some(_) => Ok(()),
            None => Err(PayError::UnexpectedState { status, event }),
        }
    }

    /// Refuses to give up what may be under way at the backend: only what surely is not can be given
    /// up while it is processed.
    fn allow_giving_up(&self, event: IntentEvent) -> Result<(), PayError> {
        self.allow(event)?;
        let status = self.intent.status;
        let unsent = self.live().is_some_and(Attempt::is_unsent);
        if status == IntentStatus::Processing && !unsent {
            return Err(PayError::UnexpectedState { status, event });
        }
        Ok(())
    }

    fn intent_mut(&mut self) -> &mut PaymentIntent {
        Arc::make_mut(&mut self.intent)
    }

    fn live_mut(&mut self) -> Option<&mut Attempt> {
        let number = self.intent.attempt?;
        self.attempt_mut(number)
    }

    fn attempt_mut(&mut self, number: u32) -> Option<&mut Attempt> {
        self.attempts.get_mut(&number).map(Arc::make_mut)
    }

    pub(crate) fn attempt(&self, number: u32) -> Option<&Attempt> {
        self.attempts.get(&number).map(AsRef::as_ref)
    }

    /// Returns the attempt that was made last.
    pub(crate) fn last(&self) -> Option<&Attempt> {
        self.attempts.values().next_back().map(AsRef::as_ref)
    }

    /// Returns the attempt whose backend an operation goes to: a refund to that which brought the
    /// money.
    pub(crate) fn attempt_of(&self, step: Step) -> Option<&Attempt> {
        match step.attempt().or(self.intent.attempt) {
            Some(number) => self.attempt(number),
            None => self.last(),
        }
    }

    /// Returns the attempts that one confirmation has led to, up to this: each took the place of
    /// the one after it.
    pub(crate) fn tried<'a>(&'a self, attempt: &'a Attempt) -> Vec<&'a Attempt> {
        let earlier = |it: &&'a Attempt| self.attempt(it.after?);
        std::iter::successors(Some(attempt), earlier)
            .take(ATTEMPTS_MAX as usize)
            .collect()
    }

    /// Returns an operation's progress, if it was ever planned.
    pub(crate) fn operation(&self, step: Step) -> Option<&Operation> {
        match step.attempt() {
            Some(n) => self.attempt(n)?.operation(step),
            None => self.refund_of(step).map(|refund| &refund.operation),
        }
    }

    fn operation_mut(&mut self, step: Step) -> Option<&mut Operation> {
        match (step.attempt(), step) {
            (Some(n), _) => self.attempt_mut(n)?.operation_mut(step),
            (None, Step::Refund(id)) => {
                Some(&mut Arc::make_mut(self.refunds.get_mut(&id)?).operation)
            }
            (None, _) => None,
        }
    }

    fn refund_of(&self, step: Step) -> Option<&Refund> {
        match step {
            Step::Refund(id) => self.refunds.get(&id).map(AsRef::as_ref),
            _ => None,
        }
    }

    /// Returns how much an operation was to move, if it moves anything.
    pub(crate) fn amount_of(&self, step: Step) -> Option<Money> {
        let attempt = step.attempt().and_then(|n| self.attempt(n));
        match (step, attempt) {
            (Step::Refund(_), _) => self.refund_of(step).map(|refund| refund.amount),
            (Step::Charge(_), Some(it)) => Some(it.amount),
            (Step::Void(..), Some(it)) => Some(it.total()),
            (Step::Increase(_, number), Some(it)) => Some(it.increases.get(&number)?.total),
            (Step::Capture(_, number), Some(it)) => Some(it.captures.get(&number)?.amount),
            (Step::Return(_, number), Some(it)) => {
                Some(it.returns.get(&number)?.amount.unwrap_or(it.taken()))
            }
            (_, None) => None,
        }
    }

    /// Returns the keys of everything that was ever planned.
    pub(crate) fn operations(&self) -> impl Iterator<Item = OperationKey> {
        let intent = self.intent.id;
        let of_attempts = self.attempts.values().flat_map(|it| it.steps());
        let of_refunds = self.refunds.keys().copied().map(Step::Refund);
        of_attempts
            .chain(of_refunds)
            .map(move |step| OperationKey { intent, step })
    }
}

#[cfg(test)]
mod tests;
