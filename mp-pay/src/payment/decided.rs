//! What is decided about a payment because of what was learnt or of the time that has passed.
//!
//! A decision is an entry of the journal like any other, since others are told of it and it is not
//! taken back: what is learnt later is measured against it.

use std::{collections::BTreeMap, sync::Arc};

use mp_core::{Timestamp, amount::Money};

use super::Payment;
use crate::{
    attempt::{ATTEMPTS_MAX, Attempt, Funds},
    backend::DeclineCode,
    error::PayError,
    intent::{CancellationReason, IntentEvent, IntentStatus},
    journal::Event,
    payments::LateSuccess,
    refund::{REFUNDS_MAX, Refund, RefundId, RefundReason},
};

impl Payment {
    /// Returns what has run out by `now` and was not taken note of yet.
    pub(crate) fn overdue(&self, now: Timestamp) -> Option<Event> {
        let attempt = self.live()?;
        match self.intent.status {
            IntentStatus::RequiresAction if attempt.expires_at <= now => Some(Event::Expired),
            IntentStatus::Processing if attempt.is_unsent() && attempt.expires_at <= now => {
                Some(Event::Expired)
            }
            IntentStatus::RequiresCapture => {
                let over = attempt.hold_deadline().is_some_and(|at| at <= now);
                over.then_some(Event::Lapsed)
            }
            _ => None,
        }
    }

    /// Returns what there is to decide now; `None` if nothing is.
    pub(crate) fn follows(&self, late: LateSuccess) -> Option<Event> {
        if self.intent.status == IntentStatus::Unrecognized {
            return None;
        }
        self.follows_live()
            .or_else(|| self.follows_late(late))
            .or_else(|| self.follows_release())
            .or_else(|| self.follows_overpayment())
    }

    fn follows_live(&self) -> Option<Event> {
        let attempts = self.intent.attempts;
        // A settlement's key is good for one attempt: its decline is final.
        let settlement = self.intent.settlement.is_some() && attempts > 0;
        let last = attempts >= ATTEMPTS_MAX || settlement;
        match self.intent.status {
            IntentStatus::RequiresPaymentMethod => last.then_some(Event::Exhausted),
            IntentStatus::RequiresCapture => {
                let failed = self.live()?.could_not_be_captured();
                failed.then_some(Event::CaptureFailed)
            }
            _ => None,
        }
    }

    /// What an attempt that was given up holds or takes is let go or given back, or accepted.
    fn follows_late(&self, late: LateSuccess) -> Option<Event> {
        let given_up = |attempt: &&Arc<Attempt>| self.intent.attempt != Some(attempt.number);
        let mut given_up = self.attempts.values().filter(given_up);
        given_up.find_map(|attempt| {
            let owed = attempt.owed();
            let number = attempt.number;
            if self.accepts(attempt, late) {
                return Some(Event::LateAccepted { attempt: number });
            }
            if owed.is_positive() {
                return Some(Event::ReturnAsked {
                    attempt: number,
                    amount: owed,
                });
            }
            let wants = attempt.wants_void();
            wants.then_some(Event::VoidAsked { attempt: number })
        })
    }

    fn accepts(&self, attempt: &Attempt, late: LateSuccess) -> bool {
        late == LateSuccess::Accept
            && self.intent.status == IntentStatus::RequiresPaymentMethod
            && self.intent.settlement.is_none()
            && attempt.returns.is_empty()
            && attempt.funds == Some(Funds::Taken)
            && attempt.taken() == self.intent.amount
    }

    /// Carries out a recorded wish to let go, as far as what is known allows.
    fn follows_release(&self) -> Option<Event> {
        let mark = self.intent.settlement.as_ref()?;
        if !mark.released {
            return None;
        }
        if self.allow_giving_up(IntentEvent::Cancel).is_ok() {
            let reason = CancellationReason::Abandoned;
            return Some(Event::CancelAsked { reason });
        }
        let left = self.intent.amount_refundable();
        let refused = self.refunds.values().filter(|refund| {
            refund.reason == Some(RefundReason::Released) && refund.operation.is_declined()
        });
        // What the backend has refused to give back is not tried again until it is asked for again.
        let tries = refused.count() < mark.times_asked() as usize;
        let tries = tries && self.plans_refund(RefundReason::Released);
        if self.intent.status != IntentStatus::Succeeded || !left.is_positive() || !tries {
            return None;
        }
        let number = self.refunds.len().to_string();
        let id = RefundId::derived(&[&self.intent.id.to_string(), "release", &number]);
        Some(refund_asked(id, left, RefundReason::Released))
    }

