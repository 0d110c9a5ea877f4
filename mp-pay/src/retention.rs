//! When payments may leave the store: [`ClosedPayments`].

use std::time::Duration;

use mp_core::{Error, Family, Timestamp, retention::Rule};

use crate::{
    intent::IntentStatus,
    operation::Operation,
    payment::{Payment, Root, load},
};

/// Takes a payment intent for closed when no money of it can move any more.
///
/// That is: it is canceled or succeeded, the outcome of everything asked of the backend is known,
/// nothing is owed, and what was taken can be given back or disputed no longer, nor can what was given
/// back come back: a bank returns a refund days after it has succeeded. What was secured for another
/// capability counts as taken for good only once that capability has settled it, or has let go of it and a
/// person has found that it could not be given back. Whatever has become of what another capability has asked
/// for, it is kept for the whole window after it last changed: it may be asked for once more, by due work that
/// lay dead for instance, and `archived` does not say whether it holds nothing or was taken for good.
///
/// ```
/// use std::time::Duration;
/// use mp_pay::retention::ClosedPayments;
///
/// let year = Duration::from_secs(365 * 24 * 60 * 60);
/// let rule = ClosedPayments::refundable_for(year);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ClosedPayments {
    refundable_for: Duration,
}

impl ClosedPayments {
    /// Takes for granted that taken money is neither refunded nor disputed after its intent has not
    /// changed for so long.
    ///
    /// How long that is, is between the host and its providers. WeChat Pay refunds within a year; a
    /// card payment is disputed within 120 days of most reasons (Visa, Mastercard), some take longer.
    #[must_use]
    pub const fn refundable_for(window: Duration) -> Self {
        Self {
            refundable_for: window,
        }
    }
}

impl Rule for ClosedPayments {
    fn kind(&self) -> &str {
        "pay"
    }

    fn is_closed(&self, family: &Family, now: Timestamp) -> Result<bool, Error> {
        let Some(root) = family.root::<Root>()? else {
            return Ok(false);
        };
        match (&*root, load(family)?) {
            // Nothing was ever asked for under its key; the mark keeps the key from being used.
            (Root::Fence(fence), _) => Ok(fence.fenced_at.plus(self.refundable_for) <= now),
            (Root::Intent(_), Some(payment)) => Ok(payment.is_closed(self.refundable_for, now)),
            (Root::Intent(_), None) => Ok(false),
        }
    }
}

impl Payment {
    fn is_closed(&self, refundable_for: Duration, now: Timestamp) -> bool {
        let known = |step| {
            let operation = self.operation(step);
            operation.is_none_or(|operation| is_at_rest(operation, self.is_owed(step)))
        };
        self.operations().all(|key| known(key.step))
            && self.disputes.values().all(|it| it.status.is_closed())
            && match self.intent.status {
                IntentStatus::Canceled => {
                    let is_awaited = self.intent.settlement.is_some();
                    !(self.has_moved() || is_awaited) || self.is_settled_down(refundable_for, now)
                }
                IntentStatus::Succeeded => {
                    (!self.intent.amount_refundable().is_positive() || self.is_kept())
                        && self.is_settled_down(refundable_for, now)
                }
                _ => false,
            }
    }

    /// Returns whether money was ever taken, and be it by an attempt that was given up.
    fn has_moved(&self) -> bool {
        self.intent.amount_received.is_positive()
            || self.attempts.values().any(|it| !it.returns.is_empty())
    }

    /// Returns whether no bank returns what was given back any more, and none takes back what was paid.
    fn is_settled_down(&self, refundable_for: Duration, now: Timestamp) -> bool {
        self.intent.changed_at.plus(refundable_for) <= now
    }

    /// Returns whether what is left of the money stays where it is. What was let go of and is owed still
    /// is not at rest; what is not owed any more stays, as a person has found.
    fn is_kept(&self) -> bool {
        let mark = self.intent.settlement.as_ref();
        mark.is_none_or(|mark| mark.settled || mark.released)
    }
}

/// Returns whether nothing is to be done about an operation any more. One that should have given
/// back what was taken by mistake, and could not, is owed; one that the backend tells otherwise of
/// waits for a person.
fn is_at_rest(operation: &Operation, is_owed: bool) -> bool {
    operation.stage.is_known() && operation.conflict.is_none() && !is_owed
}

#[cfg(test)]
mod tests {
    use mp_core::amount::{Currency, Money};

    use super::*;
    use crate::operation::Stage;

    #[test]
    fn only_what_is_known_and_not_owed_is_at_rest() {
        use Stage::{Conflicted, Declined, Done, Pending, Planned, Sent, Unknown, Unrecognized};
        let stages = [
            Planned,
            Sent,
            Pending,
            Unknown,
            Conflicted,
            Unrecognized,
            Done,
            Declined,
        ];
        let mut operation = Operation::planned();
        for stage in stages {
            operation.stage = stage;
            operation.conflict = None;
            let known = matches!(stage, Done | Declined);
            assert_eq!(is_at_rest(&operation, false), known, "{stage:?}");
            assert!(!is_at_rest(&operation, true), "{stage:?}");
            operation.conflict = Some(Money::zero(Currency::EUR));
            assert!(!is_at_rest(&operation, false), "{stage:?}");
        }
    }
}
