//! Reports whose windows follow on each other, and clocks that are apart.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::reconciliation::{Carry, Difference, LineKind::Charge, Movement, Report, Standing};

const HOUR: u64 = 60 * 60;

fn one(at_second: u64) -> Expected {
    let subject = Subject::Operation(key(1, Step::Charge(1)));
    Expected::moved(subject, Charge, eur(100), at(at_second))
}

fn told() -> ReportLine {
    line(2, Charge, eur(100)).with_key(key(1, Step::Charge(1)))
}

fn run(number: u64, before: Option<Carry>, ours: Expected, lines: Vec<ReportLine>) -> Reconciled {
    let mut reconciler = Reconciler::new(day(number), before);
    if day(number).may_tell(&ours) {
        reconciler.expect(ours);
    }
    for line in lines {
        reconciler.take(line).expect("takes");
    }
    reconciler.finish().expect("reconciles")
}

/// Returns matched, missing, pending, earlier, differing.
fn classes(report: &Report) -> [u64; 5] {
    let Report {
        matched,
        missing,
        pending,
        earlier,
        differing,
        ..
    } = report;
    [
        *matched,
        missing.count,
        pending.count,
        earlier.count,
        differing.count,
    ]
}

#[test]
fn what_moved_near_the_end_is_pending_and_missing_only_in_the_next() {
    let late = one(DAY - HOUR / 2);
    let first = run(0, None, late.clone(), vec![]);
    assert_eq!(classes(&first.report), [0, 0, 1, 0, 0]);
    assert_eq!(first.report.totals[0].pending, eur(100));
    let found = run(1, Some(first.carry.clone()), late.clone(), vec![told()]);
    assert_eq!(classes(&found.report), [1, 0, 0, 0, 0]);
    let lost = run(1, Some(first.carry), late.clone(), vec![]);
    assert_eq!(classes(&lost.report), [0, 1, 0, 0, 0]);
    let third = run(2, Some(lost.carry), late, vec![]);
    assert_eq!(classes(&third.report), [0, 0, 0, 0, 0], "it was told once");
}

#[test]
fn what_yesterdays_report_told_is_not_missing_today() {
    let early = one(DAY + HOUR / 2);
    let first = run(0, None, early.clone(), vec![told()]);
    assert_eq!(classes(&first.report), [1, 0, 0, 0, 0]);
    let second = run(1, Some(first.carry.clone()), early.clone(), vec![]);
    assert_eq!(classes(&second.report), [0, 0, 0, 0, 0]);
    let again = run(1, Some(first.carry), early.clone(), vec![told()]);
    assert_eq!(again.report.differing.items[0].what, Difference::Twice);
    // Without the report before, nobody can tell.
    let alone = run(1, None, early, vec![]);
    assert_eq!(classes(&alone.report), [0, 0, 0, 1, 0]);
}

#[test]
fn what_was_learnt_late_is_settled_where_it_was_told() {
    let sent = at(NOON);
    let open = one(NOON).standing(Standing::Open);
    let first = run(0, None, open.clone(), vec![told()]);
    assert_eq!(first.report.differing.items[0].what, Difference::Open);
    let second = run(1, Some(first.carry), open, vec![]);
    assert_eq!(classes(&second.report), [0, 0, 0, 0, 0]);
    let learnt = one(2 * DAY + NOON).sent_at(sent);
    let third = run(2, Some(second.carry), learnt.clone(), vec![]);
    assert_eq!(
        classes(&third.report),
        [0, 0, 0, 0, 0],
        "the first report told it"
    );
    let never_told = run(2, Some(Carry::default()), learnt, vec![]);
    assert_eq!(classes(&never_told.report), [0, 1, 0, 0, 0]);
}

#[test]
fn what_lies_outside_of_the_window_may_be_told_and_need_not_be() {
    let mut reconciler = Reconciler::new(day(5), None);
    reconciler.expect(one(NOON));
    let report = reconciler.finish().expect("reconciles").report;
    assert_eq!(classes(&report), [0, 0, 0, 0, 0]);
    let mut reconciler = Reconciler::new(day(5), None);
    reconciler.expect(one(NOON));
    reconciler.take(told()).expect("takes");
    let report = reconciler.finish().expect("reconciles").report;
    assert_eq!(classes(&report), [1, 0, 0, 0, 0]);
}

#[derive(Clone, Debug)]
struct Moved {
    sent: u64,
    took: u64,
    /// How far off the provider's clock is, within the tolerance.
    skew: i64,
    dropped: bool,
}

const DAYS: u64 = 3;

fn moves() -> impl Strategy<Value = Vec<Moved>> {
    let hour = i64::try_from(HOUR).expect("small");
    let near_midnight = (0..DAYS, 0..2 * HOUR).prop_map(|(day, off)| day * DAY + DAY - HOUR + off);
    let sent = prop_oneof![0..DAYS * DAY, near_midnight];
    let took = prop_oneof![0..60_u64, 0..2 * HOUR, 0..DAY];
    let moved = (sent, took, -hour..=hour, prop::bool::weighted(0.2));
    let moved = moved.prop_map(|(sent, took, skew, dropped)| Moved {
        sent,
        took,
        skew,
        dropped,
    });
    prop::collection::vec(moved, 0..40)
}

impl Moved {
    fn expected(&self, number: u8) -> Expected {
        let subject = Subject::Operation(key(number, Step::Charge(1)));
        let expected = Expected::moved(subject, Charge, eur(100), at(self.sent + self.took));
        expected.sent_at(at(self.sent))
    }

    /// Returns in which day's report the provider tells it: it moved at some time between the call
    /// and the answer.
    fn told_on(&self) -> u64 {
        let within = self.took / 2;
        (self.sent + within).saturating_add_signed(self.skew) / DAY
    }
}

proptest! {
    /// The days before the first and after the last are reconciled too, so that nothing is open.
    #[test]
    fn over_reports_that_follow_each_movement_is_found_once_or_missed_once(moves in moves()) {
        let expected: Vec<Expected> = (0..).zip(&moves).map(|(number, it)| it.expected(number)).collect();
        let mut carry = Carry::default();
        let (mut matched, mut missing) = (0, Vec::new());
        for number in 0..DAYS + 4 {
            let mut reconciler = Reconciler::new(day(number), Some(carry));
            let near = expected.iter().filter(|it| day(number).may_tell(it));
            near.for_each(|it| reconciler.expect(it.clone()));
            for (place, it) in (0..).zip(&moves) {
                if it.told_on() == number && !it.dropped {
                    let told = line(2, Charge, eur(100)).with_key(key(place, Step::Charge(1)));
                    reconciler.take(told).expect("takes");
                }
            }
            let reconciled = reconciler.finish().expect("reconciles");
            let Report { differing, extra, earlier, .. } = &reconciled.report;
            prop_assert_eq!(differing.count + extra.count + earlier.count, 0);
            matched += reconciled.report.matched;
            missing.extend(reconciled.report.missing.items.iter().map(Expected::movement));
            carry = reconciled.carry;
        }
        prop_assert!(carry.pending.is_empty() && carry.seen.is_empty(), "{carry:?}");
        let dropped = expected.iter().zip(&moves).filter(|(_, it)| it.dropped);
        let dropped: BTreeSet<Movement> = dropped.map(|(it, _)| it.movement()).collect();
        prop_assert_eq!(missing.len(), dropped.len());
        prop_assert_eq!(BTreeSet::from_iter(missing), dropped);
        let told = moves.iter().filter(|it| !it.dropped).count();
        prop_assert_eq!(matched, told as u64);
    }
}
