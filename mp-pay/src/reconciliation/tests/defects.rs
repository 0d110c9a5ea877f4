//! Reports with planted defects: each is found once, in its class, and nothing else is.

use std::collections::{BTreeMap, BTreeSet};

use mp_core::amount::Currency;
use proptest::prelude::*;

use super::*;
use crate::reconciliation::{
    Difference,
    LineKind::{Adjustment, Charge, Dispute, Fee, Refund},
    Movement,
};

/// What is wrong with the lines of one movement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Defect {
    None,
    Dropped,
    Doubled,
    OtherAmount(i64),
    OtherCurrency,
    OtherKind,
}

#[derive(Clone, Debug)]
struct Case {
    /// Minor units, currency, whether it is named by key, what is wrong.
    movements: Vec<(i64, Currency, bool, Defect)>,
    /// Lines of others: of what manner, how much.
    foreign: Vec<(u8, i64, Currency)>,
    fees: Vec<(i64, Currency)>,
    order: Vec<prop::sample::Index>,
}

fn currency() -> impl Strategy<Value = Currency> {
    prop::sample::select(vec![Currency::EUR, Currency::JPY, Currency::CNY])
}

fn defect() -> impl Strategy<Value = Defect> {
    prop_oneof![
        4 => Just(Defect::None),
        1 => Just(Defect::Dropped),
        1 => Just(Defect::Doubled),
        1 => (1_i64..1_000).prop_map(Defect::OtherAmount),
        1 => Just(Defect::OtherCurrency),
        1 => Just(Defect::OtherKind),
    ]
}

fn cases() -> impl Strategy<Value = Case> {
    let movement = (1_i64..1_000_000, currency(), any::<bool>(), defect());
    (
        prop::collection::vec(movement, 0..60),
        prop::collection::vec((0_u8..4, 1_i64..1_000, currency()), 0..6),
        prop::collection::vec((1_i64..1_000, currency()), 0..6),
        prop::collection::vec(any::<prop::sample::Index>(), 0..200),
    )
        .prop_map(|(movements, foreign, fees, order)| Case {
            movements,
            foreign,
            fees,
            order,
        })
}

/// Three movements make up a payment: its charge, a refund and a dispute.
fn ours(place: usize, minor: i64, currency: Currency) -> Expected {
    let payment = u8::try_from(place / 3).expect("a small number");
    let (subject, kind, minor) = match place % 3 {
        0 => (
            Subject::Operation(key(payment, Step::Charge(1))),
            Charge,
            minor,
        ),
        1 => (
            Subject::Operation(key(payment, refund(payment))),
            Refund,
            -minor,
        ),
        _ => (dispute(payment), Dispute, -minor),
    };
    let amount = Money::new(minor, currency);
    Expected::moved(subject, kind, amount, at(NOON)).with_reference(Some(named(&name(place))))
}

fn name(place: usize) -> String {
    format!("ref_{place}")
}

fn told(place: usize, expected: &Expected, by_key: bool, defect: Defect) -> Vec<ReportLine> {
    let mut told = line(0, expected.kind, expected.amount);
    told = match expected.subject {
        Subject::Operation(key) if by_key => told.with_key(key),
        _ => told.with_reference(named(&name(place))),
    };
    let (minor, currency) = (told.amount.minor(), told.amount.currency());
    match defect {
        Defect::Dropped => return Vec::new(),
        Defect::Doubled => return vec![told.clone(), told],
        Defect::OtherAmount(more) => {
            told.amount = Money::new(minor + more * minor.signum(), currency);
        }
        Defect::OtherCurrency => told.amount = Money::new(minor, Currency::USD),
        Defect::OtherKind => told.kind = Adjustment,
        Defect::None => {}
    }
    vec![told]
}

/// Lines of another shop, of nobody, and of what somebody did at the provider's own desk.
fn foreign(manner: u8, minor: i64, currency: Currency) -> ReportLine {
    let amount = |minor| Money::new(minor, currency);
    match manner {
        0 => line(0, Charge, amount(minor)).with_key(key(200, Step::Charge(1))),
        1 => line(0, Adjustment, amount(-minor)).with_reference(named("adj")),
        2 => line(0, Charge, amount(minor)),
        // More than any refund of ours, so that it can be none of them.
        _ => line(0, Refund, amount(-10_000_000 - minor)).with_key(key(0, Step::Charge(1))),
    }
}

impl Case {
    fn expected(&self) -> Vec<Expected> {
        let movements = self.movements.iter().enumerate();
        movements
            .map(|(place, (minor, currency, ..))| ours(place, *minor, *currency))
            .collect()
    }

