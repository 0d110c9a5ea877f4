//! Every rule and request of a small world, beside a model that only counts.

use std::time::Duration;

use mp_core::amount::Currency;

use super::*;
use crate::{
    backend::{MinorUnits, Rule},
    routing::{CallEnd, CircuitOptions},
};

fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

fn request(minor: i64, currency: Currency) -> RouteRequest {
    RouteRequest::of(Money::new(minor, currency))
}

/// Three backends: one that can do everything, one that cannot hold, one that takes yuan only.
fn can() -> BTreeMap<Name, Capabilities> {
    const YUAN: &[Rule] = &[Rule::as_iso("CNY")];
    let neither = Capabilities::neither();
    let only_yuan = neither.with_minor_units(MinorUnits::only(YUAN));
    BTreeMap::from([
        (name("all"), neither),
        (name("taker"), neither.without_separate_capture()),
        (name("yuan"), only_yuan),
    ])
}

fn failing(names: &[&str], now: Timestamp) -> Health {
    let mut health = Health::with_options(CircuitOptions::default().with_calls_min(1));
    for ill in names {
        health.end(&name(ill), CallEnd::Failed, now);
    }
    health
}

/// Every order of every choice of backends, every capture method, currency and state of health.
#[test]
fn candidates_are_those_that_can_in_the_rules_order_and_the_ill_ones_last() {
    let (all, now) = (["all", "taker", "yuan"], Timestamp::MIN);
    let mut cases = 0;
    for order in orders() {
        let candidates: Vec<&str> = order.iter().map(|at| all[*at]).collect();
        let rule = RoutingRule::to(candidates.iter().map(|text| name(text)));
        let rules = RoutingRules::new([rule]).expect("rules");
        for ill in 0..8_u8 {
            let is_ill = |text: &str| {
                all.iter()
                    .position(|it| *it == text)
                    .is_some_and(|at| ill & (1 << at) != 0)
            };
            let sick: Vec<&str> = all.into_iter().filter(|text| is_ill(text)).collect();
            let health = failing(&sick, now);
            for manual in [
                None,
                Some(CaptureMethod::Automatic),
                Some(CaptureMethod::Manual),
            ] {
                for currency in [Currency::EUR, Currency::CNY] {
                    let mut wanted = request(100, currency);
                    wanted.capture_method = manual;
                    let fits = |text: &&&str| match **text {
                        "taker" => manual != Some(CaptureMethod::Manual),
                        "yuan" => currency == Currency::CNY,
                        _ => true,
                    };
                    let fit = || candidates.iter().filter(fits).copied();
                    let well = fit().filter(|text| !is_ill(text));
                    let expected: Vec<&str> =
                        well.chain(fit().filter(|text| is_ill(text))).collect();
                    let found = route(&rules, &wanted, &can(), &health, now);
                    match found {
                        Ok(found) => {
                            let found: Vec<&str> = found.iter().map(|it| it.as_str()).collect();
                            assert_eq!(found, expected, "{wanted:?} {sick:?}");
                        }
                        Err(refused) => {
                            assert_eq!(expected, Vec::<&str>::new());
                            assert_eq!(refused.misfits.len(), candidates.len(), "{refused}");
                        }
                    }
                    cases += 1;
                }
            }
        }
    }
    assert_eq!(cases, 15 * 8 * 3 * 2);
}

/// Returns every order of one, two or three of three things.
fn orders() -> Vec<Vec<usize>> {
    let mut orders: Vec<Vec<usize>> = (0..3).map(|one| vec![one]).collect();
    let mut from = 0;
    while from < orders.len() {
        for next in 0..3 {
            if !orders[from].contains(&next) {
                let mut longer = orders[from].clone();
                longer.push(next);
                orders.push(longer);
            }
        }
        from += 1;
    }
    orders
}

/// Every condition alone and with every other, and every request that meets or misses each.
#[test]
fn a_rule_matches_what_meets_all_of_its_conditions() {
    let country = |text: &str| text.parse::<Country>().expect("a country");
    let of_type = |text: &str| text.parse::<PaymentMethodType>().expect("a type");
    let mut cases = 0;
    for conditions in 0..32_u8 {
        let on = |bit: u8| conditions & (1 << bit) != 0;
        let mut rule = RoutingRule::to([name("all")]);
        if on(0) {
            rule = rule.of_types([of_type("card"), of_type("ideal")]);
        }
        if on(1) {
            rule = rule.in_currencies([Currency::EUR, Currency::USD]);
        }
        if on(2) {
            rule = rule.in_countries([country("DE"), country("NL")]);
        }
        if on(3) {
            rule = rule.from_amount(Money::new(100, Currency::EUR));
        }
        if on(4) {
            rule = rule.up_to_amount(Money::new(200, Currency::EUR));
        }
        for kind in [None, Some("card"), Some("ideal"), Some("alipay")] {
            for from in [None, Some("DE"), Some("NL"), Some("CN")] {
                for (minor, currency) in amounts() {
                    let wanted = request(minor, currency)
                        .of_type(kind.map(of_type))
                        .from_country(from.map(country));
                    let euros = currency == Currency::EUR;
                    let met = [
                        matches!(kind, Some("card" | "ideal")),
                        euros || currency == Currency::USD,
                        matches!(from, Some("DE" | "NL")),
                        euros && minor >= 100,
                        euros && minor <= 200,
                    ];
                    let expected = (0..5_u8).zip(met).all(|(bit, met)| met || !on(bit));
                    assert_eq!(rule.matches(&wanted), expected, "{rule:?} {wanted:?}");
                    cases += 1;
                }
            }
        }
    }
    assert_eq!(cases, 32 * 4 * 4 * 12);
}

