//! What is to be done about an operation next, by what is known of it and what its backend can do.

use std::{sync::Arc, time::Duration};

use mp_core::{Timestamp, amount::Money, clock::SKEW_MAX};

use super::Payment;
use crate::{
    attempt::Attempt,
    backend::{Capabilities, Outcome},
    error::PayError,
    intent::IntentStatus,
    operation::{Operation, Stage, Step},
    refund::{Refund, RefundReason},
};

/// The shortest pause before the backend is asked again.
const PAUSE_MIN: Duration = Duration::from_secs(1);

/// The longest.
const PAUSE_MAX: Duration = Duration::from_secs(30 * 60);

/// The longest pause before somebody who looks at what was sent has it sent again.
const REPLAY_PAUSE_MAX: Duration = Duration::from_secs(5);

/// The longest pause before somebody who asks again has what did not reach the backend tried again: each
/// try is two entries of the journal, and whoever waits for it may ask all week.
const RETRY_PAUSE_MAX: Duration = Duration::from_secs(30);

/// For how long an outcome is waited for before a person is asked.
const PATIENCE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What is to be done about an operation next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Move {
    /// Call the backend for it, under its key.
    Call,
    /// Ask the backend what became of it.
    Ask,
    /// Look again at this time.
    Wait(Timestamp),
    /// Put it before a person.
    Person,
    /// Nothing: its outcome is known.
    Rest,
}

/// Decides what is to be done about an operation at `now`; `can` is what its own backend can, and
/// `None` if that is not configured here.
pub(crate) fn next_move(
    payment: &Payment,
    step: Step,
    can: Option<Capabilities>,
    call_max: Duration,
    now: Timestamp,
) -> Move {
    let Some(operation) = payment.operation(step) else {
        return Move::Rest;
    };
    let Some(can) = can else {
        return without_backend(payment, operation, step, call_max, now);
    };
    if operation.conflict.is_some() {
        return Move::Person;
    }
    match operation.next_move(can, call_max, now) {
        // The payer has until then; the backend may tell of it by itself.
        Move::Person
            if operation.stage == Stage::Pending && payment.acts_until(step) > Some(now) =>
        {
            payment.acts_until(step).map_or(Move::Person, Move::Wait)
        }
        // What was taken by mistake and could not be given back is owed: a person has to.
        Move::Rest if payment.is_owed(step) => Move::Person,
        asked => asked,
    }
}

/// What is open at a backend that is not there is sent to no other and asked of no other.
fn without_backend(
    payment: &Payment,
    operation: &Operation,
    step: Step,
    call_max: Duration,
    now: Timestamp,
) -> Move {
    let until = operation.sent_at.map(|at| lost_at(at, call_max));
    let open = !operation.stage.is_known() || operation.conflict.is_some();
    match (operation.stage, until) {
        // Another process, which has the backend, may be calling it.
        (Stage::Sent, Some(until)) if now < until => Move::Wait(until),
        _ if open || payment.is_owed(step) => Move::Person,
        _ => Move::Rest,
    }
}

/// Returns from when on a call is not under way any more that was claimed then, by any clock:
/// whoever claimed it has given it up by now.
fn lost_at(claimed: Timestamp, call_max: Duration) -> Timestamp {
    claimed.plus(call_max).plus(SKEW_MAX * 2)
}

/// Finds out what became of a call by the backend's declared ability.
fn recover(operation: &Operation, can: Capabilities, call_max: Duration, now: Timestamp) -> Move {
    if waited(operation, now) > PATIENCE {
        Move::Person
    } else if can.queries.find(operation.reference.as_ref()) {
        Move::Ask
    } else if operation.may_be_replayed(can, call_max, now) {
        Move::Call
    } else {
        Move::Person
    }
}

fn waited(operation: &Operation, now: Timestamp) -> Duration {
    operation
        .first_sent_at
        .map_or(Duration::ZERO, |at| now.since(at))
}