    fn lines(&self) -> Vec<ReportLine> {
        let expected = self.expected();
        let movements = self.movements.iter().zip(&expected).enumerate();
        let of_ours = movements
            .flat_map(|(place, ((_, _, by_key, defect), it))| told(place, it, *by_key, *defect));
        let of_others = self.foreign.iter();
        let of_others =
            of_others.map(|(manner, minor, currency)| foreign(*manner, *minor, *currency));
        let fees = self.fees.iter();
        let fees = fees.map(|(minor, currency)| line(0, Fee, Money::new(-minor, *currency)));
        let mut lines: Vec<ReportLine> = of_ours.chain(of_others).chain(fees).collect();
        for (place, with) in self.order.iter().enumerate().take(lines.len()) {
            let with = with.index(lines.len());
            lines.swap(place, with);
        }
        for (number, line) in (2..).zip(&mut lines) {
            line.number = number;
        }
        lines
    }

    /// Returns the movements with such a defect.
    fn with(&self, wanted: fn(Defect) -> bool) -> BTreeSet<Movement> {
        let all = self.movements.iter().zip(self.expected());
        all.filter(|((.., defect), _)| wanted(*defect))
            .map(|(_, expected)| expected.movement())
            .collect()
    }
}

proptest! {
    #[test]
    fn each_defect_is_found_once_in_its_class_and_nothing_else_is(case in cases()) {
        let expected = case.expected();
        let report = reconcile(expected.clone(), case.lines()).expect("reconciles").report;

        let found: BTreeSet<Movement> = report.missing.items.iter().map(Expected::movement).collect();
        prop_assert_eq!(found, case.with(|it| it == Defect::Dropped));
        prop_assert_eq!(report.extra.count, case.foreign.len() as u64);
        let matched = case.with(|it| matches!(it, Defect::None | Defect::Doubled));
        prop_assert_eq!(report.matched, matched.len() as u64);

        let differing = |what: fn(Difference) -> bool| -> Vec<Subject> {
            let found = report.differing.items.iter().filter(|it| what(it.what));
            let mut found: Vec<Subject> = found.map(|it| it.subject).collect();
            found.sort();
            found
        };
        let planted = |wanted| -> Vec<Subject> { case.with(wanted).iter().map(|it| it.subject).collect() };
        prop_assert_eq!(differing(|it| it == Difference::Twice), planted(|it| it == Defect::Doubled));
        prop_assert_eq!(differing(|it| it == Difference::Amount), planted(|it| matches!(it, Defect::OtherAmount(_))));
        prop_assert_eq!(differing(|it| it == Difference::Currency), planted(|it| it == Defect::OtherCurrency));
        prop_assert_eq!(differing(|it| it == Difference::Kind(Adjustment)), planted(|it| it == Defect::OtherKind));
        let (listed, counted) = (report.differing.items.len() as u64, report.differing.count);
        prop_assert_eq!(listed, counted);
        prop_assert!(report.differing.items.is_sorted_by_key(|it| it.line));
    }

    #[test]
    fn sums_are_right_to_the_cent_in_every_currency(case in cases()) {
        let lines = case.lines();
        let report = reconcile(case.expected(), lines.clone()).expect("reconciles").report;
        let mut differences: BTreeMap<Currency, [i64; 2]> = BTreeMap::new();
        for told in &lines {
            let [theirs, fees] = differences.entry(told.amount.currency()).or_default();
            match told.kind {
                Fee => *fees -= told.amount.minor(),
                _ => *theirs += told.amount.minor(),
            }
        }
        for ours in case.expected() {
            let [theirs, _] = differences.entry(ours.amount.currency()).or_default();
            *theirs -= ours.amount.minor();
        }
        let totals = report.totals.iter();
        let found: BTreeMap<Currency, [i64; 2]> = totals
            .map(|it| (it.currency, [it.difference.minor(), it.fees.minor()]))
            .collect();
        prop_assert_eq!(found, differences);
        // What is found explains the difference.
        for total in &report.totals {
            let of = |amount: Money| if amount.currency() == total.currency { amount.minor() } else { 0 };
            let extra: i64 = report.extra.items.iter().map(|it| of(it.line.amount)).sum();
            let missing: i64 = report.missing.items.iter().map(|it| of(it.amount)).sum();
            let differing: i64 = report.differing.items.iter().map(|it| {
                let ours = if it.what.counts_as_ours() { of(it.ours) } else { 0 };
                of(it.theirs) - ours
            }).sum();
            prop_assert_eq!(total.difference.minor(), extra + differing - missing);
            prop_assert_eq!(total.theirs.minor() - total.ours.minor(), total.difference.minor());
        }
    }

    #[test]
    fn the_order_of_our_movements_changes_nothing(case in cases()) {
        let forwards = reconcile(case.expected(), case.lines()).expect("reconciles");
        let backwards = reconcile(case.expected().into_iter().rev(), case.lines());
        prop_assert_eq!(forwards, backwards.expect("reconciles"));
    }
}
