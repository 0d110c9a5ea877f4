//! What is asked of a payment.

use std::{collections::BTreeMap, sync::Arc};

use mp_core::{Error, Timestamp, amount::Money, id::Name, idempotency::key_reused};

use super::Payment;
use crate::{
    attempt::{ATTEMPTS_MAX, Attempt},
    error::PayError,
    intent::{CancellationReason, IntentEvent, IntentStatus},
    journal::Confirmed,
    operation::{Operation, Stage},
    refund::{Refund, RefundId, RefundReason},
};

impl Payment {
    pub(super) fn confirm(&mut self, confirmed: &Confirmed) -> Result<(), PayError> {
        self.allow(IntentEvent::Confirm)?;
        let given = confirmed.payment_method.as_ref();
        let Some(method) = given.or(self.intent.payment_method.as_ref()) else {
            let missing = "is missing: the intent has none yet";
            return Err(Error::invalid("payment_method", missing).into());
        };
        if self.intent.attempts >= ATTEMPTS_MAX {
            let (what, most) = ("attempts", ATTEMPTS_MAX);
            return Err(PayError::TooMany { what, most });
        }
        let number = self.intent.attempts + 1;
        let amount = self.intent.amount;
        let attempt = Attempt::open(number, method.clone(), amount, confirmed);
        self.intent_mut().country = confirmed.country;
        self.open(attempt);
        Ok(())
    }

    /// Makes a new attempt the one that counts.
    pub(super) fn open(&mut self, attempt: Attempt) {
        let intent = self.intent_mut();
        intent.attempts = attempt.number;
        intent.attempt = Some(attempt.number);
        self.attempts.insert(attempt.number, Arc::new(attempt));
    }

    /// Raises the hold, which is as it was until that is known to have happened.
    pub(super) fn increase(&mut self, total: Money) -> Result<(), PayError> {
        self.allow(IntentEvent::Increase)?;
        let held = self.intent.amount;
        is_of(total, held)?;
        let event = IntentEvent::Increase;
        let status = self.intent.status;
        match self.live_mut() {
            Some(attempt) if attempt.captures.is_empty() => {
                if total.minor() <= held.minor() {
                    let problem = format!("is not more than the {held} that are held");
                    return Err(Error::invalid("amount", problem).into());
                }
                attempt.plan_increase(total);
                Ok(())
            }
            // Nothing is raised any more once it is being taken.
            _ => Err(PayError::UnexpectedState { status, event }),
        }
    }

    /// Reserves the amount in the same commit as the capture that will take it.
    pub(super) fn capture(&mut self, amount: Money, last: bool) -> Result<(), PayError> {
        self.allow(IntentEvent::Capture)?;
        let left = self.intent.amount_capturable;
        within(amount, left)?;
        if let Some(attempt) = self.live_mut() {
            // Where nothing is left there is nothing to come back for.
            attempt.plan_capture(amount, last || amount == left);
        }
        Ok(())
    }

    /// Gives the intent up, and lets go of what is held or might still be taken. Of what was taken
    /// in part, only the rest can be let go.
    pub(super) fn cancel(&mut self, reason: CancellationReason) -> Result<(), PayError> {
        self.allow_giving_up(IntentEvent::Cancel)?;
        self.let_go_of_hold(reason);
        Ok(())
    }

    /// Reserves the amount in the same commit as the refund that will use it. Between the captures
    /// of a hold, what counts is what was captured so far.
    pub(super) fn refund(
        &mut self,
        id: RefundId,
        amount: Money,
        reason: Option<RefundReason>,
        lines: &BTreeMap<Name, Money>,
        now: Timestamp,
    ) -> Result<(), PayError> {
        self.allow(IntentEvent::Refund)?;
        // Who has asked is known by the journal, but for what an earlier release has written.
        if self.refunds.contains_key(&id) {
            return Err(PayError::Core(key_reused()));
        }
        let status = self.intent.status;
        if status != IntentStatus::Succeeded && !self.intent.amount_received.is_positive() {
            let event = IntentEvent::Refund;
            return Err(PayError::UnexpectedState { status, event });
        }
        within(amount, self.intent.amount_refundable())?;
        for (name, part) in lines {
            within(*part, self.left_of_line(name)?)?;
        }
        let refund = Refund {
            id,
            amount,
            reason,
            lines: lines.clone(),
            operation: Operation::planned(),
            created_at: now,
        };
        self.refunds.insert(id, Arc::new(refund));
        Ok(())
    }

    /// Returns what is left of an order's line: no refund of it was made or is under way.
    pub(crate) fn left_of_line(&self, name: &Name) -> Result<Money, PayError> {
        let Some(line) = self.intent.lines.get(name) else {
            return Err(Error::invalid("lines", "names a line that the intent has not").into());
        };
        let claims = |refund: &&Arc<Refund>| refund.operation.stage != Stage::Declined;
        let parts = self.refunds.values().filter(claims);
        let claimed = parts.filter_map(|refund| refund.lines.get(name));
        let claimed: i64 = claimed.map(|part| part.minor()).sum();
        Ok(Money::new((line.minor() - claimed).max(0), line.currency()))
    }

    pub(super) fn settle(&mut self) {
        if let Some(mark) = &mut self.intent_mut().settlement {
            mark.settled = true;
        }
    }

    /// Records the wish to let go; what can be done about it is decided apart.
    pub(super) fn release(&mut self) {
        if let Some(mark) = &mut self.intent_mut().settlement {
            mark.asked = Some(mark.times_asked().saturating_add(1));
            mark.released = true;
        }
    }
}

fn is_of(asked: Money, like: Money) -> Result<(), PayError> {
    if asked.currency() == like.currency() {
        return Ok(());
    }
    let problem = format!("is not in {}", like.currency());
    Err(Error::invalid("amount", problem).into())
}

/// Refuses an amount that is not positive, of another currency, or more than is left.
fn within(asked: Money, left: Money) -> Result<(), PayError> {
    is_of(asked, left)?;
    if !asked.is_positive() {
        return Err(Error::invalid("amount", "is not more than zero").into());
    }
    if asked.minor() > left.minor() {
        return Err(PayError::AmountTooLarge { asked, left });
    }
    Ok(())
}
