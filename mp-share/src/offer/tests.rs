use mp_core::amount::Currency;

use super::*;

pub(crate) fn terms() -> Terms {
    Terms {
        title: "Dumplings".parse().expect("a label"),
        price: Money::new(1_200, Currency::EUR),
        group_price: Money::new(900, Currency::EUR),
        group_size: 3,
        seat_hold: Duration::from_secs(600),
        group_duration: Duration::from_secs(3_600),
        pieces: 30,
        each_max: Some(2),
    }
}

#[test]
fn terms_on_which_no_group_could_fill_are_refused_by_name() {
    assert!(terms().check().is_ok());
    let euros = |minor| Money::new(minor, Currency::EUR);
    let seconds = Duration::from_secs;
    let cases: [(&str, fn(&mut Terms, Money, Duration), i64, u64); 13] = [
        ("price", |terms, money, _| terms.price = money, 0, 0),
        ("price", |terms, money, _| terms.group_price = money, -1, 0),
        (
            "group_price",
            |terms, money, _| terms.group_price = money,
            1_201,
            0,
        ),
        (
            "group_price",
            |terms, _, _| terms.group_price = Money::new(900, Currency::USD),
            0,
            0,
        ),
        ("group_size", |terms, _, _| terms.group_size = 1, 0, 0),
        ("group_size", |terms, _, _| terms.group_size = 101, 0, 0),
        (
            "seat_hold_seconds",
            |terms, _, span| terms.seat_hold = span,
            0,
            29,
        ),
        (
            "seat_hold_seconds",
            |terms, _, span| terms.seat_hold = span,
            0,
            86_401,
        ),
        (
            "group_duration_seconds",
            |terms, _, span| terms.group_duration = span,
            0,
            599,
        ),
        (
            "group_duration_seconds",
            |terms, _, span| terms.group_duration = span,
            0,
            2_592_001,
        ),
        ("pieces", |terms, _, _| terms.pieces = 2, 0, 0),
        ("pieces", |terms, _, _| terms.pieces = PIECES_MAX + 1, 0, 0),
        ("each_max", |terms, _, _| terms.each_max = Some(0), 0, 0),
    ];
    for (field, change, minor, span) in cases {
        let mut terms = terms();
        change(&mut terms, euros(minor), seconds(span));
        let error = terms.check().expect_err(field);
        assert_eq!(error.field(), Some(field));
    }
}