    /// What the payer has paid beyond the amount is given back: what a person has found, or what a
    /// backend took that had said that it would not. What it declines is left for a person.
    fn follows_overpayment(&self) -> Option<Event> {
        let attempt = self.live()?;
        let refunds = self.refunds.values();
        let earlier = refunds.filter(|refund| refund.reason == Some(RefundReason::Overpaid));
        let earlier: i64 = earlier.map(|refund| refund.given_or_asked()).sum();
        let excess = self.intent.amount_received.minor() - attempt.asked().minor() - earlier;
        let excess = excess.min(self.intent.amount_refundable().minor());
        let tries = excess > 0 && self.plans_refund(RefundReason::Overpaid);
        if self.intent.status != IntentStatus::Succeeded || !tries {
            return None;
        }
        let excess = Money::new(excess, self.intent.amount.currency());
        let number = self.refunds.len().to_string();
        let id = RefundId::derived(&[&self.intent.id.to_string(), "overpaid", &number]);
        Some(refund_asked(id, excess, RefundReason::Overpaid))
    }

    /// Returns whether a refund that nobody asked for by itself is planned. Where there are as many as there may
    /// be, one that was declined stays with the person it is listed for; were there none, nobody would be told.
    fn plans_refund(&self, reason: RefundReason) -> bool {
        let refused = |it: &Arc<Refund>| it.operation.is_declined();
        self.refunds.len() < REFUNDS_MAX as usize || !self.last_of(reason).is_some_and(refused)
    }

    /// Ends an attempt that waits for its payer, or for a backend that is out of reach.
    pub(super) fn expire(&mut self) -> Result<(), PayError> {
        self.allow_giving_up(IntentEvent::Expire)?;
        self.abandon();
        let intent = self.intent_mut();
        intent.payment_method = None;
        intent.payment_method_type = None;
        intent.last_error = Some(DeclineCode::of("expired"));
        Ok(())
    }

    /// Ends a hold that was not captured in time.
    pub(super) fn lapse(&mut self) -> Result<(), PayError> {
        self.allow(IntentEvent::Lapse)?;
        self.let_go_of_hold(CancellationReason::Expired);
        Ok(())
    }

    /// Ends an intent that may have no further attempt.
    pub(super) fn exhaust(&mut self) -> Result<(), PayError> {
        self.allow(IntentEvent::Exhaust)?;
        let intent = self.intent_mut();
        intent.attempt = None;
        intent.cancellation_reason = Some(CancellationReason::Automatic);
        Ok(())
    }

    /// Ends a hold that could not be captured.
    pub(super) fn fail_capture(&mut self) -> Result<(), PayError> {
        self.allow(IntentEvent::Lapse)?;
        let captures = self.live().map(|attempt| attempt.captures.values());
        let code = captures.and_then(|mut all| all.next_back()?.operation.code.clone());
        self.let_go_of_hold(CancellationReason::Automatic);
        self.intent_mut().last_error = code;
        Ok(())
    }

    /// Cancels, or, where part of the hold was taken, closes it and keeps that part.
    pub(super) fn let_go_of_hold(&mut self, reason: CancellationReason) {
        match self.live_mut() {
            Some(attempt) if attempt.taken().is_positive() => {
                attempt.closed = true;
                attempt.plan_void();
            }
            _ => {
                self.abandon();
                self.intent_mut().cancellation_reason = Some(reason);
            }
        }
    }

    /// Gives up the present attempt: whatever it still takes will be given back.
    fn abandon(&mut self) {
        if let Some(attempt) = self.live_mut() {
            if attempt.is_unsent() {
                attempt.charge.close_unsent();
            }
            if !attempt.charge.is_declined() {
                attempt.abandoned = true;
                attempt.plan_void();
            }
        }
        self.intent_mut().attempt = None;
    }

    pub(super) fn plan_void(&mut self, attempt: u32) {
        if let Some(attempt) = self.attempt_mut(attempt) {
            attempt.abandoned = true;
            attempt.plan_void();
        }
    }

    pub(super) fn plan_return(&mut self, attempt: u32, amount: Money) {
        if let Some(attempt) = self.attempt_mut(attempt) {
            attempt.abandoned = true;
            attempt.plan_return(amount);
        }
    }

    pub(super) fn accept_late(&mut self, attempt: u32) {
        if let Some(accepted) = self.attempt_mut(attempt) {
            accepted.abandoned = false;
            self.intent_mut().attempt = Some(attempt);
        }
    }
}

fn refund_asked(refund: RefundId, amount: Money, reason: RefundReason) -> Event {
    Event::RefundAsked {
        refund,
        amount,
        reason: Some(reason),
        lines: BTreeMap::new(),
    }
}
