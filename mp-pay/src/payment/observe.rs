//! What is learnt about operations, joined with what is known: in any order, any number of times.

use std::sync::Arc;

use super::Payment;
use crate::{
    attempt::{Attempt, Funds},
    backend::{DeclineCode, Outcome},
    capture::Capture,
    dispute::{DISPUTES_MAX, Dispute},
    journal::Source,
    operation::{Asked, Operation, Step},
};

impl Payment {
    pub(super) fn observe(&mut self, step: Step, outcome: &Outcome, source: Source) {
        let Some(asked) = self.asked(step) else {
            return;
        };
        if let Step::Charge(n) = step {
            if let Some(attempt) = self.attempt_mut(n) {
                attempt.observe_charge(outcome, asked, source);
            }
            return;
        }
        if let Some(operation) = self.operation_mut(step) {
            match source {
                Source::Person => operation.decide(outcome, asked),
                _ => operation.learn(outcome, asked),
            }
        }
        if let Step::Void(n, number) = step
            && let Some(attempt) = self.attempt_mut(n)
        {
            attempt.observe_void(number);
        }
    }

    /// Joins what was told of a dispute.
    pub(super) fn tell_dispute(&mut self, told: &Dispute) {
        if let Some(known) = self.disputes.get_mut(&told.id) {
            Arc::make_mut(known).join(told);
        } else if self.disputes.len() < DISPUTES_MAX as usize {
            self.disputes.insert(told.id, Arc::new(told.clone()));
        }
    }

    fn asked(&self, step: Step) -> Option<Asked> {
        let amount = self.amount_of(step)?;
        Some(match step {
            Step::Charge(_) | Step::Increase(..) | Step::Capture(..) => Asked::Take(amount),
            Step::Return(..) | Step::Refund(_) => Asked::Give(amount),
            Step::Void(..) => Asked::Release,
        })
    }
}

impl Attempt {
    /// What was given up will not come any more, unless it has come already.
    fn observe_void(&mut self, number: u32) {
        let gone = self.voids.get(&number).is_some_and(Operation::is_done);
        if gone && !self.charge.is_done() {
            let canceled = Outcome::declined(DeclineCode::of("canceled"));
            self.charge.learn(&canceled, Asked::Take(self.amount));
            self.next_action = None;
        }
    }

    /// Takes note that the backend tells of more than our captures have asked for: somebody has taken
    /// it there.
    fn compare_taken(&mut self, outcome: &Outcome) {
        let Outcome::Settled {
            amount: Some(told), ..
        } = outcome
        else {
            return;
        };
        let most = |it: &Capture| {
            let found = it.operation.moved.unwrap_or(it.amount);
            it.amount.minor().max(found.minor())
        };
        let asked: i64 = self.captures.values().map(most).sum();
        let foreign = told.currency() != self.amount.currency() || told.minor() > asked;
        if foreign {
            self.charge.contradict(*told);
        }
    }

    /// Takes a person's word for what became of the charge. A hold that is found to be none was declined:
    /// of what nothing was captured, nobody was told that it came.
    fn find_charge(&mut self, outcome: &Outcome, asked: Asked) {
        let refused = |it: &Capture| it.operation.is_declined();
        let untaken = self.funds == Some(Funds::Held) && self.captures.values().all(refused);
        self.charge.decide(outcome, asked);
        if untaken && let Outcome::Declined { code } = outcome {
            self.charge.take_for_declined(code);
            self.funds = None;
            self.hold_expires_at = None;
        }
    }

    fn observe_charge(&mut self, outcome: &Outcome, asked: Asked, source: Source) {
        let used = !self.captures.is_empty() || !self.increases.is_empty();
        match source {
            // What becomes of a hold is told of its captures and increases, by their keys.
            _ if used && source != Source::Person => return self.compare_taken(outcome),
            Source::Person => self.find_charge(outcome, asked),
            _ => self.charge.learn(outcome, asked),
        }
        let told = match outcome {
            Outcome::Settled { .. } => Some(Funds::Taken),
            Outcome::Authorized { .. } => Some(Funds::Held),
            _ => None,
        };
        let agrees = source == Source::Person || asked.contradicted_by(outcome).is_none();
        if self.charge.is_done() && agrees {
            self.funds = self.funds.max(told);
        }
        if let Outcome::Authorized {
            expires_at: Some(at),
            ..
        } = outcome
        {
            let known = self.hold_expires_at;
            self.hold_expires_at = Some(known.map_or(*at, |known| known.min(*at)));
        }
        if self.charge.stage.is_known() {
            self.next_action = None;
        } else if let Outcome::NeedsAction { action, .. } = outcome {
            let told = action.clone();
            self.next_action = Some(match self.next_action.take() {
                Some(known) => known.join(told),
                None => told,
            });
        }
    }
}
