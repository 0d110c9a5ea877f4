//! What of a payment moved money, and when: read from its journal.

use std::{borrow::Borrow, collections::BTreeMap};

use mp_core::{Timestamp, amount::Money};

use super::{Expected, LineKind, Standing, Subject};
use crate::{
    attempt::{Attempt, Funds},
    backend::Outcome,
    capture::Capture,
    dispute::DisputeStatus,
    journal::{Event, JournalEntry},
    operation::{Operation, OperationKey, Stage, Step},
    payment::Payment,
    refund::Refund,
};

/// Returns every movement of a payment that a provider's report may tell.
pub(super) fn movements<E>(payment: &Payment, journal: &[E]) -> Vec<Expected>
where
    E: Borrow<JournalEntry>,
{
    let book = Book {
        payment,
        times: Times::of(journal.iter().map(Borrow::borrow)),
    };
    let attempts = payment.attempts.values().flat_map(|it| book.of_attempt(it));
    let refunds = payment.refunds.values().flat_map(|it| book.of_refund(it));
    let disputes = disputes(payment, journal.iter().map(Borrow::borrow));
    let all = attempts.chain(refunds).chain(disputes);
    all.filter(|it| !it.amount.is_zero()).collect()
}

/// When it was learnt what became of each operation.
#[derive(Debug, Default)]
struct Times {
    settled: BTreeMap<OperationKey, Timestamp>,
    declined: BTreeMap<OperationKey, Timestamp>,
}

impl Times {
    /// The first word that it happened counts, and the last that it did not.
    fn of<'a>(journal: impl Iterator<Item = &'a JournalEntry>) -> Self {
        let mut times = Self::default();
        for entry in journal {
            let Event::Observed {
                operation, outcome, ..
            } = &entry.event
            else {
                continue;
            };
            match outcome {
                Outcome::Settled { .. } => {
                    times.settled.entry(*operation).or_insert(entry.at);
                }
                Outcome::Declined { .. } => {
                    times.declined.insert(*operation, entry.at);
                }
                _ => {}
            }
        }
        times
    }
}

struct Book<'a> {
    payment: &'a Payment,
    times: Times,
}

impl Book<'_> {
    fn of_attempt(&self, attempt: &Attempt) -> Vec<Expected> {
        let n = attempt.number;
        let charge = self.of_charge(attempt);
        let captures = attempt.captures.iter().map(|(number, capture)| {
            let amount = capture.operation.moved.unwrap_or(capture.amount);
            let step = Step::Capture(n, *number);
            self.expected(step, LineKind::Capture, amount, &capture.operation)
        });
        let returns = attempt.returns.iter().flat_map(|(number, part)| {
            let amount = part.amount.unwrap_or_else(|| attempt.taken());
            self.of_given_back(Step::Return(n, *number), amount, &part.operation)
        });
        charge.into_iter().chain(captures).chain(returns).collect()
    }

    /// A hold moves nothing itself; what was captured of it is told by its captures. Of a hold that was
    /// found to be taken, the charge tells what none of them has.
    fn of_charge(&self, attempt: &Attempt) -> Option<Expected> {
        let amount = attempt.charge.moved.unwrap_or(attempt.amount);
        let step = Step::Charge(attempt.number);
        let expected = self.expected(step, LineKind::Charge, amount, &attempt.charge);
        match attempt.funds {
            Some(Funds::Taken) => Some(Expected {
                amount: uncaptured(attempt, amount),
                ..expected
            }),
            _ if !attempt.captures.is_empty() => None,
            _ if attempt.charge.is_done() => Some(expected.standing(Standing::NotMoved)),
            _ => Some(expected),
        }
    }

    fn of_refund(&self, refund: &Refund) -> Vec<Expected> {
        self.of_given_back(Step::Refund(refund.id), refund.amount, &refund.operation)
    }

    /// What is given back may fail later, and then comes back.
    fn of_given_back(&self, step: Step, amount: Money, operation: &Operation) -> Vec<Expected> {
        let amount = negative(operation.moved.unwrap_or(amount));
        let given = self.expected(step, LineKind::Refund, amount, operation);
        match self.came_back(step, operation) {
            Some((given_at, back_at)) => {
                let back = Expected::moved(given.subject, given.kind, negative(amount), back_at)
                    .with_reference(operation.reference.clone())
                    .sent_at(given_at);
                let given = Expected {
                    at: given_at,
                    ..given
                };
                vec![given.standing(Standing::Moved), back]
            }
            None if operation.first_sent_at.is_some() && given.standing == Standing::NotMoved => {
                self.in_vain(given)
            }
            None => vec![given],
        }
    }

    /// A refund that failed without ever being told as given may all the same have gone out and come
    /// back, by the provider's books: a refund that is on its way is out of them already.
    fn in_vain(&self, given: Expected) -> Vec<Expected> {
        let Subject::Operation(key) = given.subject else {
            return vec![given];
        };
        let at = self.times.declined.get(&key).copied().unwrap_or(given.at);
        let given = Expected { at, ..given };
        let back = Expected {
            amount: negative(given.amount),
            ..given.clone()
        };
        vec![given, back]
    }

    /// Returns when a refund was given and when it came back, if it did both.
    fn came_back(&self, step: Step, operation: &Operation) -> Option<(Timestamp, Timestamp)> {
        let key = self.key(step);
        let failed = operation.is_declined() && !operation.is_found(Stage::Declined);
        let given_at = self.times.settled.get(&key).filter(|_| failed)?;
        let back_at = self.times.declined.get(&key)?;
        Some((*given_at, (*back_at).max(*given_at)))
    }

    fn expected(
        &self,
        step: Step,
        kind: LineKind,
        amount: Money,
        operation: &Operation,
    ) -> Expected {
        let key = self.key(step);
        let standing = match operation.stage {
            Stage::Done => Standing::Moved,
            Stage::Declined => Standing::NotMoved,
            _ => Standing::Open,
        };
        let settled = self.times.settled.get(&key);
        let at = *settled.unwrap_or(&self.payment.intent.changed_at);
        Expected::moved(Subject::Operation(key), kind, amount, at)
            .with_reference(operation.reference.clone())
            .sent_at(operation.first_sent_at.unwrap_or(at))
            .standing(standing)
    }

    fn key(&self, step: Step) -> OperationKey {
        OperationKey {
            intent: self.payment.intent.id,
            step,
        }
    }
}

