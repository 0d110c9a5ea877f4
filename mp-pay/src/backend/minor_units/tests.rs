use super::*;

const TABLES: [MinorUnits; 4] = [
    MinorUnits::ISO_4217,
    MinorUnits::STRIPE,
    MinorUnits::WECHAT_PAY,
    MinorUnits::iso_but(&[Rule::counted("EUR", 4, 25), Rule::refused("USD")]),
];

fn every_currency() -> Vec<Currency> {
    let letters = || (b'A'..=b'Z').map(char::from);
    let codes = letters().flat_map(|one| {
        letters().flat_map(move |two| letters().map(move |three| format!("{one}{two}{three}")))
    });
    let found: Vec<Currency> = codes.flat_map(|code| Currency::new(&code)).collect();
    assert!(found.len() > 150, "ISO 4217 has more");
    found
}

/// The value of a number with so many decimals, in ten-thousandths: the finest that ISO 4217 has.
fn value(number: i64, exponent: u8) -> i128 {
    i128::from(number) * 10_i128.pow(4 - u32::from(exponent))
}

fn exponent_of(table: MinorUnits, currency: Currency) -> u8 {
    let rule = table.rules.iter().find(|rule| rule.code == currency.code());
    match rule.map(|rule| rule.counts) {
        Some(Counts::With { exponent, .. }) => exponent,
        _ => currency.exponent(),
    }
}

#[test]
fn every_currency_is_converted_exactly_or_refused() {
    let amounts = [
        1,
        9,
        10,
        99,
        100,
        101,
        1_230,
        1_234,
        12_500,
        999_999,
        JSON_INTEGER_MAX,
        -700,
    ];
    for table in TABLES {
        for currency in every_currency() {
            for minor in amounts {
                let amount = Money::new(minor, currency);
                let Ok(wire) = table.to_wire(amount) else {
                    continue;
                };
                let theirs = value(wire, exponent_of(table, currency));
                assert_eq!(theirs, value(minor, currency.exponent()), "{amount}");
                assert_eq!(table.from_wire(wire, currency), Ok(amount));
            }
        }
    }
}

#[test]
fn what_a_backend_does_not_count_is_refused() {
    let refused = |table: MinorUnits| {
        let refused = every_currency().into_iter().filter(move |currency| {
            let whole = Money::new(1_000_000, *currency);
            table.to_wire(whole) == Err(MinorUnitsError::Currency(*currency))
        });
        refused.map(Currency::code).collect::<Vec<_>>()
    };
    assert_eq!(refused(MinorUnits::ISO_4217), [""; 0]);
    let stripe = ["CLF", "IQD", "LYD", "UGX", "UYI", "UYW"];
    assert_eq!(refused(MinorUnits::STRIPE), stripe);
    assert_eq!(
        refused(MinorUnits::WECHAT_PAY).len(),
        every_currency().len() - 1
    );
}

#[test]
fn stripe_counts_as_its_pages_say() {
    let wire = |minor, code: &str| {
        let currency = Currency::new(code).expect("a currency");
        MinorUnits::STRIPE.to_wire(Money::new(minor, currency))
    };
    assert_eq!(wire(12_50, "EUR"), Ok(12_50));
    assert_eq!(wire(500, "JPY"), Ok(500));
    assert_eq!(wire(5_120, "KWD"), Ok(5_120));
    assert_eq!(wire(5, "ISK"), Ok(500));
    assert_eq!(wire(50_000, "MGA"), Ok(500));
    for (minor, code, step) in [(5_124, "KWD", 10), (50_001, "MGA", 100)] {
        let currency = Currency::new(code).expect("a currency");
        assert_eq!(
            wire(minor, code),
            Err(MinorUnitsError::Inexact { currency, step })
        );
    }
}
