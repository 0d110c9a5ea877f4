//! When payments may leave the store: [`ClosedPayments`].

use std::time::Duration;

use mp_core::{Error, Family, Timestamp, retention::Rule};

use crate::{
    intent::IntentStatus,
    operation::{Operation, OperationKey},
    payment::{Payment, Root, load},
};

/// Takes a payment intent for closed when no money of it can move any more.
///
/// That is: it is canceled or succeeded, the outcome of everything asked of the backend is known,
/// nothing is owed, and what was taken can be given back or disputed no longer, nor can what was given
/// back come back: a bank returns a refund days after it has succeeded. What was secured for another
/// capability counts as taken for good only once that capability has settled it, or has let go of it and a
/// person has found that it could not be given back. What a person has found is kept for the whole window as
/// well: a backend may still tell otherwise, and a person has to hear of it. Whatever has become of what another capability has asked
/// for, it is kept for the whole window after it last changed: it may be asked for once more, by due work that
/// lay dead for instance, and `archived` does not say whether it holds nothing or was taken for good.
///
/// What is still to be paid stays however old it is, unless it is told [when nobody comes back for
/// it](Self::abandoned_after).
///
/// ```
/// use std::time::Duration;
/// use mp_pay::retention::ClosedPayments;
///
/// let day = Duration::from_secs(24 * 60 * 60);
/// let rule = ClosedPayments::refundable_for(365 * day).abandoned_after(90 * day);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ClosedPayments {
    refundable_for: Duration,
    abandoned_after: Option<Duration>,
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
            abandoned_after: None,
        }
    }

    /// Takes for granted that nobody pays any more what is to be paid by a payer who has not come back
    /// for so long: one that was never confirmed, or was declined and left. Without this, those stay for
    /// ever.
    ///
    /// Only what waits for its payer leaves, and never what was made for another capability, nor while
    /// anything is open at a backend, owed or disputed; where money was taken and given back, or a person
    /// has found what became of something, not before the other window is over as well. A payer who
    /// confirms after all, before the mark is put, keeps it; whoever comes later is told `archived`,
    /// and the host makes a new intent under another key. So the window is longer than a host lets
    /// a payer come back to the same order.
    #[must_use]
    pub const fn abandoned_after(mut self, window: Duration) -> Self {
        self.abandoned_after = Some(window);
        self
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
            (Root::Intent(_), Some(payment)) => Ok(payment.is_closed(self, now)),
            (Root::Intent(_), None) => Ok(false),
        }
    }
}

impl Payment {
    fn is_closed(&self, rule: &ClosedPayments, now: Timestamp) -> bool {
        let known = |step| {
            let operation = self.operation(step);
            operation.is_none_or(|operation| is_at_rest(operation, self.is_owed(step)))
        };
        self.operations().all(|key| known(key.step))
            && self.disputes.values().all(|it| it.status.is_closed())
            && match self.intent.status {
                IntentStatus::Canceled => self.is_heard_out(rule, now),
                IntentStatus::Succeeded => {
                    (!self.intent.amount_refundable().is_positive() || self.is_kept())
                        && self.is_unchanged_for(rule.refundable_for, now)
                }
                IntentStatus::RequiresPaymentMethod | IntentStatus::RequiresConfirmation => {
                    let window = rule.abandoned_after;
                    self.intent.settlement.is_none()
                        && window.is_some_and(|window| self.is_unchanged_for(window, now))
                        && self.is_heard_out(rule, now)
                }
                _ => false,
            }
    }

    /// Returns whether nobody has anything to say any more of what came to nothing.
    fn is_heard_out(&self, rule: &ClosedPayments, now: Timestamp) -> bool {
        let is_awaited = self.intent.settlement.is_some();
        let may_speak = self.has_moved() || self.is_found() || is_awaited;
        !may_speak || self.is_unchanged_for(rule.refundable_for, now)
    }

    /// Returns whether money was ever taken, and be it by an attempt that was given up.
    fn has_moved(&self) -> bool {
        self.intent.amount_received.is_positive()
            || self.attempts.values().any(|it| !it.returns.is_empty())
    }

    /// Returns whether a person has found what became of anything: a backend may still tell otherwise.
    fn is_found(&self) -> bool {
        let is_found = |key: OperationKey| self.operation(key.step).is_some_and(|it| it.decided);
        self.operations().any(is_found)
    }

    /// Returns whether so much time has passed without a word that none comes: no bank returns what was
    /// given back, none takes back what was paid, and no payer comes back.
    fn is_unchanged_for(&self, window: Duration, now: Timestamp) -> bool {
        self.intent.changed_at.plus(window) <= now
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
    use std::collections::BTreeMap;

    use mp_core::amount::{Currency, Money};

    use super::*;
    use crate::{
        intent::{CaptureMethod, IntentId},
        journal::Created,
        operation::Stage,
        settlement::SettlementMark,
    };

    #[test]
    fn what_another_capability_waits_for_is_never_abandoned() {
        let rule = ClosedPayments::refundable_for(Duration::ZERO).abandoned_after(Duration::ZERO);
        for is_awaited in [false, true] {
            let mark = SettlementMark::new("seat".parse().expect("a key"), Timestamp::MAX);
            let created = Created {
                id: IntentId::from_bytes([7; 16]),
                app: "market".parse().expect("an app"),
                owner: "mei".parse().expect("a user"),
                amount: Money::new(100, Currency::EUR),
                capture_method: CaptureMethod::Automatic,
                lines: BTreeMap::new(),
                payment_method: None,
                payment_method_type: None,
                country: None,
                description: None,
                settlement: is_awaited.then_some(mark),
            };
            let payment = Payment::create(&created, Timestamp::MIN);
            assert_eq!(payment.is_closed(&rule, Timestamp::MAX), !is_awaited);
        }
    }

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