/// Returns the pause after so many calls, doubling from a second to half an hour.
fn pause(calls: u32) -> Duration {
    PAUSE_MIN
        .saturating_mul(1 << calls.saturating_sub(1).min(20))
        .min(PAUSE_MAX)
}

impl Operation {
    /// Decides what is to be done at `now` about an operation of which no more is known than this.
    pub(crate) fn next_move(&self, can: Capabilities, call_max: Duration, now: Timestamp) -> Move {
        if self.conflict.is_some() {
            return Move::Person;
        }
        match self.stage {
            // It has not reached the backend for so long that a person has to know, once a worker has
            // made a last call.
            Stage::Planned if self.tried(now) > PATIENCE => Move::Person,
            Stage::Planned => self.retried_at(now).map_or(Move::Call, Move::Wait),
            Stage::Sent => match self.sent_at.map(|at| lost_at(at, call_max)) {
                Some(until) if now < until => Move::Wait(until),
                _ => recover(self, can, call_max, now),
            },
            Stage::Unknown | Stage::Pending => match recover(self, can, call_max, now) {
                Move::Call => self.rests_until(now).map_or(Move::Call, Move::Wait),
                asked => asked,
            },
            Stage::Done | Stage::Declined => Move::Rest,
            Stage::Conflicted | Stage::Unrecognized => Move::Person,
        }
    }

    /// Returns whether but the last call is made, or was in vain, that a worker makes before it puts
    /// before a person what has not reached its backend. The outbox record stands as it is meanwhile, so
    /// that the worker can give it up.
    pub(crate) fn is_in_last_call(&self, before: &Self, now: Timestamp) -> bool {
        let was_and_is = (before.stage, self.stage);
        let called = (Stage::Planned, Stage::Sent);
        let in_vain = (Stage::Sent, Stage::Planned);
        self.tried(now) > PATIENCE && (was_and_is == called || was_and_is == in_vain)
    }

    /// Returns whether it was declined, and no person has let go of what it was to give back.
    fn is_refused(&self) -> bool {
        self.is_declined() && !self.is_forgone()
    }

    /// Returns for how long the backend has been called in vain.
    fn tried(&self, now: Timestamp) -> Duration {
        self.first_tried_at
            .map_or(Duration::ZERO, |at| now.since(at))
    }

    /// Returns whether the key is surely still remembered when the call arrives. A replay after the
    /// window would be a new charge.
    pub(crate) fn may_be_replayed(
        &self,
        can: Capabilities,
        call_max: Duration,
        now: Timestamp,
    ) -> bool {
        can.replays_keys.is_some_and(|window| {
            let latest = now.plus(call_max).plus(SKEW_MAX);
            latest.since(self.first_sent_at.unwrap_or(now)) < window
        })
    }

    /// Returns how long the call that was claimed last may take still. It counts from the claim: a
    /// process that has stood still since then must not call, because another may have found by now
    /// that nothing came.
    pub(crate) fn time_left(&self, call_max: Duration, now: Timestamp) -> Duration {
        let until = self.sent_at.map(|at| at.plus(call_max));
        until.map_or(Duration::ZERO, |until| until.since(now).min(call_max))
    }

    /// Returns until when it is not sent again, however often somebody looks or hints. What the backend
    /// has accepted waits for somebody else: whoever looks in between finds nothing new. What was lost is
    /// sent again at once, but only once.
    pub(crate) fn rests_until(&self, now: Timestamp) -> Option<Timestamp> {
        let pause = pause(self.calls).min(REPLAY_PAUSE_MAX);
        let until = self.sent_at.unwrap_or(now).plus(pause);
        let lost_once = self.stage == Stage::Unknown && self.calls <= 1;
        (!lost_once && now < until).then_some(until)
    }

    /// Returns when what has not reached the backend is tried again, however often it is asked for before;
    /// `None` if it may be now. No worker comes before that.
    fn retried_at(&self, now: Timestamp) -> Option<Timestamp> {
        let pause = pause(self.calls).min(RETRY_PAUSE_MAX);
        let until = self.sent_at?.plus(pause);
        (self.was_not_sent() && now < until).then_some(until)
    }

