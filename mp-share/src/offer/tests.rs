use mp_core::amount::Currency;

use super::*;

fn terms() -> Terms {
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

const fn euros(minor: i64) -> Money {
    Money::new(minor, Currency::EUR)
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A change that makes terms unsound.
type Spoil = fn(&mut Terms);

#[test]
fn terms_whose_durations_would_be_stored_shorter_are_refused_by_name() {
    let cases: [(&str, Spoil); 2] = [
        ("seat_hold_seconds", |terms| {
            terms.seat_hold += Duration::from_millis(1);
        }),
        ("group_duration_seconds", |terms| {
            terms.group_duration += Duration::from_nanos(1);
        }),
    ];
    for (field, spoil) in cases {
        let mut terms = terms();
        spoil(&mut terms);
        assert_eq!(terms.check().expect_err(field).field(), Some(field));
    }
}

#[test]
fn terms_on_which_no_group_could_fill_are_refused_by_name() {
    assert!(terms().check().is_ok());
    let cases: [(&str, Spoil); 13] = [
        ("price", |terms| terms.price = euros(0)),
        ("group_price", |terms| terms.group_price = euros(-1)),
        ("group_price", |terms| terms.group_price = euros(1_201)),
        ("group_price", |terms| {
            terms.group_price = Money::new(900, Currency::USD)
        }),
        ("group_size", |terms| terms.group_size = 1),
        ("group_size", |terms| {
            terms.group_size = GROUP_SIZES.end() + 1
        }),
        ("seat_hold_seconds", |terms| terms.seat_hold = seconds(29)),
        ("seat_hold_seconds", |terms| {
            terms.seat_hold = seconds(86_401)
        }),
        ("group_duration_seconds", |terms| {
            terms.group_duration = seconds(599)
        }),
        ("group_duration_seconds", |terms| {
            terms.group_duration = seconds(2_592_001)
        }),
        ("pieces", |terms| terms.pieces = 2),
        ("pieces", |terms| terms.pieces = PIECES_MAX + 1),
        ("each_max", |terms| terms.each_max = Some(0)),
    ];
    for (field, spoil) in cases {
        let mut terms = terms();
        spoil(&mut terms);
        assert_eq!(terms.check().expect_err(field).field(), Some(field));
    }
}
