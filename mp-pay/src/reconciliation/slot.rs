//! One movement of ours and what the report told of it, and what to make of the two.

use std::{collections::BTreeSet, time::Duration};

use mp_core::amount::Money;

use super::{
    Difference, Differing, Direction, Expected, LineKind, Movement, ReportLine, Standing, Window,
};

/// One movement of ours, and what the report told of it.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) expected: Expected,
    pub(super) told: Option<Told>,
    pub(super) turn: Turn,
}

/// Which report has a movement's turn, by all that is known of its time and of earlier reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Turn {
    /// This one.
    Now,
    /// One before this: it was told there, or missed.
    Over,
    /// One after this.
    Ahead,
}

/// What a report told of a movement.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    /// On which line.
    pub(super) line: u64,
    pub(super) kind: LineKind,
    pub(super) amount: Money,
}

/// What to make of a movement and what was told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Matched,
    Differs(Difference),
    Missing,
    /// It may stand in the next report.
    Pending,
    /// It may have stood in the report before the first.
    Earlier,
    /// There is nothing to say.
    Silent,
}

/// What the reports before this one told.
#[derive(Debug)]
pub(super) struct Before {
    pub(super) pending: BTreeSet<Movement>,
    pub(super) seen: BTreeSet<Movement>,
}

impl Turn {
    pub(super) fn of(expected: &Expected, window: &Window, before: Option<&Before>) -> Self {
        let movement = expected.movement();
        match before {
            Some(before) if before.seen.contains(&movement) => Self::Over,
            Some(before) if before.pending.contains(&movement) => Self::Now,
            _ if window.may_tell(expected) => Self::Now,
            _ if window.is_before(expected) => Self::Over,
            _ => Self::Ahead,
        }
    }
}

impl Slot {
    /// Returns how far off it is from what a line may mean: the least means it most.
    pub(super) fn distance(&self, line: &ReportLine) -> (Turn, Duration) {
        let Expected { sent_at, at, .. } = self.expected;
        let off = line
            .at
            .map(|told| sent_at.since(told).max(told.since(at)))
            .unwrap_or_default();
        (self.turn, off)
    }

    /// Takes note of a line; one that takes back part of what another told is added to it.
    pub(super) fn tell(&mut self, line: &ReportLine) {
        let kind = match line.kind {
            LineKind::Reversal => LineKind::Charge,
            kind => kind,
        };
        let known = self.told.map_or(0, |told| told.amount.minor());
        let sum = known.saturating_add(line.amount.minor());
        self.told = Some(Told {
            line: self.told.map_or(line.number, |told| told.line),
            kind,
            amount: Money::new(sum, line.amount.currency()),
        });
    }

    /// Returns whether nothing was told of it but what takes back part of it.
    pub(super) fn is_untold(&self) -> bool {
        let only_back =
            |told: &Told| Direction::of(told.amount) != self.expected.movement().direction;
        self.told.as_ref().is_none_or(only_back)
    }

    pub(super) fn judge(&self, window: &Window, before: Option<&Before>) -> Verdict {
        let movement = self.expected.movement();
        let seen = before.is_some_and(|before| before.seen.contains(&movement));
        match &self.told {
            Some(_) if seen => Verdict::Differs(Difference::Twice),
            // Without the report before, nobody can tell.
            Some(_) if before.is_some() && self.is_over() => Verdict::Differs(Difference::Late),
            Some(told) => self.compare(told),
            None if seen || self.expected.standing != Standing::Moved => Verdict::Silent,
            None => self.judge_untold(window, before),
        }
    }

    /// Returns whether it happened, and an earlier report has told it or was found to miss it.
    fn is_over(&self) -> bool {
        self.turn == Turn::Over && self.expected.standing == Standing::Moved
    }

    /// Returns whether it was told as it would have been if it had happened.
    pub(super) fn is_told_as_it_would_be(&self) -> bool {
        self.told.as_ref().is_some_and(|told| {
            told.amount == self.expected.amount && told.kind.is_akin_to(self.expected.kind)
        })
    }

    /// Returns what is to be told of a difference, if a line has told anything.
    pub(super) fn differing(&self, what: Difference) -> Option<Differing> {
        let told = self.told?;
        Some(Differing {
            subject: self.expected.subject,
            line: told.line,
            ours: self.expected.amount,
            theirs: told.amount,
            what,
        })
    }

    fn compare(&self, told: &Told) -> Verdict {
        let expected = &self.expected;
        let difference = match expected.standing {
            Standing::Open => Difference::Open,
            Standing::NotMoved => Difference::NotMoved,
            _ if told.amount.currency() != expected.amount.currency() => Difference::Currency,
            _ if told.amount != expected.amount => Difference::Amount,
            _ if !told.kind.is_akin_to(expected.kind) => Difference::Kind(told.kind),
            Standing::Moved => return Verdict::Matched,
        };
        Verdict::Differs(difference)
    }

    fn judge_untold(&self, window: &Window, before: Option<&Before>) -> Verdict {
        let expected = &self.expected;
        let carried = |before: &Before| before.pending.contains(&expected.movement());
        if window.until() <= expected.sent_at {
            return Verdict::Silent;
        }
        if window.may_stand_in_next(expected) {
            return Verdict::Pending;
        }
        match before {
            Some(before) if carried(before) => Verdict::Missing,
            _ if window.is_before(expected) => Verdict::Silent,
            None if window.may_have_stood_before(expected) => Verdict::Earlier,
            _ => Verdict::Missing,
        }
    }
}