    /// Returns when the outbox brings the operation up again; `None` if it need not.
    pub(crate) fn due_at(&self, call_max: Duration, now: Timestamp) -> Option<Timestamp> {
        match self.stage {
            _ if self.conflict.is_some() => Some(now),
            Stage::Planned | Stage::Unknown | Stage::Pending => Some(now.plus(pause(self.calls))),
            Stage::Sent => Some(lost_at(self.sent_at.unwrap_or(now), call_max)),
            Stage::Conflicted => Some(now),
            Stage::Done | Stage::Declined | Stage::Unrecognized => None,
        }
    }

    /// Returns when to ask again after an answer that told nothing: after as long again as was
    /// waited already, within bounds, so that the pauses double.
    pub(crate) fn ask_again_at(&self, now: Timestamp) -> Timestamp {
        now.plus(waited(self, now).clamp(PAUSE_MIN, PAUSE_MAX))
    }
}

impl Payment {
    /// Returns whether an operation should have given back what nobody was to pay, and could not: it
    /// is owed, until a person has seen to it.
    pub(crate) fn is_owed(&self, step: Step) -> bool {
        let by_mistake = match (step, self.refund_of(step)) {
            (Step::Return(..), _) => true,
            (_, Some(refund)) => self.must_come(refund),
            _ => false,
        };
        by_mistake && self.operation(step).is_some_and(Operation::is_refused)
    }

    /// Returns whether nobody but a person sees to a refund that was declined. Whoever has asked for it
    /// was told that it is on its way, or does not ask again.
    fn must_come(&self, refund: &Refund) -> bool {
        let is_left = self.intent.amount_refundable().is_positive();
        match refund.reason {
            Some(RefundReason::Overpaid) => is_left,
            Some(RefundReason::GivenBack) => {
                is_left && refund.operation.is_named() && !self.is_owed_with_the_rest()
            }
            Some(RefundReason::Released) => {
                is_left && self.last_release().is_some_and(|it| it.id == refund.id)
            }
            _ => false,
        }
    }

    /// Returns how much an operation is about for whoever sees to it: of what is owed no more than is left,
    /// for the rest has gone back in another way.
    pub(crate) fn amount_open(&self, step: Step) -> Option<Money> {
        let (asked, left) = (self.amount_of(step)?, self.intent.amount_refundable());
        let exceeds = self.owes_refund(step) && asked.minor() > left.minor();
        Some(if exceeds { left } else { asked })
    }

    /// Refuses more than is left as the outcome of a refund that is owed: nobody but the person who says so
    /// has given it back.
    pub(crate) fn check_found(&self, step: Step, outcome: &Outcome) -> Result<(), PayError> {
        let happened = !matches!(outcome, Outcome::Declined { .. });
        let found = outcome.amount().or_else(|| self.amount_of(step));
        let left = self.intent.amount_refundable();
        match found {
            Some(asked) if happened && self.owes_refund(step) && asked.minor() > left.minor() => {
                Err(PayError::AmountTooLarge { asked, left })
            }
            _ => Ok(()),
        }
    }

    fn owes_refund(&self, step: Step) -> bool {
        matches!(step, Step::Refund(_)) && self.is_owed(step)
    }

    /// Returns whether all that is left is owed because of a release: a part of it is not owed beside.
    fn is_owed_with_the_rest(&self) -> bool {
        let left = self.intent.amount_refundable().minor();
        self.last_release()
            .is_some_and(|it| it.operation.is_refused() && it.amount.minor() >= left)
    }

    fn last_release(&self) -> Option<&Arc<Refund>> {
        self.last_of(RefundReason::Released)
    }

    /// Returns the refund that was asked for last for this reason.
    pub(super) fn last_of(&self, reason: RefundReason) -> Option<&Arc<Refund>> {
        let of = |it: &&Arc<Refund>| it.reason == Some(reason);
        let refunds = self.refunds.values().filter(of);
        refunds.max_by_key(|it| (it.created_at, it.id))
    }

