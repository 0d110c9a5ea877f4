//! Which movement a line means, case by case.

use mp_core::amount::Currency;

use super::*;
use crate::reconciliation::{
    Difference,
    LineKind::{Adjustment, Capture, Charge, Dispute, Fee, Payout, Refund, Reversal},
    PAYOUTS_MAX, Report, Standing,
};

fn report(expected: Vec<Expected>, lines: Vec<ReportLine>) -> Report {
    reconcile(expected, lines).expect("reconciles").report
}

/// Returns how many are matched, missing, extra and differing.
fn classes(report: &Report) -> [u64; 4] {
    let Report {
        matched,
        missing,
        extra,
        differing,
        ..
    } = report;
    [*matched, missing.count, extra.count, differing.count]
}

fn difference(report: &Report) -> Difference {
    assert_eq!(classes(report), [0, 0, 0, 1], "{report:?}");
    report.differing.items[0].what
}

#[test]
fn a_line_means_what_it_names() {
    let ours =
        || moved(key(1, Step::Charge(1)), Charge, eur(100)).with_reference(Some(named("ch_1")));
    let by_key = line(1, Charge, eur(100)).with_key(key(1, Step::Charge(1)));
    let by_name = line(1, Charge, eur(100)).with_reference(named("ch_1"));
    let by_second = by_name.clone().with_key(key(2, Step::Charge(1)));
    let nobody = line(1, Charge, eur(100)).with_reference(named("ch_10"));
    for told in [by_key, by_name, by_second] {
        assert_eq!(classes(&report(vec![ours()], vec![told])), [1, 0, 0, 0]);
    }
    assert_eq!(classes(&report(vec![ours()], vec![nobody])), [0, 1, 1, 0]);
}

#[test]
fn a_charge_and_a_capture_are_one_kind() {
    let ours = moved(key(1, Step::Capture(1, 1)), Capture, eur(100));
    let told = line(1, Charge, eur(100)).with_key(key(1, Step::Capture(1, 1)));
    assert_eq!(classes(&report(vec![ours], vec![told])), [1, 0, 0, 0]);
}

#[test]
fn each_difference_is_told_apart() {
    let ours = || vec![moved(key(1, Step::Charge(1)), Charge, eur(100))];
    let told = |kind, amount| vec![line(1, kind, amount).with_key(key(1, Step::Charge(1)))];
    let compare = |kind, amount| difference(&report(ours(), told(kind, amount)));
    assert_eq!(compare(Charge, eur(99)), Difference::Amount);
    assert_eq!(
        compare(Charge, Money::new(100, Currency::USD)),
        Difference::Currency
    );
    assert_eq!(compare(Adjustment, eur(100)), Difference::Kind(Adjustment));
    for (standing, difference_of) in [
        (Standing::Open, Difference::Open),
        (Standing::NotMoved, Difference::NotMoved),
    ] {
        let ours = ours().into_iter().map(|it| it.standing(standing)).collect();
        let found = report(ours, told(Charge, eur(100)));
        assert_eq!(difference(&found), difference_of);
        assert_eq!(found.totals[0].difference, eur(100), "ours did not move");
    }
}

#[test]
fn a_second_line_is_told_twice_whatever_it_says() {
    let ours = moved(key(1, Step::Charge(1)), Charge, eur(100));
    for amount in [eur(100), eur(40), Money::new(100, Currency::USD)] {
        let first = line(1, Charge, eur(100)).with_key(key(1, Step::Charge(1)));
        let second = line(2, Charge, amount).with_key(key(1, Step::Charge(1)));
        let found = report(vec![ours.clone()], vec![first, second]);
        assert_eq!(classes(&found), [1, 0, 0, 1]);
        let twice = &found.differing.items[0];
        assert_eq!((twice.line, twice.what), (2, Difference::Twice));
    }
}

/// Refunds and disputes are told under the payment's name at some providers.
#[test]
fn what_carries_the_payments_name_means_what_is_of_its_kind_and_amount() {
    let ours = || {
        vec![
            moved(key(1, Step::Charge(1)), Charge, eur(100)).with_reference(Some(named("ch_1"))),
            moved(key(1, refund(1)), Refund, eur(-30)),
            moved(key(1, refund(2)), Refund, eur(-20)),
            Expected::moved(dispute(1), Dispute, eur(-50), at(NOON)),
        ]
    };
    let by_key =
        |number, kind, amount| line(number, kind, amount).with_key(key(1, Step::Charge(1)));
    let by_name = |number, kind, amount| line(number, kind, amount).with_reference(named("ch_1"));
    let naming: [&dyn Fn(u64, LineKind, Money) -> ReportLine; 2] = [&by_key, &by_name];
    for told in naming {
        let told = vec![
            told(1, Refund, eur(-20)),
            told(2, Charge, eur(100)),
            told(3, Dispute, eur(-50)),
            told(4, Refund, eur(-30)),
        ];
        assert_eq!(classes(&report(ours(), told)), [4, 0, 0, 0]);
    }
    // A refund that somebody made at the provider's own desk is not ours, and no second charge.
    for told in naming {
        let told = vec![told(1, Refund, eur(-100)), told(2, Charge, eur(100))];
        assert_eq!(classes(&report(ours(), told)), [1, 3, 1, 0]);
    }
}