/// A dispute withdraws once, and returns once if it is won.
fn disputes<'a>(
    payment: &Payment,
    journal: impl Iterator<Item = &'a JournalEntry>,
) -> impl Iterator<Item = Expected> {
    let mut found: BTreeMap<_, Vec<Expected>> = BTreeMap::new();
    for entry in journal {
        let Event::DisputeTold { dispute } = &entry.event else {
            continue;
        };
        let moved = |amount| {
            let subject = Subject::dispute(payment.intent.id, dispute.id);
            Expected::moved(subject, LineKind::Dispute, amount, entry.at)
                .with_reference(Some(dispute.reference.clone()))
        };
        let told = found.entry(dispute.id).or_default();
        follow(told, dispute.status, negative(dispute.amount), moved);
    }
    found.into_values().flatten()
}

/// Goes on by a word of a dispute. One that is heard of when it is won may have taken the money before
/// that, and given it back.
fn follow(
    told: &mut Vec<Expected>,
    status: DisputeStatus,
    taken: Money,
    moved: impl Fn(Money) -> Expected,
) {
    match (&mut told[..], status) {
        ([], DisputeStatus::Won) => {
            let both = [taken, negative(taken)].map(moved);
            told.extend(both.map(|it| it.standing(Standing::NotMoved)));
        }
        ([], status) if status.withholds() => told.push(moved(taken)),
        ([out], DisputeStatus::Won) => {
            let back = moved(negative(out.amount));
            told.push(back);
        }
        ([out, _], DisputeStatus::Lost) if out.standing == Standing::NotMoved => {
            *told = vec![moved(taken)];
        }
        ([out, back], status) if out.standing == Standing::NotMoved && status.withholds() => {
            [out.standing, back.standing] = [Standing::Moved; 2];
        }
        _ => {}
    }
}

/// Returns what was taken beside what the captures have taken.
fn uncaptured(attempt: &Attempt, taken: Money) -> Money {
    let captured: i64 = attempt.captures.values().map(Capture::taken).sum();
    Money::new((taken.minor() - captured).max(0), taken.currency())
}

const fn negative(amount: Money) -> Money {
    Money::new(amount.minor().saturating_neg(), amount.currency())
}