    /// Returns whether a call that never came is to be made still: a charge not after its payer's time
    /// is over, nor for what was given up or let go of.
    pub(crate) fn wants(&self, step: Step, now: Timestamp) -> bool {
        let Step::Charge(number) = step else {
            return true;
        };
        let mark = self.intent.settlement.as_ref();
        let released = mark.is_some_and(|mark| mark.released);
        let wanted = |attempt: &Attempt| !attempt.abandoned && now < attempt.expires_at;
        !released && self.attempt(number).is_some_and(wanted)
    }

    /// Returns when the outbox brings an operation up again; `None` if it need not.
    pub(super) fn due_at(
        &self,
        step: Step,
        call_max: Duration,
        now: Timestamp,
    ) -> Option<Timestamp> {
        match self.is_owed(step) {
            true => Some(now),
            false => self.operation(step)?.due_at(call_max, now),
        }
    }

    /// Returns until when the payer may act on a charge, if it is that which is waited for.
    pub(super) fn acts_until(&self, step: Step) -> Option<Timestamp> {
        let live = self
            .live()
            .filter(|live| step == Step::Charge(live.number))?;
        let waits = self.intent.status == IntentStatus::RequiresAction;
        waits.then_some(live.expires_at)
    }

    /// Returns when the hold of a charge lapses, which is then taken note of.
    pub(crate) fn held_until(&self, step: Step) -> Option<Timestamp> {
        let live = self
            .live()
            .filter(|live| step == Step::Charge(live.number))?;
        let waits = self.intent.status == IntentStatus::RequiresCapture;
        live.hold_deadline().filter(|_| waits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Reference;

    const WINDOW: Duration = Duration::from_secs(3600);
    const CALL: Duration = Duration::from_secs(30);

    fn sent(stage: Stage) -> Operation {
        let mut operation = Operation::planned();
        operation.send(Timestamp::MIN);
        operation.stage = stage;
        operation
    }

    fn after(seconds: u64) -> Timestamp {
        Timestamp::MIN.plus(Duration::from_secs(seconds))
    }

    #[test]
    fn an_unknown_outcome_is_left_by_the_declared_ability() {
        let unknown = sent(Stage::Unknown);
        let class = |can| recover(&unknown, can, CALL, after(60));
        assert_eq!(class(Capabilities::neither()), Move::Person);
        assert_eq!(class(Capabilities::neither().with_queries()), Move::Ask);
        let replays = Capabilities::neither().with_replay(WINDOW);
        assert_eq!(class(replays), Move::Call);
        assert_eq!(class(replays.with_queries()), Move::Ask);
    }

    #[test]
    fn who_finds_by_name_is_asked_once_there_is_one() {
        let [unnamed, mut named] = [Stage::Unknown, Stage::Pending].map(sent);
        named.reference = Reference::new("ch_1").ok();
        let names = Capabilities::neither().with_queries_by_reference();
        let both = names.with_replay(WINDOW);
        for (operation, can, expected) in [
            (&unnamed, names, Move::Person),
            (&unnamed, both, Move::Call),
            (&named, names, Move::Ask),
            (&named, both, Move::Ask),
        ] {
            assert_eq!(recover(operation, can, CALL, after(60)), expected);
        }
    }

    #[test]
    fn a_key_is_not_replayed_when_its_window_may_close_during_the_call() {
        let unknown = sent(Stage::Unknown);
        let replays = Capabilities::neither().with_replay(WINDOW);
        let last = WINDOW.as_secs() - CALL.as_secs() - SKEW_MAX.as_secs();
        assert_eq!(
            recover(&unknown, replays, CALL, after(last - 1)),
            Move::Call
        );
        assert_eq!(recover(&unknown, replays, CALL, after(last)), Move::Person);
    }

    #[test]
    fn pauses_double_up_to_half_an_hour() {
        assert_eq!(pause(0), PAUSE_MIN);
        assert_eq!(pause(1), PAUSE_MIN);
        assert_eq!(pause(4), PAUSE_MIN * 8);
        assert_eq!(pause(u32::MAX), PAUSE_MAX);
    }
}