#[test]
fn a_refund_that_came_back_is_two_movements() {
    let ours = || {
        vec![
            moved(key(1, refund(1)), Refund, eur(-30)),
            moved(key(1, refund(1)), Refund, eur(30)),
        ]
    };
    let told = |number, amount| line(number, Refund, amount).with_key(key(1, refund(1)));
    let both = vec![told(1, eur(-30)), told(2, eur(30))];
    assert_eq!(classes(&report(ours(), both)), [2, 0, 0, 0]);
    let one = vec![told(1, eur(-30))];
    assert_eq!(classes(&report(ours(), one)), [1, 1, 0, 0]);
    // What came back and is not known here is nothing that was told before.
    let unknown = report(
        ours()[..1].to_vec(),
        vec![told(1, eur(-30)), told(2, eur(30))],
    );
    assert_eq!(classes(&unknown), [1, 0, 1, 0]);
}

#[test]
fn a_hold_told_whole_and_then_reversed_in_part_is_one_capture() {
    let ours = || vec![moved(key(1, Step::Capture(1, 1)), Capture, eur(70))];
    let whole = |n| line(n, Charge, eur(100)).with_key(key(1, Step::Charge(1)));
    let back = |n, amount| line(n, Reversal, eur(amount)).with_key(key(1, Step::Charge(1)));
    for told in [vec![whole(1), back(2, -30)], vec![back(1, -30), whole(2)]] {
        assert_eq!(classes(&report(ours(), told)), [1, 0, 0, 0]);
    }
    let unreversed = report(ours(), vec![whole(1)]);
    assert_eq!(difference(&unreversed), Difference::Amount);
    let too_much = report(ours(), vec![whole(1), back(2, -40)]);
    assert_eq!(difference(&too_much), Difference::Amount);
    assert_eq!(too_much.differing.items[0].theirs, eur(60));
    let twice = report(ours(), vec![whole(1), back(2, -30), whole(3)]);
    assert_eq!(classes(&twice), [1, 0, 1, 0]);
    assert_eq!(classes(&report(vec![], vec![back(1, -30)])), [0, 0, 1, 0]);
}

#[test]
fn fees_and_payouts_are_added_up_and_mean_nothing_of_ours() {
    let po = || named("po_1");
    let ours = vec![
        moved(key(1, Step::Charge(1)), Charge, eur(100)),
        moved(key(1, refund(1)), Refund, eur(-40)),
    ];
    let told = |paid| {
        vec![
            line(1, Charge, eur(100))
                .with_key(key(1, Step::Charge(1)))
                .with_fee(3)
                .in_payout(po()),
            line(2, Refund, eur(-40))
                .with_key(key(1, refund(1)))
                .with_fee(-1)
                .in_payout(po()),
            line(3, Fee, eur(-5)).in_payout(po()),
            line(4, Payout, eur(paid)).with_reference(po()),
        ]
    };
    let found = report(ours.clone(), told(-53));
    assert_eq!(classes(&found), [2, 0, 0, 0]);
    let total = &found.totals[0];
    assert_eq!(
        (total.fees, total.paid_out, total.difference),
        (eur(7), eur(53), eur(0))
    );
    let payout = &found.payouts[0];
    assert_eq!(
        (payout.lines, payout.contains, payout.adds_up()),
        (3, eur(53), Some(true))
    );
    assert!(found.is_clean());
    let short = report(ours, told(-52));
    assert_eq!(short.payouts[0].adds_up(), Some(false));
    assert!(!short.is_clean());
}

#[test]
fn payouts_are_bounded() {
    let told = |number| line(number, Charge, eur(1)).in_payout(named(&format!("po_{number}")));
    let most = PAYOUTS_MAX as u64;
    assert!(reconcile([], (1..=most).map(told)).is_ok());
    let error = reconcile([], (0..=most).map(told)).expect_err("is refused");
    assert_eq!(error.code(), "too_many");
}

#[test]
fn sums_beyond_what_can_be_told_are_refused_and_not_wrapped() {
    let told = |number| line(number, Charge, eur(i64::MAX)).with_fee(i64::MIN);
    let error = reconcile([], (1..4).map(told)).expect_err("is refused");
    assert_eq!(error.code(), "invalid_field");
}
