//! Where the intent stands, worked out from its attempts, refunds and disputes.

use std::sync::Arc;

use mp_core::amount::Money;

use super::Payment;
use crate::{
    attempt::Attempt,
    dispute::Dispute,
    intent::{Conflict, IntentStatus},
    operation::Step,
    refund::Refund,
};

impl Payment {
    /// Brings the intent up to date. What was decided about it stands; the rest follows.
    pub(super) fn project(&mut self) {
        if self.intent.status == IntentStatus::Unrecognized {
            return;
        }
        let money = |minor| Money::new(minor, self.intent.amount.currency());
        let refunds = || self.refunds.values().map(AsRef::as_ref);
        let sum = |part: fn(&Refund) -> i64| money(refunds().map(part).sum());
        let (refunded, reserved) = (sum(Refund::given), sum(Refund::reserved));
        let withheld = self.live_disputes().filter(|it| it.status.withholds());
        let disputed: i64 = withheld.map(|dispute| dispute.amount.minor()).sum();
        let disputed = (disputed > 0).then(|| money(disputed));
        let conflict = self.conflict();
        let intent = self.intent_mut();
        intent.amount_refunded = refunded;
        intent.amount_reserved_for_refund = reserved;
        intent.amount_disputed = disputed;
        intent.conflict = conflict;
        self.project_attempt();
    }

    fn project_attempt(&mut self) {
        let status = self.status();
        let nothing = Money::zero(self.intent.amount.currency());
        let intent = Arc::make_mut(&mut self.intent);
        let live = intent.attempt.and_then(|number| self.attempts.get(&number));
        intent.status = status;
        intent.amount_received = live.map_or(nothing, |attempt| attempt.taken());
        intent.amount_capturable = nothing;
        intent.next_action = None;
        intent.hold_expires_at = None;
        let Some(attempt) = live else {
            return;
        };
        intent.amount = attempt.asked();
        intent.last_error = None;
        intent.payment_method = Some(attempt.payment_method.clone());
        intent.payment_method_type = attempt.payment_method_type.clone();
        match status {
            IntentStatus::RequiresAction => intent.next_action = attempt.next_action.clone(),
            IntentStatus::RequiresCapture | IntentStatus::Processing => {
                intent.amount_capturable = attempt.capturable();
                let holds = attempt.holds();
                intent.hold_expires_at = attempt.hold_deadline().filter(|_| holds);
            }
            IntentStatus::RequiresPaymentMethod => {
                intent.last_error = attempt.charge.code.clone();
                intent.payment_method = None;
                intent.payment_method_type = None;
            }
            _ => {}
        }
    }

    fn status(&self) -> IntentStatus {
        match self.live() {
            _ if self.intent.cancellation_reason.is_some() => IntentStatus::Canceled,
            Some(attempt) => attempt.status(),
            None if self.attempts.is_empty() && self.intent.payment_method.is_some() => {
                IntentStatus::RequiresConfirmation
            }
            None => IntentStatus::RequiresPaymentMethod,
        }
    }

    /// Returns the first amount that the backend tells otherwise than we do.
    fn conflict(&self) -> Option<Conflict> {
        let mut conflicts = self.operations().filter_map(|operation| {
            let told = self.operation(operation.step)?.conflict?;
            Some(Conflict { operation, told })
        });
        conflicts.next()
    }

    /// Returns the disputes of the charge that counts: what a bank has taken back of another's money is
    /// none of what the intent has received.
    pub(crate) fn live_disputes(&self) -> impl Iterator<Item = &Dispute> {
        let live = self.intent.attempt;
        let disputes = self.disputes.values().map(AsRef::as_ref);
        disputes.filter(move |it: &&Dispute| it.attempt.is_none() || it.attempt == live)
    }

    /// Returns what was charged by the disputed attempt, or, where none was told, by the one that counts.
    pub(crate) fn disputed_charge(&self, attempt: Option<u32>) -> Step {
        let counts = self.intent.attempt.unwrap_or(self.intent.attempts);
        Step::Charge(attempt.unwrap_or(counts))
    }

    /// Returns the attempt that counts.
    pub(crate) fn live(&self) -> Option<&Attempt> {
        self.attempt(self.intent.attempt?)
    }
}
