//! What is learnt about operations, folded into the state: in any order, any number of times.

use mp_core::{Timestamp, amount::Money};

use super::{Payment, minus, plus};
use crate::{
    attempt::Attempt,
    backend::{DeclineCode, Outcome, Reference},
    error::PayError,
    intent::{IntentEvent, IntentStatus},
    operation::{Operation, Stage, Step},
    refund::{RefundId, RefundReason},
};

/// What an outcome adds to what was known of an operation.
enum News {
    Happened,
    Refused(DeclineCode),
    Nothing,
}

impl Payment {
    pub(super) fn observe(
        &mut self,
        step: Step,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<(), PayError> {
        let before = self.intent.status;
        match step {
            Step::Charge(n) => self.observe_charge(n, outcome)?,
            Step::Capture(n) => self.observe_capture(n, outcome)?,
            Step::Void(n) => self.observe_void(n, outcome),
            Step::Return(n) => {
                if let Some(returned) = self.operation_mut(Step::Return(n)) {
                    returned.learn(outcome);
                }
            }
            Step::Refund(id) => return self.observe_refund(id, outcome, now),
        }
        if self.intent.status != before {
            self.let_go(now)?;
        }
        Ok(())
    }

    fn observe_charge(&mut self, n: u32, outcome: &Outcome) -> Result<(), PayError> {
        let current = self.intent.attempt == Some(n);
        let Some(attempt) = self.attempt_mut(n) else {
            return Ok(());
        };
        if matches!(attempt.charge.stage, Stage::Done | Stage::Unrecognized) {
            return Ok(());
        }
        let known = attempt.charge.stage.is_known();
        match outcome {
            Outcome::Settled { reference } => self.charged(n, current, reference, false),
            Outcome::Authorized { reference } => self.charged(n, current, reference, true),
            _ if known => Ok(()),
            Outcome::Declined { code } => {
                attempt.charge.decline(code);
                if current { self.decline(code) } else { Ok(()) }
            }
            Outcome::Accepted => {
                attempt.charge.stage = Stage::Pending;
                if current {
                    self.go(IntentEvent::Accept)
                } else {
                    Ok(())
                }
            }
            Outcome::NeedsAction { action } => {
                attempt.charge.stage = Stage::Pending;
                if current {
                    self.go(IntentEvent::AwaitPayer)?;
                    self.intent.next_action = Some(action.clone());
                }
                Ok(())
            }
            Outcome::Unknown => {
                attempt.charge.doubt();
                Ok(())
            }
        }
    }

    /// Takes note that an attempt took or holds the money; if it was given up, undoes that.
    fn charged(
        &mut self,
        n: u32,
        current: bool,
        reference: &Reference,
        held: bool,
    ) -> Result<(), PayError> {
        if let Some(attempt) = self.attempt_mut(n) {
            attempt.charge.succeed(reference);
            attempt.held = held;
            if !current {
                attempt.undo();
                return Ok(());
            }
        }
        if held {
            self.intent.amount_capturable = self.intent.amount;
            self.go(IntentEvent::Authorize)
        } else {
            self.intent.amount_received = self.intent.amount;
            self.go(IntentEvent::Succeed)
        }
    }

    fn observe_capture(&mut self, n: u32, outcome: &Outcome) -> Result<(), PayError> {
        let current = self.intent.attempt == Some(n);
        let Some(attempt) = self.attempt_mut(n) else {
            return Ok(());
        };
        let amount = attempt.takes();
        let Some(capture) = &mut attempt.captured else {
            return Ok(());
        };
        match capture.operation.learn(outcome) {
            News::Happened if current => {
                attempt.held = false;
                self.intent.amount_received = amount;
                self.intent.amount_capturable = Money::zero(amount.currency());
                self.go(IntentEvent::Succeed)
            }
            News::Happened => {
                attempt.held = false;
                attempt.undo();
                Ok(())
            }
            News::Refused(code) if current => {
                self.abandon();
                self.go(IntentEvent::Exhaust)?;
                self.intent.last_error = Some(code);
                let reason = crate::intent::CancellationReason::Automatic;
                self.intent.cancellation_reason = Some(reason);
                Ok(())
            }
            News::Refused(_) | News::Nothing => Ok(()),
        }
    }

    /// A hold that is let go is gone, and a charge that is given up will not come any more.
    fn observe_void(&mut self, n: u32, outcome: &Outcome) {
        let Some(attempt) = self.attempt_mut(n) else {
            return;
        };
        let Some(void) = &mut attempt.void else {
            return;
        };
        if let News::Happened = void.learn(outcome) {
            attempt.held = false;
            if !attempt.charge.stage.is_known() {
                attempt.charge.decline(&DeclineCode::of("canceled"));
            }
        }
    }

    fn observe_refund(
        &mut self,
        id: RefundId,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<(), PayError> {
        let Some(refund) = self.refunds.get_mut(&id) else {
            return Ok(());
        };
        if refund.operation.stage.is_known() {
            return Ok(());
        }
        let (amount, reason) = (refund.amount, refund.reason);
        let news = refund.operation.learn(outcome);
        let intent = &mut self.intent;
        if matches!(news, News::Happened | News::Refused(_)) {
            intent.amount_reserved_for_refund = minus(intent.amount_reserved_for_refund, amount);
        }
        match news {
            News::Happened => {
                intent.amount_refunded = plus(intent.amount_refunded, amount);
                Ok(())
            }
            // What this refund had claimed is left again, and a wish to let go covers it too. A
            // declined release itself is not repeated until it is asked for again.
            News::Refused(_) if reason != Some(RefundReason::Released) => self.let_go(now),
            News::Refused(_) | News::Nothing => Ok(()),
        }
    }
}

impl Attempt {
    /// Plans to let go of what is held, or to give back what was taken.
    fn undo(&mut self) {
        self.abandoned = true;
        if !self.held {
            self.returned.get_or_insert_with(Operation::planned);
        } else if self
            .void
            .as_ref()
            .is_none_or(|void| void.stage == Stage::Declined)
        {
            self.void = Some(Operation::planned());
        }
    }
}

impl Operation {
    /// Takes in an outcome of an operation that either happens or does not.
    ///
    /// A success always counts, even after a decline: the money has moved.
    fn learn(&mut self, outcome: &Outcome) -> News {
        match (self.stage, outcome) {
            (Stage::Done | Stage::Unrecognized, _) => return News::Nothing,
            (_, Outcome::Settled { reference }) => {
                self.succeed(reference);
                return News::Happened;
            }
            (Stage::Declined, _) => {}
            (_, Outcome::Declined { code }) => {
                self.decline(code);
                return News::Refused(code.clone());
            }
            (_, Outcome::Accepted) => self.stage = Stage::Pending,
            // An answer that makes no sense here leaves open what happened.
            (_, Outcome::Unknown | Outcome::Authorized { .. } | Outcome::NeedsAction { .. }) => {
                self.doubt();
            }
        }
        News::Nothing
    }

    /// Takes note that the call ended without an answer.
    fn doubt(&mut self) {
        if self.stage == Stage::Sent {
            self.stage = Stage::Unknown;
        }
    }
}

impl Payment {
    /// Returns whether the payer has run out of time to act.
    pub(crate) fn is_expired(&self, now: Timestamp) -> bool {
        let attempt = self.intent.attempt.and_then(|number| self.attempt(number));
        self.intent.status == IntentStatus::RequiresAction
            && attempt.is_some_and(|attempt| attempt.expires_at <= now)
    }
}
