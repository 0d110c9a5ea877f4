//! What people see, and what programs read.

use mp_core::amount::Currency;
use serde_json::json;

use super::*;
use crate::reconciliation::{
    LineKind::{Adjustment, Charge, Fee, Payout, Refund},
    Report,
};

fn sample() -> Report {
    let jpy = |minor| Money::new(minor, Currency::JPY);
    let charge = |n, amount| moved(key(n, Step::Charge(1)), Charge, amount);
    let ours = vec![
        charge(1, eur(123_450)),
        charge(2, eur(80)),
        charge(3, jpy(700)),
        charge(4, eur(5_00)),
        moved(key(1, refund(1)), Refund, eur(-30_00)),
        Expected::moved(
            Subject::Operation(key(5, Step::Charge(1))),
            Charge,
            eur(9_99),
            at(DAY - 5),
        ),
    ];
    let told = |n, payment, amount| {
        line(n, Charge, amount)
            .with_key(key(payment, Step::Charge(1)))
            .with_fee(amount.minor() / 100)
            .in_payout(named("po_1"))
    };
    let told = vec![
        told(2, 1, eur(123_450)),
        told(3, 2, eur(90)),
        told(4, 3, jpy(700)),
        told(5, 3, jpy(700)),
        line(6, Adjustment, eur(-1_00))
            .with_reference(named("adj_17"))
            .in_payout(named("po_1")),
        line(7, Fee, eur(-2_00)),
        line(8, Payout, eur(-122_205)).with_reference(named("po_1")),
    ];
    reconcile(ours, told).expect("reconciles").report
}

const TEXT: &str = "\
From 2027-01-15T08:00:00Z until 2027-01-16T08:00:00Z
7 lines: 2 matched, 2 missing, 1 extra, 2 differing; 1 pending in the next report

currency     ours   theirs  difference  pending   fees  paid out
EUR       1210.30  1234.40       24.10     9.99  14.34   1222.05
JPY           700     1400         700        0     14         0

payout  lines     contains         paid
po_1        3  1222.06 EUR  1222.05 EUR  does not add up
po_1        2     1386 JPY            -  its own line is not in the report

Missing: ours, and not in the report
operation                                                    kind        amount  known at
pi_01HF7YAT00040G2081040G2081-rf_01HF7YAT00040G2081040G2081  refund  -30.00 EUR  2027-01-15T20:00:00Z
pi_01HF7YAT000G2081040G208104-c1                             charge    5.00 EUR  2027-01-15T20:00:00Z

Extra: in the report, and not ours
line  named   kind           amount  why
   6  adj_17  adjustment  -1.00 EUR  nothing of ours

Differing: told otherwise than ours
line  operation                             ours    theirs  what
   3  pi_01HF7YAT00081040G2081040G2-c1  0.80 EUR  0.90 EUR  another amount
   5  pi_01HF7YAT000C1G60R30C1G60R3-c1   700 JPY   700 JPY  told twice

Pending: may stand in the next report
operation                         kind      amount  known at
pi_01HF7YAT000M2GA1850M2GA185-c1  charge  9.99 EUR  2027-01-16T07:59:55Z
";

#[test]
fn people_see_tables() {
    assert_eq!(sample().to_string(), TEXT);
}

#[test]
fn programs_read_json() {
    let report = sample();
    let value = serde_json::to_value(&report).expect("is JSON");
    assert_eq!(
        value["totals"][1],
        json!({
            "currency": "JPY",
            "ours": {"amount": 700, "currency": "JPY"},
            "theirs": {"amount": 1400, "currency": "JPY"},
            "difference": {"amount": 700, "currency": "JPY"},
            "pending": {"amount": 0, "currency": "JPY"},
            "fees": {"amount": 14, "currency": "JPY"},
            "paid_out": {"amount": 0, "currency": "JPY"},
        })
    );
    assert_eq!(value["differing"]["items"][1]["what"], "twice");
    assert_eq!(value["missing"]["count"], 2);
    assert_eq!(
        serde_json::from_value::<Report>(value).expect("reads"),
        report
    );
}