fn amounts() -> impl Iterator<Item = (i64, Currency)> {
    let currencies = [Currency::EUR, Currency::USD, Currency::CNY];
    currencies
        .into_iter()
        .flat_map(|currency| [99, 100, 200, 201].map(|minor| (minor, currency)))
}

#[test]
fn the_first_rule_that_matches_decides_also_if_nothing_comes_of_it() {
    let rules = RoutingRules::new([
        RoutingRule::to([name("yuan")]).in_currencies([Currency::EUR]),
        RoutingRule::to([name("all")]),
    ]);
    let (rules, health) = (rules.expect("rules"), Health::default());
    let found = |currency| {
        let wanted = request(100, currency);
        route(&rules, &wanted, &can(), &health, Timestamp::MIN)
    };
    assert_eq!(found(Currency::USD), Ok(vec![&name("all")]));
    let refused = found(Currency::EUR).expect_err("refused");
    assert_eq!(
        refused.to_string(),
        "no payment backend takes the payment: yuan: the payment backend does not take EUR"
    );
}

#[test]
fn what_no_rule_matches_and_what_nobody_has_configured_is_told_apart() {
    let health = Health::default();
    let rules = |rule| RoutingRules::new([rule]).expect("rules");
    let wanted = request(100, Currency::EUR).captured(CaptureMethod::Manual);
    let found = |rules| {
        let refused = route(&rules, &wanted, &can(), &health, Timestamp::MIN).map(|_| ());
        refused.expect_err("refused").misfits
    };
    let none = rules(RoutingRule::to([name("all")]).in_currencies([Currency::CNY]));
    assert_eq!(found(none), []);
    let gone = rules(RoutingRule::to([name("gone"), name("taker")]));
    let expected = [
        (name("gone"), Misfit::NotConfigured),
        (name("taker"), Misfit::SeparateCapture),
    ];
    assert_eq!(found(gone), expected);
}

#[test]
fn a_backend_that_has_rested_is_first_again_until_it_is_called() {
    let rules = RoutingRules::new([RoutingRule::to([name("all"), name("taker")])]);
    let (rules, now) = (rules.expect("rules"), Timestamp::MIN);
    let mut health = failing(&["all"], now);
    let first = |health: &Health, now| {
        let wanted = request(100, Currency::EUR);
        let found = route(&rules, &wanted, &can(), health, now).map(|found| found[0].clone());
        found.expect("a way")
    };
    let rest = CircuitOptions::default().rest;
    let rested = now.plus(rest);
    assert_eq!(
        first(&health, rested.minus(Duration::from_micros(1))),
        name("taker")
    );
    assert_eq!(first(&health, rested), name("all"));
    health.begin(&name("all"), rested);
    assert_eq!(first(&health, rested), name("taker"), "one probe is enough");
    health.end(&name("all"), CallEnd::Answered, rested);
    assert_eq!(first(&health, rested), name("all"));
}

#[test]
fn rules_that_make_no_sense_are_refused() {
    let euros = |minor| Money::new(minor, Currency::EUR);
    let dollars = Money::new(200, Currency::USD);
    let to = |names: &[&str]| RoutingRule::to(names.iter().map(|text| name(text)));
    let nine = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];
    for (rule, field) in [
        (to(&[]), "backends"),
        (to(&["a", "a"]), "backends"),
        (to(&nine), "backends"),
        (
            to(&["a"]).from_amount(euros(2)).up_to_amount(euros(1)),
            "amount_max",
        ),
        (
            to(&["a"]).from_amount(euros(2)).up_to_amount(dollars),
            "amount_max",
        ),
    ] {
        let refused = RoutingRules::new([rule]).expect_err("refused");
        assert_eq!(refused.field(), Some(field));
    }
    let many = vec![to(&["a"]); crate::routing::RULES_MAX + 1];
    assert_eq!(
        RoutingRules::new(many).expect_err("refused").field(),
        Some("rules")
    );
    let whole = [
        to(&nine[..8]),
        to(&["a"]).from_amount(euros(1)).up_to_amount(euros(1)),
    ];
    RoutingRules::new(whole).expect("rules");
}
