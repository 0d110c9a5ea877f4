//! The operations of an attempt, by their steps.

use super::Attempt;
use crate::operation::{Operation, Step};

impl Attempt {
    /// Returns everything that was ever planned for the attempt.
    pub(crate) fn steps(&self) -> Vec<Step> {
        let n = self.number;
        let increases = self
            .increases
            .keys()
            .map(|number| Step::Increase(n, *number));
        let captures = self.captures.keys().map(|number| Step::Capture(n, *number));
        let voids = self.voids.keys().map(|number| Step::Void(n, *number));
        let returns = self.returns.keys().map(|number| Step::Return(n, *number));
        let first = [Step::Charge(n)].into_iter();
        let of_hold = first.chain(increases).chain(captures);
        of_hold.chain(voids).chain(returns).collect()
    }

    /// Returns an operation of the attempt, if it was ever planned.
    pub(crate) fn operation(&self, step: Step) -> Option<&Operation> {
        match step {
            Step::Charge(_) => Some(&self.charge),
            Step::Increase(_, number) => self.increases.get(&number).map(|it| &it.operation),
            Step::Capture(_, number) => self.captures.get(&number).map(|it| &it.operation),
            Step::Void(_, number) => self.voids.get(&number),
            Step::Return(_, number) => self.returns.get(&number).map(|it| &it.operation),
            Step::Refund(_) => None,
        }
    }

    pub(crate) fn operation_mut(&mut self, step: Step) -> Option<&mut Operation> {
        match step {
            Step::Charge(_) => Some(&mut self.charge),
            Step::Increase(_, number) => {
                self.increases.get_mut(&number).map(|it| &mut it.operation)
            }
            Step::Capture(_, number) => self.captures.get_mut(&number).map(|it| &mut it.operation),
            Step::Void(_, number) => self.voids.get_mut(&number),
            Step::Return(_, number) => self.returns.get_mut(&number).map(|it| &mut it.operation),
            Step::Refund(_) => None,
        }
    }
}
