//! Reports whose windows follow on each other, and clocks that are apart.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::reconciliation::{
    Carry, Difference,
    LineKind::{Charge, Refund},
    Movement, Report, Standing,
};

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
    // Without the report before, nobody can tell whether it is late.
    let report = told_a_week_late(None, one(NOON)).report;
    assert_eq!(classes(&report), [1, 0, 0, 0, 0]);
}

/// Returns the classes of a report of the sixth day, of what moved on the first.
fn told_a_week_late(before: Option<Carry>, ours: Expected) -> Reconciled {
    let mut reconciler = Reconciler::new(day(5), before);
    reconciler.expect(ours);
    reconciler.take(told()).expect("takes");
    reconciler.finish().expect("reconciles")
}

#[test]
fn what_an_earlier_report_has_told_or_missed_is_found_when_it_is_told_again() {
    for lines in [vec![told()], vec![]] {
        let first = run(0, None, one(NOON), lines);
        let again = told_a_week_late(Some(first.carry), one(NOON));
        assert_eq!(classes(&again.report), [0, 0, 0, 0, 1]);
        assert_eq!(again.report.differing.items[0].what, Difference::Late);
        assert!(!again.report.is_clean());
        assert_eq!(
            again.report.totals[0].difference,
            eur(100),
            "it is not ours of that day"
        );
    }
    // What was pending all the time is not late, and what was not known here is told as such.
    let pending = Carry {
        pending: vec![one(NOON)],
        seen: BTreeSet::new(),
    };
    let found = told_a_week_late(Some(pending), one(NOON));
    assert_eq!(classes(&found.report), [1, 0, 0, 0, 0]);
    let open = one(NOON).standing(Standing::Open);
    let found = told_a_week_late(Some(Carry::default()), open);
    assert_eq!(found.report.differing.items[0].what, Difference::Open);
}

/// Refunds that are told under the payment's name, by how many days after the first they moved.
fn refunds(ours: &[(u8, u64)]) -> Reconciler {
    let mut reconciler = Reconciler::new(day(3), Some(Carry::default()));
    reconciler.expect(one(NOON));
    for (number, moved_at) in ours {
        let subject = Subject::Operation(key(1, refund(*number)));
        reconciler.expect(Expected::moved(subject, Refund, eur(-5), at(*moved_at)));
    }
    reconciler
}

fn refund_told(number: u64) -> ReportLine {
    line(number, Refund, eur(-5)).with_key(key(1, Step::Charge(1)))
}

#[test]
fn a_line_means_what_moved_in_its_window_before_what_an_earlier_report_told() {
    let today = 3 * DAY + NOON;
    // Whichever of the two ids comes first.
    for (old, new) in [(1, 2), (2, 1)] {
        let ours = [(old, NOON), (new, today)];
        for told in [refund_told(1), refund_told(1).with_time(at(NOON))] {
            let mut reconciler = refunds(&ours);
            reconciler.take(told).expect("takes");
            let report = reconciler.finish().expect("reconciles").report;
            assert_eq!(classes(&report), [1, 0, 0, 0, 0]);
        }
        // What was refunded twice at the provider is not hidden behind the old one.
        let mut reconciler = refunds(&ours);
        reconciler.take(refund_told(1)).expect("takes");
        reconciler.take(refund_told(2)).expect("takes");
        let report = reconciler.finish().expect("reconciles").report;
        assert_eq!(classes(&report), [1, 0, 0, 0, 1]);
        let late = &report.differing.items[0];
        assert_eq!((late.line, late.what), (2, Difference::Late));
    }
}

#[test]
fn of_two_in_the_window_a_line_means_the_nearer() {
    let hour = |hour: u64| 3 * DAY + hour * HOUR;
    for (nine, six) in [(1, 2), (2, 1)] {
        let mut reconciler = refunds(&[(nine, hour(9)), (six, hour(18))]);
        let told = refund_told(1).with_time(at(hour(17)));
        reconciler.take(told).expect("takes");
        let report = reconciler.finish().expect("reconciles").report;
        assert_eq!(classes(&report), [1, 1, 0, 0, 0]);
        let missing = report.missing.items[0].subject;
        assert_eq!(missing, Subject::Operation(key(1, refund(nine))));
    }
}

#[test]
fn a_line_does_not_mean_what_was_asked_for_after_its_report() {
    let mut reconciler = refunds(&[(1, 5 * DAY)]);
    reconciler.take(refund_told(1)).expect("takes");
    let report = reconciler.finish().expect("reconciles").report;
    assert_eq!(classes(&report), [0; 5]);
    assert_eq!(report.extra.count, 1);
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
